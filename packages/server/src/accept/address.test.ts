import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { parseAddrSpec } from './address.ts';
import { parseMailbox } from './mailbox.ts';

function vectors(name: string): unknown {
  return JSON.parse(
    readFileSync(new URL(`../../../../vectors/addresses/${name}.json`, import.meta.url), 'utf8'),
  );
}

const valid = (
  vectors('valid') as {
    cases: { name: string; text: string; address: string; domain: string; utf8: boolean }[];
  }
).cases;
const invalid = (vectors('invalid') as { cases: { name: string; text: string }[] }).cases;
const mailboxes = vectors('mailboxes') as {
  valid: { name: string; text: string; display_name: string; address: string }[];
  invalid: { name: string; text: string }[];
};

describe('addr-spec', () => {
  it.each(valid)('takes $name', ({ text, address, domain, utf8 }) => {
    expect(parseAddrSpec(text)).toMatchObject({ ok: true, address, domain, utf8 });
  });

  it.each(valid)('gives the spelling of $name again', ({ text }) => {
    const first = parseAddrSpec(text);
    if (!first.ok) throw new Error(first.reason);
    expect(parseAddrSpec(first.address)).toEqual(first);
  });

  it.each(invalid)('refuses $name', ({ text }) => {
    const result = parseAddrSpec(text);
    expect(result.ok).toBe(false);
    if (!result.ok) expect(result.reason).toMatch(/^(has|is) .{5,}/);
  });

  it('refuses a lone surrogate', () => {
    expect(parseAddrSpec('an\ud800n@example.com').ok).toBe(false);
    expect(parseAddrSpec('"an\udc00n"@example.com').ok).toBe(false);
    expect(parseAddrSpec('ann@exam\ud800ple.com').ok).toBe(false);
  });

  it('never lets a control character or a space outside quotes through', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 40 }), fc.string({ unit: 'binary' }), (a, b) => {
        const result = parseAddrSpec(`${a}@${b}.example`);
        if (!result.ok) return;
        expect(result.address).not.toMatch(/[\p{Cc}\p{Cs}]/u);
        if (!result.local.startsWith('"')) expect(result.address).not.toMatch(/[\s<>,;:]/);
        expect(result.domain).toMatch(/^[a-z0-9.-]+$/);
        expect(parseAddrSpec(result.address)).toEqual(result);
      }),
      { numRuns: 500 },
    );
  });

  it('costs no more than its length', () => {
    const before = process.cpuUsage();
    for (const text of ['"'.repeat(999), `${'a.'.repeat(499)}@`, `a@${'b-'.repeat(490)}`, '\\'.repeat(1e6)])
      for (let i = 0; i < 100; i++) expect(parseAddrSpec(text).ok).toBe(false);
    const { user, system } = process.cpuUsage(before);
    expect(user + system).toBeLessThan(1_000_000);
  });
});

describe('mailbox', () => {
  it.each(mailboxes.valid)('takes $name', ({ text, display_name, address }) => {
    expect(parseMailbox(text)).toMatchObject({ ok: true, name: display_name, address });
  });

  it.each(mailboxes.invalid)('refuses $name', ({ text }) => {
    expect(parseMailbox(text).ok).toBe(false);
  });
});
