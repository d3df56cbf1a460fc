import * as fc from 'fast-check';
import PostalMime from 'postal-mime';
import { describe, expect, it } from 'vitest';
import { PostriderError } from '../domain/errors.ts';
import { composeMime } from './compose-mime.ts';
import { readEvents } from './custom-events.ts';
import { readMessage } from './message-input.ts';
import { readMime } from './mime-input.ts';
import { LIMITS, NOW } from './testing/fakes.ts';

const FIELDS = [
  'from',
  'to',
  'cc',
  'bcc',
  'reply_to',
  'subject',
  'html',
  'text',
  'headers',
  'attachments',
  'tags',
  'metadata',
  'campaign_id',
  'stream',
  'track',
  'unsubscribe',
  'send_at',
  'expires_at',
  'event_type',
  'data',
  'recipient',
  'message_id',
  'events',
  'x',
];
const GOOD = { from: 'shop@example.com', to: 'ann@example.com', subject: 'Hello', text: 'Hi' };
const ANYTHING = fc.oneof(
  fc.jsonValue({ maxDepth: 4 }),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    'a@example.com',
    { email: 'a@example.com' },
    ['b@example.com'],
    { __proto__: null },
    '\ud800',
    '\r\n',
  ),
);
const BODY = fc.dictionary(fc.constantFrom(...FIELDS), ANYTHING, { maxKeys: 12 });

/** What is refused is refused on purpose, with something to say. */
function refusedOnPurpose(call: () => unknown): boolean {
  try {
    call();
    return false;
  } catch (error) {
    if (!(error instanceof PostriderError)) throw error;
    expect(error.code).toBe('validation_failed');
    expect(error.errors.length).toBeGreaterThan(0);
    expect(JSON.stringify(error.errors).length).toBeLessThan(50_000);
    return true;
  }
}

describe('whatever comes in', () => {
  it('as a message is read or refused', () => {
    fc.assert(
      fc.property(BODY, fc.boolean(), (body, whole) => {
        refusedOnPurpose(() =>
          readMessage(whole ? { ...GOOD, ...body } : body, { limits: LIMITS, now: NOW }),
        );
      }),
      { numRuns: 2000 },
    );
  });

  it('as an event is read or refused', () => {
    fc.assert(
      fc.property(BODY, (body) => {
        refusedOnPurpose(() => readEvents({ event_type: 'custom.x', ...body }, NOW, LIMITS));
        refusedOnPurpose(() => readEvents({ events: [body] }, NOW, LIMITS));
      }),
      { numRuns: 1000 },
    );
  });

  it('by SMTP is read or refused, and what is read keeps its body', () => {
    const line = fc.oneof(
      fc.constantFrom(
        'From: a@b.c',
        'X-Postrider-Metadata: {"a":"b"}',
        'Bcc: x@y.z',
        ' folded',
        'Subject: =?utf-8?B?4pyT?=',
        '',
        'X-Postrider-Tag: =?x?q?=00?=',
      ),
      fc.string({ unit: 'binary', maxLength: 60 }),
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), fc.uint8Array({ maxLength: 100 }), (lines, body) => {
        const raw = Buffer.concat([Buffer.from(`From: a@b.c\r\n${lines.join('\r\n')}\r\n\r\n`), body]);
        refusedOnPurpose(() => {
          const input = readMime(raw, {
            limits: LIMITS,
            message_id: 'm',
            messageIdHeader: 'm@x.y',
            hostname: 'h',
            date: new Date(NOW),
            client: null,
          });
          expect(input.raw.subarray(-body.length - 2).equals(raw.subarray(-body.length - 2))).toBe(true);
        });
      }),
      { numRuns: 1000 },
    );
  });

  it('of names and subjects comes out as it went in, and adds no header', async () => {
    const letters = fc
      .string({ unit: 'grapheme', minLength: 1, maxLength: 60 })
      .filter((one) => !/[\p{C}\p{Z}]/u.test(one));
    const text = fc.oneof(
      letters,
      fc.constantFrom(
        '=?utf-8?Q?no?=',
        '=?utf-8?B?bm8=?=',
        '"a" <b@c.de>',
        'a,b;c:d',
        '\\',
        '(x)',
        '=?x',
        '?=',
      ),
    );
    await fc.assert(
      fc.asyncProperty(text, text, async (name, subject) => {
        const body = { ...GOOD, from: { email: 'shop@example.com', name }, subject };
        const raw = composeMime(readMessage(body, { limits: LIMITS, now: NOW }), {
          messageId: 'a@b.c',
          date: new Date(NOW),
        });
        const mail = await PostalMime.parse(raw);
        expect(mail.headers.map((header) => header.key).sort()).toEqual([
          'content-transfer-encoding',
          'content-type',
          'date',
          'from',
          'message-id',
          'mime-version',
          'subject',
          'to',
        ]);
        expect(mail.from?.address).toBe('shop@example.com');
        expect([mail.from?.name, mail.subject]).toEqual([name, subject]);
      }),
      { numRuns: 500 },
    );
  });
});
