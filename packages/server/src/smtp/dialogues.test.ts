/** Plays the dialogues of vectors/smtp; what the steps mean is in its README. */

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { SmtpMail } from './session-context.ts';
import type { SmtpSettings, SmtpTuning } from './settings.ts';
import { ADMIN_KEY, GOOD_KEY, openDoor, plainResponse, RawClient, READ_ONLY_KEY } from './test-kit.ts';

interface ExpectedMail {
  mail_from?: string;
  recipients?: string[];
  smtputf8?: boolean;
  raw?: string;
  raw_hex?: string;
  raw_repeat?: [string, number, string];
}
type Step =
  | { send: string }
  | { send_hex: string }
  | { repeat: [string, number] }
  | { expect: string[] }
  | { lines: string[] }
  | { no_lines: string[] }
  | { starttls: 'done' }
  | { half_close: true }
  | { closed: true | 'anything' };
interface Case {
  name: string;
  source: string;
  from: 'connected' | 'greeted' | 'hello' | 'signed_in' | 'mail' | 'rcpt' | 'data';
  config?: Partial<SmtpSettings & SmtpTuning>;
  steps: Step[];
  mails?: ExpectedMail[];
}

const FOLDER = join(import.meta.dirname, '../../../../vectors/smtp');
const PRELUDE: [Case['from'], string][] = [
  ['greeted', ''],
  ['hello', 'EHLO client.example.org'],
  ['signed_in', `AUTH PLAIN ${plainResponse(GOOD_KEY)}`],
  ['mail', 'MAIL FROM:<sender@example.com>'],
  ['rcpt', 'RCPT TO:<ann@example.net>'],
  ['data', 'DATA'],
];

function fill(text: string): string {
  return text
    .replaceAll('{{plain}}', plainResponse(GOOD_KEY))
    .replaceAll('{{read_only}}', plainResponse(READ_ONLY_KEY))
    .replaceAll('{{admin}}', plainResponse(ADMIN_KEY))
    .replaceAll('{{key}}', Buffer.from(GOOD_KEY).toString('base64'));
}

async function begin(client: RawClient, from: Case['from']): Promise<void> {
  if (from === 'connected') return;
  for (const [stage, line] of PRELUDE) {
    if (line !== '') client.send(`${line}\r\n`);
    expect((await client.reply()).at(-1), line).toMatch(/^[23]/);
    if (stage === from) return;
  }
}

async function play(client: RawClient, steps: Step[]): Promise<void> {
  let last: string[] = [];
  const read = async (): Promise<string[]> => {
    last = await client.reply();
    const code = last[0]?.slice(0, 3) ?? '';
    for (const line of last) expect(line.slice(0, 3)).toBe(code);
    return last;
  };
  for (const step of steps) {
    if ('send' in step) client.send(fill(step.send));
    else if ('send_hex' in step) client.send(Buffer.from(step.send_hex, 'hex'));
    else if ('repeat' in step) client.send(step.repeat[0].repeat(step.repeat[1]));
    else if ('expect' in step) {
      for (const wanted of step.expect) {
        const got = (await read()).at(-1) ?? '';
        expect(got.slice(0, wanted.length), got).toBe(wanted);
      }
    } else if ('lines' in step) {
      const lines = (await read()).map((line) => line.slice(4));
      expect(lines).toEqual(expect.arrayContaining(step.lines));
    } else if ('no_lines' in step) {
      for (const line of last)
        for (const no of step.no_lines) expect(line.slice(4).startsWith(no)).toBe(false);
    } else if ('starttls' in step) await client.startTls();
    else if ('half_close' in step) client.end();
    else {
      const rest = await client.closed();
      if (step.closed === true) expect(rest).toBe('');
      else expect(rest).not.toMatch(/^[0-9]{3}/);
    }
  }
}

function expectMails(mails: SmtpMail[], wanted: ExpectedMail[]): void {
  expect(mails.length).toBe(wanted.length);
  for (const [index, one] of wanted.entries()) {
    const mail = mails[index];
    expect(mail?.mail_from).toBe(one.mail_from ?? 'sender@example.com');
    expect(mail?.recipients).toEqual(one.recipients ?? ['ann@example.net']);
    expect(mail?.smtputf8).toBe(one.smtputf8 ?? false);
    const raw =
      one.raw_hex !== undefined
        ? Buffer.from(one.raw_hex, 'hex')
        : Buffer.from(
            one.raw_repeat
              ? one.raw_repeat[0].repeat(one.raw_repeat[1]) + one.raw_repeat[2]
              : (one.raw ?? ''),
          );
    expect(mail?.raw.equals(raw), `octets of mail ${index}`).toBe(true);
  }
}

const files = readdirSync(FOLDER).filter((name) => name.endsWith('.json'));
const cases = files.flatMap((file) => {
  const { cases } = JSON.parse(readFileSync(join(FOLDER, file), 'utf8')) as { cases: Case[] };
  return cases.map((one): [string, Case] => [`${file.replace('.json', '')}: ${one.name}`, one]);
});

test.each(cases)('%s', async (_name, one) => {
  const open = await openDoor(one.config);
  onTestFinished(open.close);
  const client = await RawClient.connect(open.port, { allowHalfOpen: true });
  onTestFinished(() => client.destroy());
  await begin(client, one.from);
  await play(client, one.steps);
  client.destroy();

  const next = await RawClient.connect(open.port);
  expect(await next.reply(), 'the door is still there').toEqual(['220 mail.example.com ESMTP Postrider']);
  next.destroy();
  await open.door.close();
  expectMails(open.submissions.mails, one.mails ?? []);
  expect(open.door.pendingBytes).toBe(0);
});

test('names are used once, and the hostile and broken ones are many', () => {
  expect(new Set(cases.map(([name]) => name)).size).toBe(cases.length);
  expect(cases.length).toBeGreaterThan(90);
});
