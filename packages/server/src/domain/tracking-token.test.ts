import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { encodeId } from '@postrider/contract/ids';
import { describe, expect, it } from 'vitest';
import {
  mintToken,
  openToken,
  tokenEnvironment,
  TrackingKeys,
  type TrackingToken,
} from './tracking-token.ts';

const master = Buffer.alloc(32, 7);
const project = 'prj_01kq2x00000000000000000000';
const keys = new TrackingKeys(master, project);
const KINDS = ['open', 'click', 'unsubscribe'] as const;

const number = fc.nat({ max: 0xffff_ffff });
const hit = {
  message_id: fc.uint8Array({ minLength: 16, maxLength: 16 }).map((b) => encodeId('msg', b)),
  recipient: number,
};
const text = fc.string({ unit: 'binary', maxLength: 200 }).filter((s) => s.isWellFormed());
const anyToken: fc.Arbitrary<TrackingToken> = fc.oneof(
  fc.record({ kind: fc.constant('open' as const), ...hit }),
  fc.record({ kind: fc.constant('click' as const), ...hit, link: number, url: text }),
  fc.record({ kind: fc.constant('unsubscribe' as const), ...hit, address: text, list: text }),
);

describe('a token', () => {
  it('gives back what went in, for its own kind only', () => {
    fc.assert(
      fc.property(anyToken, number, (token, env) => {
        const minted = mintToken(keys, env, token);
        expect(minted).toMatch(/^[A-Za-z0-9_-]+$/);
        expect(tokenEnvironment(minted)).toBe(env);
        for (const kind of KINDS)
          expect(openToken(keys, kind, minted)).toEqual(kind === token.kind ? token : null);
      }),
    );
  });

  it('is refused with one character changed, cut, or added, at any place', () => {
    const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
    fc.assert(
      fc.property(anyToken, fc.nat(), fc.constantFrom(...alphabet.split('')), (token, place, character) => {
        const minted = mintToken(keys, 3, token);
        const at = place % minted.length;
        const others = [
          minted.slice(0, at) + character + minted.slice(at + 1),
          minted.slice(0, at),
          minted.slice(at + 1),
          minted.slice(0, at) + character + minted.slice(at),
          `${minted}=`,
          `${minted} `,
        ].filter((other) => other !== minted);
        for (const other of others) expect(openToken(keys, token.kind, other)).toBeNull();
      }),
    );
  });

  it('is refused with one bit changed, wherever it is', () => {
    const minted = mintToken(keys, 300, { kind: 'click', ...example, link: 4, url: 'https://x.example/' });
    const octets = Buffer.from(minted, 'base64url');
    for (let bit = 0; bit < octets.length * 8; bit++) {
      const other = Buffer.from(octets);
      other[bit >> 3] = (other[bit >> 3] as number) ^ (1 << (bit & 7));
      expect(openToken(keys, 'click', other.toString('base64url'))).toBeNull();
    }
  });

  it('is refused by the keys of another project, and of another master key', () => {
    fc.assert(
      fc.property(anyToken, (token) => {
        const minted = mintToken(keys, 1, token);
        for (const other of [
          new TrackingKeys(master, 'prj_other'),
          new TrackingKeys(randomBytes(32), project),
        ])
          expect(openToken(other, token.kind, minted)).toBeNull();
      }),
    );
  });

  it('shows neither the target nor the address', () => {
    const url = 'https://x.example/?email=ann@example.com';
    for (const token of [
      { kind: 'click', ...example, link: 0, url },
      { kind: 'unsubscribe', ...example, address: 'ann@example.com', list: 'news' },
    ] as const) {
      const octets = Buffer.from(mintToken(keys, 1, token), 'base64url').toString('latin1');
      for (const secret of ['example', 'ann', 'news', 'http']) expect(octets).not.toContain(secret);
    }
  });

  it('is the same each time', () => {
    const token = { kind: 'open', ...example } as const;
    expect(mintToken(keys, 1, token)).toBe(mintToken(new TrackingKeys(master, project), 1, token));
    expect(mintToken(keys, 1, token).length).toBe(48);
  });

  it.each(vectors())('stays readable in this layout: $name', ({ name, env, value, text: minted }) => {
    const token = value as TrackingToken;
    expect(mintToken(keys, env, token), name).toBe(minted);
    expect(openToken(keys, token.kind, minted)).toEqual(token);
  });
});

describe('whatever else comes as a token', () => {
  it('is refused without a fault', () => {
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.uint8Array().map((b) => Buffer.from(b).toString('base64url')),
        ),
        (given) => {
          for (const kind of KINDS) expect(openToken(keys, kind, given)).toBeNull();
        },
      ),
      { numRuns: 2000 },
    );
    for (const given of ['', 'AQ', 'A'.repeat(10_000_000), 'AQEB', '\u{1f381}', 'Af____9_'.repeat(10)])
      expect(openToken(keys, 'open', given)).toBeNull();
  });
});

it('refuses to mint what it could not read', () => {
  expect(() => mintToken(keys, -1, { kind: 'open', ...example })).toThrow(RangeError);
  expect(() => mintToken(keys, 1, { kind: 'open', ...example, recipient: 1.5 })).toThrow(RangeError);
  expect(() => mintToken(keys, 1, { kind: 'open', message_id: 'msg_1', recipient: 0 })).toThrow(/message_id/);
  const url = `https://x.example/${'a'.repeat(4000)}`;
  expect(() => mintToken(keys, 1, { kind: 'click', ...example, link: 0, url })).toThrow(/4096 characters/);
});

const example = { message_id: 'msg_01kq2x7c3v5r9t1b2d4f6h8j0k', recipient: 2 };

interface Vector {
  name: string;
  env: number;
  value: object;
  text: string;
}
function vectors(): Vector[] {
  const file = new URL('../../../../vectors/tracking/tokens.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { tokens: Vector[] }).tokens;
}
