import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';
import { runInNewContext } from 'node:vm';
import * as fc from 'fast-check';
import { Webhook } from 'standardwebhooks';
import { describe, expect, it } from 'vitest';
import type { Hmac } from '../sign.ts';
import { verifySendarix, verifyStandard } from '../verify.ts';
import type { Dialect } from './dialect.ts';
import { DIALECTS } from './dialects.ts';
import { readEnvelopeText } from './envelope-text.ts';
import { DIALECT_NAMES, type DialectName } from './names.ts';

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

  it('of postrider verify with ours', async () => {
    const headers = signed(DIALECTS.postrider, {}, OLD_SECRET);
    for (const secret of [SECRET, OLD_SECRET])
      expect(await verifyStandard({ body, headers, secrets: [secret] })).toMatchObject({
        ok: true,
        id: 'evt_1',
      });
  });

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
