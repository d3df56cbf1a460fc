import { mkdirSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Command } from 'commander';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { addExplainBounce } from './explain-bounce.ts';
import { command } from './test-kit.ts';

const TUNING = join(import.meta.dirname, '../../../../vectors/bounces/tuning');
const BOUNCE = join(TUNING, 'postfix-user-unknown.eml');

let dir = '';
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'postrider-explain-'));
});
afterEach(() => rmSync(dir, { recursive: true, force: true }));

test('a line of JSON for each file, with the fields that API.md names', async () => {
  const done = await command(['explain-bounce', BOUNCE, join(TUNING, 'arf-minimal.eml')]);
  expect(done).toMatchObject({ code: 0, notes: '' });
  const [bounce, complaint] = done.out.split('\n').map((line) => JSON.parse(line) as object);
  expect(bounce).toEqual({
    file: BOUNCE,
    kind: 'bounce',
    recipients: [
      {
        address: 'user.one@rcpt.example',
        outcome: 'bounce',
        category: 'invalid_email',
        smtp_code: 550,
        enhanced_code: '5.1.1',
        diagnostic:
          '550 5.1.1 <user.one@rcpt.example>: Recipient address rejected: User unknown in virtual mailbox table',
        rule: 'text.user_unknown',
      },
    ],
    original: { message_id: 'orig.1@sender.example' },
  });
  expect(complaint).toMatchObject({
    kind: 'complaint',
    recipients: [{ address: 'user.one@rcpt.example', outcome: 'complaint', rule: 'feedback.abuse' }],
  });
});

test('what is wrong with a file is said by its name, and the others are explained', async () => {
  const large = join(dir, 'large.eml');
  writeFileSync(large, 'From: a');
  truncateSync(large, 25 * 1024 * 1024 + 1);
  const empty = join(dir, 'empty.eml');
  writeFileSync(empty, '');
  const inner = join(dir, 'inner');
  mkdirSync(inner);
  const letter = join(dir, 'letter.eml');
  writeFileSync(letter, 'From: ann@rcpt.example\nSubject: Hi\n\nLunch?\n');
  const done = await command(['explain-bounce', join(dir, 'none.eml'), large, empty, inner, letter, BOUNCE]);
  expect(done.code).toBe(1);
  expect(done.out.split('\n').map((line) => (JSON.parse(line) as { kind: string }).kind)).toEqual([
    'other',
    'bounce',
  ]);
  expect(done.notes.split('\n')).toEqual([
    `postrider: ${join(dir, 'none.eml')}: does not exist`,
    `postrider: ${large}: is larger than 25 MB; cut off what follows the report`,
    `postrider: ${empty}: is empty; give a message as it was received, header and all`,
    `postrider: ${inner}: is a folder; name the files in it`,
    'postrider: 4 of 6 could not be explained.',
  ]);
});

test('standard input, and one that never ends', async () => {
  const lines: string[] = [];
  const notes: string[] = [];
  const terminal = {
    out: (line: string) => void lines.push(line),
    note: (line: string) => void notes.push(line),
    env: {},
    signal: new AbortController().signal,
  };
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* [readFileSync(BOUNCE)];
  }
  let given = 0;
  async function* endless(): AsyncGenerator<Uint8Array> {
    for (;;) {
      given++;
      yield Buffer.alloc(1024 * 1024, 'a');
    }
  }
  const run = (input: () => AsyncIterable<Uint8Array>) => {
    const program = new Command();
    addExplainBounce(program, terminal, input);
    return program.parseAsync(['explain-bounce', '-'], { from: 'user' });
  };
  await run(whole);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({ file: '-', kind: 'bounce' });
  await expect(run(endless)).rejects.toThrow('1 of 1');
  expect(notes).toEqual(['postrider: -: is larger than 25 MB; cut off what follows the report']);
  expect(given).toBe(26);
});

test('help has examples, and no file is used wrongly', async () => {
  const help = await command(['explain-bounce', '--help']);
  expect(help).toMatchObject({ code: 0, notes: '' });
  expect(help.out).toContain('Examples:');
  expect((await command(['explain-bounce'])).code).toBe(2);
});
