import { beforeEach, describe, expect, it } from 'vitest';
import { PostriderError } from '../domain/errors.ts';
import { Submissions, type SmtpSubmission } from './submissions.ts';
import { FakeStore, LIMITS, LIVE, NOW, refusal, SANDBOX } from './testing/fakes.ts';

const GOOD = {
  from: 'shop@example.com',
  to: ['ann@example.com', 'bob@example.com'],
  subject: 'Hello',
  text: 'Hi',
};
const KEY = { key: 'k', fingerprint: 'f', now: NOW };

let store: FakeStore;
let logged: object[];
let submissions: Submissions;

beforeEach(() => {
  store = new FakeStore();
  logged = [];
  submissions = new Submissions({
    store,
    clocks: { now: () => NOW },
    limits: LIMITS,
    canCarry: (environment) => environment.name === 'sandbox',
    log: { error: (fields) => logged.push(fields) },
    hostname: 'mx.example.com',
  });
});

describe('one message', () => {
  it('goes to the store whole', async () => {
    store.suppressed.add('bob@example.com');
    const answer = await submissions.submit(
      SANDBOX,
      { ...GOOD, tags: ['a'], metadata: { b: 'c' }, campaign_id: 'd' },
      null,
    );
    expect(answer).toEqual({
      message_id: expect.stringMatching(/^msg_[0-9a-z]{26}$/),
      recipients: [
        { address: 'ann@example.com', status: 'accepted' },
        { address: 'bob@example.com', status: 'dropped', reason: 'suppressed' },
      ],
      replayed: false,
    });
    const [message] = store.messages;
    expect(message).toMatchObject({
      message_id: answer.message_id,
      env: SANDBOX.env,
      via: 'api',
      from: 'shop@example.com',
      subject: 'Hello',
      stream: 'transactional',
      labels: '"tags":["a"],"metadata":{"b":"c"},"campaign_id":"d"',
      created_at: NOW,
      send_at: null,
      expires_at: null,
      options: '{"opens":false,"clicks":false,"unsubscribe":null}',
      size: store.mime().length,
    });
    expect(message?.raw.buffer.byteLength).toBe(message?.raw.length);
    expect(store.mime()).toContain(`Message-ID: <${answer.message_id}@example.com>`);
    expect(new Set(message?.recipients.map((recipient) => recipient.event_id)).size).toBe(2);
  });

  it('is kept once, however often it is sent with its key', async () => {
    const first = await submissions.submit(SANDBOX, GOOD, KEY);
    const again = await submissions.submit(SANDBOX, GOOD, KEY);
    expect(again).toEqual({ ...first, replayed: true });
    expect(store.messages).toHaveLength(1);
    const other = await refusal(() => submissions.submit(SANDBOX, GOOD, { ...KEY, fingerprint: 'g' }));
    expect(other.code).toBe('idempotency_conflict');
  });

  it('is refused where no transport can carry it', async () => {
    expect((await refusal(() => submissions.submit(LIVE, GOOD, null))).code).toBe('no_transport');
    expect(store.messages).toHaveLength(0);
  });

  it('is refused when it does not fit, before anything is kept', async () => {
    const error = await refusal(() => submissions.submit(SANDBOX, { ...GOOD, to: 'nobody', extra: 1 }, null));
    expect(error.errors.map((fault) => fault.path)).toEqual(['/extra', '/to']);
    expect(store.messages).toHaveLength(0);
  });

  it('is refused when it is too large as MIME', async () => {
    const content = Buffer.alloc(800_000).toString('base64');
    const error = await refusal(() =>
      submissions.submit(SANDBOX, { ...GOOD, attachments: [{ filename: 'a', content }] }, null),
    );
    expect(error.code).toBe('message_too_large');
    expect(error.message).toContain('limits.message_bytes');
  });

  it('waits for its time and is dated then', async () => {
    await submissions.submit(SANDBOX, { ...GOOD, send_at: '2026-04-20T00:00:00Z' }, null);
    expect(store.messages[0]?.send_at).toBe(Date.UTC(2026, 3, 20));
    expect(store.mime()).toContain('Date: Mon, 20 Apr 2026 00:00:00 +0000');
  });

  it('is dropped when it has expired already', async () => {
    const answer = await submissions.submit(SANDBOX, { ...GOOD, expires_at: '2026-04-19T14:32:01Z' }, null);
    expect(answer.recipients.map((recipient) => recipient.reason)).toEqual(['expired', 'expired']);
  });

  it('carries a large body too', async () => {
    await submissions.submit(SANDBOX, { ...GOOD, text: 'Grüße '.repeat(50_000) }, null);
    expect(store.mime()).toContain('Content-Transfer-Encoding: base64');
  });

  it('takes its Message-ID domain from the settings when they name one', async () => {
    const named = new Submissions({
      store,
      clocks: { now: () => NOW },
      limits: LIMITS,
      canCarry: () => true,
      log: { error: () => {} },
      messageIdDomain: 'mail.example.net',
    });
    const { message_id } = await named.submit(LIVE, GOOD, null);
    expect(store.mime()).toContain(`Message-ID: <${message_id}@mail.example.net>`);
  });
});

describe('a batch', () => {
  it('answers each item in its place', async () => {
    const items = Array.from({ length: 1000 }, (_, at) => (at % 10 === 3 ? { ...GOOD, to: at } : GOOD));
    const results = await submissions.submitBatch(SANDBOX, items, KEY);
    expect(results).toHaveLength(1000);
    expect(results.filter((result) => 'error' in result)).toHaveLength(100);
    expect(results[3]).toMatchObject({
      error: {
        code: 'validation_failed',
        status: 422,
        type: '/docs/errors#validation_failed',
        errors: [{ path: '/to' }],
      },
    });
    expect(results[4]).toMatchObject({ recipients: [{ status: 'accepted' }, { status: 'accepted' }] });
    expect(store.messages).toHaveLength(900);
    expect(await submissions.submitBatch(SANDBOX, items, KEY)).toEqual(results);
    expect(store.messages).toHaveLength(900);
  });

  it('is refused as a whole under a key that another request has used', async () => {
    await submissions.submitBatch(SANDBOX, [{ subject: 'no sender' }, GOOD], KEY);
    const other = { ...KEY, fingerprint: 'other' };
    const error = await refusal(() => submissions.submitBatch(SANDBOX, [GOOD, GOOD, GOOD], other));
    expect(error.code).toBe('idempotency_conflict');
    expect(store.messages).toHaveLength(1);
  });

  it.each([0, 1001])('is refused with %i items', async (length) => {
    const error = await refusal(() =>
      submissions.submitBatch(
        SANDBOX,
        Array.from({ length }, () => GOOD),
        null,
      ),
    );
    expect(error.errors[0]?.path).toBe('/messages');
  });

  it('keeps what it can when the store refuses some', async () => {
    store.failures.push(new PostriderError('overloaded', 'busy', { retryAfterSeconds: 1 }));
    const results = await submissions.submitBatch(SANDBOX, [GOOD, GOOD], null);
    expect(results).toMatchObject([{ error: { code: 'overloaded' } }, { message_id: expect.anything() }]);
  });

  it('is refused as a whole when nothing can be kept', async () => {
    const busy = new PostriderError('overloaded', 'busy', { retryAfterSeconds: 7 });
    store.failures.push(busy, busy);
    expect(await refusal(() => submissions.submitBatch(SANDBOX, [GOOD, GOOD], null))).toBe(busy);
  });

  it('answers what nobody expected as internal, and logs it', async () => {
    store.failures.push(new TypeError('secret detail'));
    const results = await submissions.submitBatch(SANDBOX, [GOOD, GOOD], null);
    expect(results).toMatchObject([{ error: { code: 'internal' } }, { message_id: expect.anything() }]);
    expect(JSON.stringify(results)).not.toContain('secret');
    expect(logged).toHaveLength(1);
  });

  it('takes hostile items one by one', async () => {
    const items = [
      null,
      5,
      'x',
      [],
      [[]],
      true,
      { from: null },
      { to: {} },
      { from: { email: {} }, to: [null] },
    ];
    const results = await submissions.submitBatch(SANDBOX, items, null);
    expect(results.every((result) => 'error' in result && result.error.code === 'validation_failed')).toBe(
      true,
    );
  });
});

describe('a message by SMTP', () => {
  const SUBMISSION: SmtpSubmission = {
    mail_from: 'Bounces@EXAMPLE.com',
    recipients: ['ann@example.com', 'hidden@example.com', 'ANN@example.com', 'ann@EXAMPLE.com'],
    raw: Buffer.from('From: a@b.c\r\nTo: ann@example.com\r\nX-Postrider-Tag: t\r\nSubject: S\r\n\r\n.\r\n'),
    smtputf8: false,
  };

  it('goes to the store with its envelope', async () => {
    const { message_id } = await submissions.submitMime(SANDBOX, SUBMISSION);
    expect(store.messages[0]).toMatchObject({
      message_id,
      via: 'smtp',
      from: 'Bounces@example.com',
      subject: 'S',
      tags: ['t'],
      recipients: [
        { address: 'ann@example.com', role: 'to' },
        { address: 'hidden@example.com', role: 'bcc' },
        { address: 'ANN@example.com', role: 'to' },
      ],
      size: store.mime().length,
    });
    expect(store.mime()).toMatch(/^Received: by mx\.example\.com with ESMTP id msg_/);
    expect(store.mime()).toContain(`Message-ID: <${message_id}@example.com>\r\n`);
    expect(store.mime()).not.toContain('X-Postrider');
  });

  it('may come from nobody', async () => {
    const { message_id } = await submissions.submitMime(SANDBOX, { ...SUBMISSION, mail_from: '' });
    expect(store.messages[0]?.from).toBe('');
    expect(store.mime()).toContain(`Message-ID: <${message_id}@mx.example.com>`);
  });

  it.each<[string, Partial<SmtpSubmission>, string]>([
    ['a bad sender', { mail_from: 'x' }, 'validation_failed'],
    ['no recipients', { recipients: [] }, 'validation_failed'],
    [
      'too many recipients',
      { recipients: Array.from({ length: 1001 }, (_, at) => `a${at}@b.cc`) },
      'validation_failed',
    ],
    ['a bad recipient', { recipients: ['<a@b.cc>'] }, 'validation_failed'],
    ['letters that need SMTPUTF8', { recipients: ['jõgi@b.cc'] }, 'validation_failed'],
    ['no header', { raw: Buffer.from('Hi\r\n') }, 'validation_failed'],
    ['too many octets', { raw: Buffer.alloc(1_000_001, 'a') }, 'message_too_large'],
  ])('is refused with %s', async (_name, change, code) => {
    const error = await refusal(() => submissions.submitMime(SANDBOX, { ...SUBMISSION, ...change }));
    expect(error.code).toBe(code);
    expect(store.messages).toHaveLength(0);
  });

  it('takes international addresses when it was announced', async () => {
    await submissions.submitMime(SANDBOX, { ...SUBMISSION, recipients: ['jõgi@b.cc'], smtputf8: true });
    expect(store.messages[0]?.recipients[0]?.address).toBe('jõgi@b.cc');
  });

  it('is refused where no transport can carry it', async () => {
    expect((await refusal(() => submissions.submitMime(LIVE, SUBMISSION))).code).toBe('no_transport');
  });
});

describe('cancelling', () => {
  it('asks the store', async () => {
    const { message_id } = await submissions.submit(
      SANDBOX,
      { ...GOOD, send_at: '2026-04-20T00:00:00Z' },
      null,
    );
    expect(await submissions.cancel(SANDBOX, message_id)).toEqual({ cancelled: ['ann@example.com'] });
  });

  it.each(['x', 'msg_', "msg_' OR 1=1 --", '../msg', 'evt_01kq2x00000000000000000000'])(
    'knows no message %s',
    async (id) => {
      expect((await refusal(() => submissions.cancel(SANDBOX, id))).code).toBe('not_found');
      expect(store.cancelled).toHaveLength(0);
    },
  );
});
