import { expect, test } from 'vitest';
import { PostriderError } from '../domain/errors.ts';
import { ERRORS, type ErrorCode } from '@postrider/contract/errors';
import { renderReply, REPLIES, reply, type ReplyEntry } from './replies.ts';
import { submissionReply } from './submission-reply.ts';

const entries: [string, ReplyEntry][] = Object.entries(REPLIES);

test.each(entries)('%s has an enhanced code of its own class, where RFC 2034 wants one', (name, entry) => {
  const wants = entry.code < 300 || entry.code >= 400;
  if (!wants || name === 'greeting' || name === 'hello') expect(entry.enhanced).toBe('');
  else expect(entry.enhanced).toMatch(new RegExp(`^${String(entry.code)[0]}\\.[0-7]\\.\\d{1,2}$`));
  expect(entry.source).toMatch(/RFC \d+|draft-/);
  expect(entry.text).toMatch(/^[\x20-\x7e]*$/);
  if (entry.code === 421) expect(entry.closes).toBe(true);
});

test('foreign words in a reply cannot make a second reply', () => {
  const wire = renderReply(reply('refused_message', 'bad\r\n250 2.0.0 queued\0\u00e9\u2028x'));
  expect(wire).toBe('554 5.6.0 bad 250 2.0.0 queued?? x\r\n');
  expect(renderReply(reply('refused_message', 'x'.repeat(9999))).length).toBe(512);
});

test('every error of the catalogue has an answer, temporary where the client should try again', () => {
  const answers = Object.fromEntries(
    (Object.keys(ERRORS) as ErrorCode[]).map((code) => {
      const { entry } = submissionReply(new PostriderError(code, 'why'));
      return [code, `${entry.code} ${entry.enhanced}`];
    }),
  );
  expect(answers).toMatchObject({
    overloaded: '451 4.3.0',
    storage_unavailable: '451 4.3.0',
    too_many_requests: '451 4.3.0',
    internal: '451 4.3.0',
    shutting_down: '451 4.3.2',
    validation_failed: '554 5.6.0',
    no_transport: '554 5.3.5',
    message_too_large: '552 5.3.4',
    insufficient_scope: '550 5.7.1',
  });
  for (const code of Object.keys(ERRORS) as ErrorCode[]) {
    const temporary = ERRORS[code].status >= 500 || ERRORS[code].status === 429;
    expect(answers[code]?.startsWith(temporary ? '451 4.' : '55'), code).toBe(true);
  }
  expect(submissionReply(new TypeError('x')).entry.code).toBe(451);
});
