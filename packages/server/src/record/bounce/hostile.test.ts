/** Whatever a mail holds, reading it ends soon, takes bounded memory, and never throws. */

import { expect, test } from 'vitest';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { explainReport } from './explain-report.ts';
import { readReport } from './read-report.ts';
import { MAX_DIAGNOSTIC, MAX_RECIPIENTS } from './report.ts';
import { seeded } from './testing/ordinary-mail.ts';

const TUNING = join(import.meta.dirname, '../../../../../vectors/bounces/tuning');
const MB = 1024 * 1024;
const SEED = 4;

/** Milliseconds of CPU, which other programs on the machine do not change. */
function cost(raw: Buffer): { ms: number; explained: ReturnType<typeof explainReport> } {
  const before = process.cpuUsage();
  const explained = explainReport(readReport(raw));
  const { user, system } = process.cpuUsage(before);
  return { ms: (user + system) / 1000, explained };
}

function dsn(status: string, head = ''): Buffer {
  return Buffer.from(
    `Return-Path: <>\r\n${head}From: MAILER-DAEMON@x.example\r\nContent-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\nThis is the mail system at host x.example.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n${status}\r\n--b--\r\n`,
  );
}

test('100,000 recipients: the first are read, and it is said that there are more', () => {
  const groups = Array.from(
    { length: 100_000 },
    (_, index) =>
      `Final-Recipient: rfc822; r${index}@rcpt.example\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 r${index} unknown`,
  );
  const { ms, explained } = cost(dsn(`Reporting-MTA: dns; x.example\r\n\r\n${groups.join('\r\n\r\n')}`));
  expect(explained.recipients).toHaveLength(MAX_RECIPIENTS);
  expect(explained.truncated).toBe(true);
  expect(explained.recipients.at(-1)).toMatchObject({ address: 'r9999@rcpt.example', outcome: 'bounce' });
  expect(ms).toBeLessThan(10_000);
});

test('recipients without diagnostics, all to be looked up in the text', () => {
  const groups = Array.from(
    { length: 20_000 },
    (_, index) => `Final-Recipient: rfc822; r${index}@rcpt.example\nAction: failed`,
  );
  const { ms, explained } = cost(dsn(groups.join('\n\n')));
  expect(explained.recipients).toHaveLength(MAX_RECIPIENTS);
  expect(ms).toBeLessThan(10_000);
});

test('MIME nested 10,000 deep', () => {
  let head = 'From: MAILER-DAEMON@x.example\r\n';
  for (let level = 0; level < 10_000; level++)
    head += `Content-Type: multipart/mixed; boundary="b${level}"\r\n\r\n--b${level}\r\n`;
  const { ms, explained } = cost(
    Buffer.from(`${head}Content-Type: message/delivery-status\r\n\r\nAction: failed\r\n`),
  );
  expect(explained.kind).toBe('other');
  expect(ms).toBeLessThan(2000);
});

test('the same boundary on every level, and 100,000 parts', () => {
  const parts = '--b\r\nContent-Type: multipart/report; boundary="b"\r\n\r\n'.repeat(100_000);
  const { ms } = cost(Buffer.from(`Content-Type: multipart/report; boundary="b"\r\n\r\n${parts}`));
  expect(ms).toBeLessThan(5000);
});

/** Texts that make careless patterns slow. */
const LONG: [string, string][] = [
  ['empty lines', '\r\n'.repeat(12 * MB)],
  ['one line', 'a'.repeat(24 * MB)],
  ['at signs', 'a@'.repeat(12 * MB)],
  ['angle brackets', '<'.repeat(24 * MB)],
  ['addresses', '<a@b.example>:\r\n'.repeat(1_500_000)],
  ['digits', '550-5.1.1 '.repeat(2_400_000)],
  ['blanks', `${' '.repeat(24 * MB)}x`],
  ['equals signs', '=\r\n='.repeat(6 * MB)],
  ['delimiters', '--b\r\n'.repeat(4 * MB)],
  ['folded header', `X-Failed-Recipients: ${'a@b.example,\r\n '.repeat(1_600_000)}`],
  ['header fields', 'A: b\r\n'.repeat(4 * MB)],
  ['encoded words', `Subject: ${'=?utf-8?q?=41?= '.repeat(1_400_000)}`],
];

test.each(LONG)('25 MB of %s, anywhere', (_name, long) => {
  const texts = [
    Buffer.from(long),
    Buffer.from(
      `Return-Path: <>\r\nFrom: MAILER-DAEMON@x.example\r\nSubject: failure notice\r\n\r\nHi. This is the qmail-send program at x.example.\r\n\r\n${long}`,
    ),
    Buffer.from(
      `Return-Path: <>\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${long}`,
    ),
    dsn(long),
    dsn(`Final-Recipient: rfc822; ${long}\r\nAction: failed\r\nDiagnostic-Code: smtp; ${long.slice(0, MB)}`),
    dsn('Final-Recipient: rfc822; a@b.example\r\nAction: failed', `Subject: ${long.slice(0, MB)}\r\n`),
  ];
  for (const raw of texts) {
    const { ms, explained } = cost(raw.subarray(0, 25 * MB));
    expect(ms).toBeLessThan(4000);
    for (const { diagnostic } of explained.recipients)
      expect(diagnostic.length).toBeLessThanOrEqual(MAX_DIAGNOSTIC);
  }
});

test('3,000 reports with bytes changed, cut, doubled and mixed', () => {
  const next = seeded(SEED);
  const seeds = readdirSync(TUNING)
    .filter((name) => name.endsWith('.eml'))
    .map((name) => readFileSync(join(TUNING, name)));
  const kinds = new Set(['bounce', 'delayed', 'complaint', 'auto_reply', 'other']);
  for (let round = 0; round < 3000; round++) {
    let raw: Buffer = Buffer.from(seeds[next(seeds.length)] as Buffer);
    for (let times = next(6); times >= 0; times--)
      raw = changed(raw, seeds[next(seeds.length)] as Buffer, next);
    const { ms, explained } = cost(raw);
    expect(kinds.has(explained.kind), `round ${round} of seed ${SEED}`).toBe(true);
    expect(ms, `round ${round} of seed ${SEED}`).toBeLessThan(2000);
    for (const { address } of explained.recipients)
      if (address !== null) expect(address).toMatch(/^[^\r\n]+@[^\r\n]+$/);
  }
});

function changed(raw: Buffer, other: Buffer, next: (below: number) => number): Buffer {
  const at = next(raw.length + 1);
  const length = next(200);
  switch (next(5)) {
    case 0:
      for (let times = 0; times < 20 && raw.length > 0; times++) raw[next(raw.length)] = next(256);
      return raw;
    case 1:
      return raw.subarray(0, at);
    case 2:
      return Buffer.concat([raw.subarray(0, at), raw.subarray(at, at + length), raw.subarray(at)]);
    case 3:
      return Buffer.concat([raw.subarray(0, at), other.subarray(next(other.length))]);
    default:
      return Buffer.concat([raw.subarray(0, at), raw.subarray(at + length)]);
  }
}
