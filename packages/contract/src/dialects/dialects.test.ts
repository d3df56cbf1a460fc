import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import { encodeId } from '../ids.ts';
import type { Hmac } from '../sign.ts';
import { verifySendarix, verifyStandard } from '../verify.ts';
import { INBOX_EVENT_TYPES, MAIL_EVENT_TYPES, type EventEnvelope } from '../events.ts';
import { canTell, type Dialect } from './dialect.ts';
import { DIALECTS } from './dialects.ts';
import { readEnvelopeText } from './envelope-text.ts';
import { DIALECT_NAMES, type DialectName } from './names.ts';
import { sendookId } from './sendook-id.ts';

interface Case {
  description: string;
  envelope: string;
  seq: number;
  test?: boolean;
  bodies: Record<DialectName, string>;
}
const { cases } = JSON.parse(
  readFileSync(new URL('../../../../vectors/dialects/bodies.json', import.meta.url), 'utf8'),
) as { cases: Case[] };

const SECRET = `whsec_${Buffer.alloc(32, 3).toString('base64')}`;
const OLD_SECRET = `whsec_${Buffer.alloc(32, 4).toString('base64')}`;
const hmac: Hmac<KeyObject> = (key, head, body, encoding) =>
  createHmac('sha256', key).update(head).update(body).digest(encoding);

describe.each(DIALECT_NAMES)('%s', (name) => {
  it.each(cases)('$description', ({ envelope, seq, test, bodies }) => {
    const body = DIALECTS[name].body(envelope, seq, test);
    expect(body).toBe(bodies[name]);
    expect(() => JSON.parse(body) as unknown).not.toThrow();
  });

  it('refuses a secret that cannot sign', () => {
    expect(() => DIALECTS[name].key('')).toThrow(RangeError);
  });
});

describe('bodies', () => {
  it('hold what the envelope holds, whatever its data', () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.string(),
        fc.nat(),
        (data, recipient, seq) => {
          const six = {
            event_id: 'evt_1',
            event_type: 'custom.a',
            timestamp: '2026-04-19T14:32:01.123Z',
            message_id: null,
            recipient,
            data,
          };
          const envelope = {
            ...six,
            environment: 'live',
            tags: ['","data":{'],
            metadata: { data: '{' },
            campaign_id: null,
            state: null,
          };
          const text = JSON.stringify(envelope);
          expect(JSON.parse(DIALECTS.postrider.body(text, seq))).toEqual(
            JSON.parse(JSON.stringify({ ...envelope, seq })),
          );
          expect(JSON.parse(DIALECTS.sendarix.body(text, seq))).toEqual(JSON.parse(JSON.stringify(six)));
          expect(JSON.parse(DIALECTS.sentinmail.body(text, seq))).toEqual(
            JSON.parse(
              JSON.stringify({
                id: 'evt_1',
                type: 'custom.a',
                recipient,
                sent_email_id: null,
                campaign_id: null,
                metadata: data,
                timestamp: six.timestamp,
              }),
            ),
          );
          const cloudEvent = JSON.parse(DIALECTS.cloudevents.body(text, seq)) as Record<string, unknown>;
          expect(cloudEvent['data']).toEqual(JSON.parse(DIALECTS.postrider.body(text, seq)));
          expectCloudEvent(cloudEvent);
          expect(hasNull(JSON.parse(DIALECTS.sendook.body(text, seq)))).toBe(false);
          expect(JSON.parse(DIALECTS.sendarix_compact.body(text, seq))).toEqual({
            event: 'custom.a',
            message_id: null,
            recipient,
            timestamp: 1776609121,
          });
        },
      ),
    );
  });

  it('are not made of text that is no envelope', () => {
    for (const text of ['', '{}', '[]', '{"event_id":"a","event_type":"b"}', ' {"event_id":"a"}'])
      expect(() => readEnvelopeText(text)).toThrow(SyntaxError);
    const head =
      '{"event_id":"a","event_type":"b","timestamp":"c","message_id":null,"recipient":null,"data":';
    for (const data of ['null,', '[],', '{"a":"}', '{'])
      expect(() => readEnvelopeText(head + data)).toThrow(SyntaxError);
  });
});

/** The attributes and the type String of https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md. */
function expectCloudEvent({ data: _data, ...attributes }: Record<string, unknown>): void {
  expect(attributes).toMatchObject({ specversion: '1.0', datacontenttype: 'application/json' });
  for (const required of ['id', 'source', 'type']) expect(attributes[required]).toMatch(/./);
  for (const [name, value] of Object.entries(attributes)) {
    expect(name).toMatch(/^[a-z0-9]{1,20}$/);
    expect(value).toEqual(expect.any(String));
    for (const character of value as string) {
      const code = character.codePointAt(0) as number;
      const isControl = code < 0x20 || (code > 0x7e && code < 0xa0);
      const isNoncharacter = (code >= 0xfdd0 && code <= 0xfdef) || (code & 0xfffe) === 0xfffe;
      expect(isControl || isNoncharacter || (code >= 0xd800 && code <= 0xdfff)).toBe(false);
    }
  }
}

/** An element of an array has no name to leave out. */
function hasNull(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value)) return value.some(hasNull);
  return Object.values(value).some((member) => member === null || hasNull(member));
}

describe('event types', () => {
  const all = [...MAIL_EVENT_TYPES, ...INBOX_EVENT_TYPES, 'endpoint.disabled', 'custom.a'];
  const told = (name: DialectName, asked: boolean): string[] =>
    all.filter((type) => canTell(DIALECTS[name], type, asked));

  it('all go in our own dialect and in CloudEvents', () => {
    for (const name of ['postrider', 'cloudevents'] as const)
      for (const asked of [true, false]) expect(told(name, asked)).toEqual(all);
  });

  it.each(['sendarix', 'sendarix_compact'] as const)('that %s does not have go when asked for', (name) => {
    expect(all.filter((type) => !told(name, false).includes(type))).toEqual([
      'dropped',
      'received',
      ...INBOX_EVENT_TYPES,
      'endpoint.disabled',
      'custom.a',
    ]);
    expect(told(name, true)).toEqual(all);
  });

  it.each([
    ['sentinmail', ['delivered', 'soft_bounce', 'bounce', 'unsubscribe', 'open', 'click']],
    [
      'sendook',
      [
        'accepted',
        'delivered',
        'soft_bounce',
        'bounce',
        'dropped',
        'complaint',
        'received',
        ...INBOX_EVENT_TYPES,
      ],
    ],
  ] as const)('of %s are a closed list', (name, types) => {
    for (const asked of [true, false]) expect(told(name, asked)).toEqual(types);
  });

  it('that a dialect has are in its vectors', () => {
    const inVectors = new Set(
      cases.map(({ envelope }) => (JSON.parse(envelope) as EventEnvelope).event_type),
    );
    for (const type of ['open', 'bounce', 'unsubscribe', 'dropped', 'complaint', 'received', 'inbox.created'])
      expect(inVectors).toContain(type);
  });
});

describe('signatures', () => {
  const body = Buffer.from('{"event_id":"evt_1"}');

  it('of postrider are by both secrets during a rotation, newest first, and say attempt and replay', () => {
    const headers = signed(DIALECTS.postrider, { replayId: 'rpl_1', attempt: 3 }, OLD_SECRET);
    expect(headers).toMatchObject({
      'webhook-id': 'evt_1',
      'postrider-attempt': '3',
      'postrider-replay': 'rpl_1',
    });
    const [first, second] = (headers['webhook-signature'] as string).split(' ');
    expect(first).toBe(signed(DIALECTS.postrider, {}, null)['webhook-signature']);
    expect(second).not.toBe(first);
    for (const secret of [SECRET, OLD_SECRET])
      expect(new Webhook(secret).verify(body.toString(), headers)).toEqual({ event_id: 'evt_1' });
    expect(signed(DIALECTS.postrider, {}, null)).not.toHaveProperty('postrider-replay');
  });

  it.each(['sendarix', 'sendarix_compact'] as const)(
    'of %s are by the old secret until the overlap ends',
    async (name) => {
      const during = { body, headers: signed(DIALECTS[name], {}, OLD_SECRET) };
      expect((await verifySendarix({ ...during, secrets: [OLD_SECRET] })).ok).toBe(true);
      expect((await verifySendarix({ ...during, secrets: [SECRET] })).ok).toBe(false);
      const after = { body, headers: signed(DIALECTS[name], {}, null) };
      expect((await verifySendarix({ ...after, secrets: [SECRET] })).ok).toBe(true);
    },
  );

  it.each(['postrider', 'sentinmail', 'sendook', 'cloudevents'] as const)(
    'of %s verify with ours',
    async (name) => {
      const headers = signed(DIALECTS[name], {}, OLD_SECRET);
      for (const secret of [SECRET, OLD_SECRET])
        expect(await verifyStandard({ body, headers, secrets: [secret] })).toMatchObject({
          ok: true,
          id: 'evt_1',
        });
    },
  );

  function signed(
    dialect: Dialect,
    stamp: { replayId?: string; attempt?: number },
    previous: string | null,
  ): Record<string, string> {
    const keyOf = (secret: string): KeyObject => createSecretKey(dialect.key(secret));
    const keys = { current: keyOf(SECRET), previous: previous === null ? null : keyOf(previous) };
    const timestamp = Math.floor(Date.now() / 1000);
    return record(dialect.headers(hmac, keys, { id: 'evt_1', timestamp, attempt: 1, ...stamp }, body));
  }
});

describe('ids of Sendook', () => {
  it('are the first 96 bits of ours', () => {
    expect(sendookId('msg_01kpj7jzv30abcdef123456789')).toBe('019da4797f630296c6b9e110');
    expect(sendookId('thr_7zzzzzzzzzzzzzzzzzzzzzzzzz')).toBe('f'.repeat(24));
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        expect(sendookId(encodeId('msg', bytes))).toBe(Buffer.from(bytes.subarray(0, 12)).toString('hex'));
      }),
    );
  });

  it('leave other texts alone', () => {
    const others = [
      '',
      'msg_',
      'no id at all, though as long',
      'msg_01kpj7jzv30abcdef12345678u',
      'MSG_01kpj7jzv30abcdef123456789',
    ];
    for (const text of others) expect(sendookId(text)).toBe(text);
  });
});

const SEEDS = fileURLToPath(new URL('../../../../../shared/seeds/', import.meta.url));
const printed = existsSync(SEEDS);
if (!printed) console.warn(`SKIPPED: the sample verifier of Sendarix is not run, as there is no ${SEEDS}`);

/** The verifier that Sendarix prints for its customers, run as printed: neither copied nor mended. */
describe.skipIf(!printed)('the printed verifier of Sendarix', () => {
  const envelope = cases[0]?.envelope as string;

  it.each(['sendarix', 'sendarix_compact'] as const)('takes %s', (name) => {
    const { text, headers } = request(DIALECTS[name], Math.floor(Date.now() / 1000));
    expect(sampleReceiver(text, headers)).toEqual({ status: 200, body: 'OK' });
  });

  it('refuses a tampered body and an old timestamp', () => {
    const now = Math.floor(Date.now() / 1000);
    const fresh = request(DIALECTS.sendarix, now);
    expect(sampleReceiver(fresh.text.replace('250', '251'), fresh.headers)).toMatchObject({ status: 401 });
    const old = request(DIALECTS.sendarix, now - 301);
    expect(sampleReceiver(old.text, old.headers)).toEqual({ status: 401, body: 'Timestamp expired' });
  });

  function request(dialect: Dialect, timestamp: number): { text: string; headers: Record<string, string> } {
    const text = dialect.body(envelope, 1);
    const keys = { current: createSecretKey(dialect.key(SECRET)), previous: null };
    const headers = dialect.headers(hmac, keys, { id: 'evt_1', timestamp, attempt: 1 }, Buffer.from(text));
    return { text, headers: record(headers, (name) => name.toLowerCase()) };
  }

  interface Answer {
    status: number;
    body: string;
  }
  type Handler = (request: object, response: object) => void;

  function sampleReceiver(text: string, headers: Record<string, string>): Answer {
    let handler: Handler | null = null;
    runInNewContext(sampleCode(), {
      require: createRequire(import.meta.url),
      process: { env: { WEBHOOK_SECRET: SECRET } },
      Buffer,
      app: { post: (_path: string, given: Handler) => void (handler = given) },
    });
    const answer: Answer = { status: 0, body: '' };
    const response = {
      status(code: number) {
        answer.status = code;
        return response;
      },
      send: (body: string) => void (answer.body = body),
    };
    (handler as Handler | null)?.({ headers, rawBody: Buffer.from(text) }, response);
    return answer;
  }

  function sampleCode(): string {
    const file = readdirSync(SEEDS).find((name) => name.startsWith('001'));
    const page = readFileSync(`${SEEDS}${file}`, 'utf8');
    const start = page.indexOf('// Node.js signature verification example');
    const end = page.indexOf('\n});\n', start);
    expect(start).toBeGreaterThan(0);
    expect(end).toBeGreaterThan(start);
    return page.slice(start, end + 4);
  }
});

function record(headers: readonly string[], rename = (name: string): string => name): Record<string, string> {
  const entries: Record<string, string> = {};
  for (let i = 0; i < headers.length; i += 2)
    entries[rename(headers[i] as string)] = headers[i + 1] as string;
  return entries;
}

/** The names and members that the products print are those that our bodies have. */
describe.skipIf(!printed)('the printed pages', () => {
  const page = (start: string): string => {
    const file = readdirSync(SEEDS).find((name) => name.startsWith(start));
    return readFileSync(`${SEEDS}${file}`, 'utf8');
  };
  const bodiesOf = (name: 'sendook' | 'sentinmail'): Record<string, unknown>[] =>
    cases
      .filter(({ envelope }) => DIALECTS[name].types?.has((JSON.parse(envelope) as EventEnvelope).event_type))
      .map(({ bodies }) => JSON.parse(bodies[name]) as Record<string, unknown>);

  it('of Sendook name our events', () => {
    const names = new Set(bodiesOf('sendook').map(({ event }) => event as string));
    expect(names.size).toBeGreaterThan(5);
    for (const name of names) expect(page('003')).toContain(name);
  });

  it('of SentinMail have our types and our members', () => {
    const ours = bodiesOf('sentinmail');
    expect(ours.length).toBeGreaterThan(5);
    for (const { test: _test, ...body } of ours) {
      expect(page('004')).toContain(`${String(body['type'])} |`);
      for (const name of Object.keys(body)) expect(page('004')).toContain(`"${name}":`);
    }
  });
});
