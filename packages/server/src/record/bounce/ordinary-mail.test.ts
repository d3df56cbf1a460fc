import { expect, test } from 'vitest';
import { readReport } from './read-report.ts';
import { ordinaryMail } from './testing/ordinary-mail.ts';

const SEED = 20261121;

test('no bounce, delay or complaint among 900 ordinary mails, replies, forwards and vacation notices', () => {
  const wrong = ordinaryMail(900, SEED).flatMap(({ name, raw, kind }) => {
    const report = readReport(raw);
    return report.kind === kind ? [] : [`${name}: ${report.kind}\n${raw.toString().slice(0, 600)}`];
  });
  expect(wrong).toEqual([]);
});

test('a vacation notice of a person who is called postmaster is none either', () => {
  const raw = Buffer.from(
    'Return-Path: <>\r\nFrom: postmaster@rcpt.example\r\nSubject: Out of Office: Your message could not be delivered\r\n\r\nYour message could not be delivered to me, as I am away.\r\n',
  );
  expect(readReport(raw).kind).toBe('auto_reply');
});
