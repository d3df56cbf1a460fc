import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CUSTOM_EVENT_TYPE } from '../schemas/event.ts';
import { MAX_EVENT_TYPE } from '../schemas/limits.ts';
import { fuzzProvider } from './fuzz.ts';
import { md5 } from './md5.ts';
import { MAX_EVENTS } from './normalize.ts';
import {
  PROVIDER_NAMES,
  type NormalizedEvent,
  type ProviderName,
  type ProviderRequest,
  type Reading,
} from './provider.ts';
import { PROVIDERS } from './providers.ts';
import {
  fuzzSeeds,
  vectorEnv,
  vectorRequest,
  type ProviderVectors,
  type VectorRequest,
} from './vector-requests.ts';

const DIRECTORY = new URL('../../../../vectors/providers/', import.meta.url);
const VECTORS = Object.fromEntries(
  PROVIDER_NAMES.map((name) => [
    name,
    JSON.parse(readFileSync(new URL(`${name}.json`, DIRECTORY), 'utf8')) as ProviderVectors,
  ]),
) as Record<ProviderName, ProviderVectors>;

it('has a provider, and a file of vectors, for each name', () => {
  expect(Object.keys(PROVIDERS)).toEqual([...PROVIDER_NAMES]);
  for (const name of PROVIDER_NAMES) expect(PROVIDERS[name].name).toBe(name);
  expect(readdirSync(DIRECTORY).sort()).toEqual(PROVIDER_NAMES.map((name) => `${name}.json`).sort());
});

describe.each(PROVIDER_NAMES)('%s', (name) => {
  const provider = PROVIDERS[name];
  const vectors = VECTORS[name];

  it.each(vectors.requests)('$verify: $description', async (vector) => {
    for (const request of formsOf(vector)) {
      const credentials = vector.credentials ?? vectors.credentials;
      const verified = await provider.verify(request, credentials, vectorEnv(vectors, vector));
      expect(verified.ok ? 'ok' : verified.reason).toBe(vector.verify);
      expect(provider.isProbe?.(request) ?? false).toBe(vector.probe ?? false);
      if (vector.replay_key !== undefined) expect(provider.replayKey?.(request)).toBe(vector.replay_key);
      if (vector.reading !== undefined) expect(provider.read(request)).toEqual(vector.reading);
      if (vector.event_types !== undefined)
        expect(eventsOf(provider.read(request)).map((event) => event.event_type)).toEqual(vector.event_types);
    }
  });

  it.each(vectors.events.map((vector, index) => ({ ...vector, index, type: typesOf(vector.expected) })))(
    'reads $type ($index)',
    ({ headers = [], body, expected }) => {
      const reading = provider.read(vectorRequest({ headers, body }));
      expect(reading).toEqual({ kind: 'events', events: expected });
      for (const { event_type } of expected) {
        if (event_type.startsWith('custom.')) expect(event_type).toMatch(new RegExp(CUSTOM_EVENT_TYPE));
        expect(event_type.length).toBeLessThanOrEqual(MAX_EVENT_TYPE);
      }
    },
  );

  it('has a vector for each mapping, a mapping for each vector but one, and no mapping twice', () => {
    const mapped = provider.mappings.map((mapping) => mapping.theirs);
    expect(new Set(mapped).size).toBe(mapped.length);
    const seen = new Set(
      vectors.events.flatMap(({ expected }) => expected.map((event) => event.data.provider_event)),
    );
    expect(mapped.filter((theirs) => !seen.has(theirs))).toEqual([]);
    expect([...seen].filter((theirs) => !mapped.includes(theirs))).toHaveLength(1);
  });

  it('writes the same event in the same way, so that a digest can stand for an id', () => {
    for (const { headers = [], body } of vectors.events) {
      const written = JSON.stringify(provider.read(vectorRequest({ headers, body })));
      expect(JSON.stringify(provider.read(vectorRequest({ headers, body })))).toBe(written);
    }
  });

  it('takes no mutated request for a genuine one in 1,000 rounds, and never throws', async () => {
    const started = performance.now();
    const tally = await fuzzProvider(provider, fuzzSeeds(vectors), 1_000, 20270115);
    expect(tally.findings).toEqual([]);
    expect(tally.requests).toBe(1_000);
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it.each(Object.entries(hostileBodies()))('reads without throwing: %s', (_what, body) => {
    for (const wrap of wrapsOf(name)) {
      const started = performance.now();
      const reading = provider.read(vectorRequest({ body: wrap(body) }));
      expect(() => JSON.stringify(reading)).not.toThrow();
      expect(JSON.stringify(reading).length).toBeLessThan(20_000_000);
      expect(performance.now() - started).toBeLessThan(5_000);
    }
    expect('polluted' in {}).toBe(false);
  });
});

/** Mailgun and Scaleway have one event in a request. */
const BATCHED = PROVIDER_NAMES.filter((name) => name !== 'mailgun' && name !== 'scaleway');

it.each(BATCHED)(`%s takes ${MAX_EVENTS} events, and refuses one more`, (name) => {
  const read = (count: number): Reading =>
    PROVIDERS[name].read(vectorRequest({ body: batchOf(name, count) }));
  expect(eventsOf(read(MAX_EVENTS)).length).toBe(MAX_EVENTS);
  const { kind, ...rest } = read(MAX_EVENTS + 1);
  expect(kind).toBe('unusable');
  expect(rest).toEqual({ reason: 'too_many_events' });
});

describe('the fuzz run', () => {
  it('would find a provider that believes everybody, and one that throws', async () => {
    const { mailersend } = PROVIDERS;
    const credulous = { ...mailersend, verify: () => Promise.resolve({ ok: true } as const) };
    expect(
      (await fuzzProvider(credulous, fuzzSeeds(VECTORS.mailersend), 100, 1)).findings.length,
    ).toBeGreaterThan(0);
    const fragile = {
      ...mailersend,
      read: (request: ProviderRequest): Reading => ({
        kind: 'events',
        events: [JSON.parse(new TextDecoder().decode(request.rawBody)) as NormalizedEvent],
      }),
    };
    expect((await fuzzProvider(fragile, fuzzSeeds(VECTORS.mailersend), 100, 1)).findings.join()).toMatch(
      /throws/,
    );
  });
});

describe('signatures by fresh keys', () => {
  it('verifies what OpenSSL signs with ECDSA, whatever the lengths of r and s', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const secret = publicKey.export({ type: 'spki', format: 'der' }).toString('base64');
    const lengths = new Set<number>();
    for (let round = 0; round < 400; round++) {
      const body = `[{"event":"open","n":${round}}]`;
      const der = sign('sha256', Buffer.from(`1000${body}`), privateKey);
      lengths.add(der.length);
      const headers: [string, string][] = [
        ['x-twilio-email-event-webhook-signature', der.toString('base64')],
        ['x-twilio-email-event-webhook-timestamp', '1000'],
      ];
      const env = { now: 1_000_000 };
      expect(await PROVIDERS.sendgrid.verify(vectorRequest({ headers, body }), { secret }, env)).toEqual({
        ok: true,
      });
    }
    expect(lengths.size).toBeGreaterThan(1);
  });

  it('has the MD5 of Node', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (bytes) => {
        expect(md5(bytes)).toBe(createHash('md5').update(bytes).digest('hex'));
      }),
    );
  });
});

/** Headers come as pairs, or as Node's record with lists. */
function* formsOf(vector: VectorRequest): Generator<ProviderRequest> {
  const request = vectorRequest(vector);
  yield request;
  const record: Record<string, string[]> = {};
  for (const [name, value] of vector.headers) (record[name] ??= []).push(value);
  yield { ...request, headers: record };
}

function eventsOf(reading: Reading): NormalizedEvent[] {
  return reading.kind === 'events' ? reading.events : [];
}

function typesOf(events: readonly NormalizedEvent[]): string {
  return [...new Set(events.map((event) => event.data.provider_event))].join(', ');
}

function hostileBodies(): Record<string, string> {
  const deep = 10_000;
  return {
    empty: '',
    null: 'null',
    'a text': '"x"',
    'a number': '12345678901234567890',
    'nested arrays': '['.repeat(deep) + ']'.repeat(deep),
    'nested objects': '{"a":'.repeat(deep) + '1' + '}'.repeat(deep),
    'nested payload of an unknown type': `{"event":"x","type":"x","eventType":"x","RecordType":"x","a":${'['.repeat(deep)}${']'.repeat(deep)}}`,
    'nested in every member that is read': `{"event":${'['.repeat(deep)}${']'.repeat(deep)},"type":{"a":1},"data":[1],"msys":[[]]}`,
    unclosed: '{"a":'.repeat(deep),
    'keys of prototypes':
      '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"metadata":{"__proto__":"x"},"Metadata":{"__proto__":"x"},"event":"__proto__","type":"constructor","RecordType":"toString","eventType":"__proto__"}',
    'a wide object': `{"event":"x","type":"x","a":{${Array.from({ length: 50_000 }, (_, i) => `"k${i}":${i}`).join()}}}`,
    'a long text': `{"event":"${'x'.repeat(2_000_000)}","type":"${'y'.repeat(2_000_000)}","email":"${'a@'.repeat(500_000)}"}`,
    'texts with NUL and lone surrogates':
      '{"event":"open\\u0000\\ud800","type":"\\udfff","email":"a\\u0000@b","RecordType":"Bounce","Type":"\\ud800"}',
    'long integers and quotes': `{"MessageID":${'9'.repeat(400)},"event":"a\\"1234567890123456\\"","n":[0.1234567890123456789,-12345678901234567890,1e400]}`,
    'many quotes': `{"n":1234567890123456,"a":"${'\\"'.repeat(500_000)}"}`,
    'items that are no objects': '[null,1,"x",[],true,{}]',
  };
}

/** The body as it is, and as the part that holds an event. */
function wrapsOf(name: ProviderName): ((json: string) => string)[] {
  const bare = (json: string): string => json;
  if (name === 'amazon_ses' || name === 'scaleway')
    return [
      bare,
      (json) => JSON.stringify({ Type: 'Notification', TopicArn: 'x', MessageId: 'x', Message: json }),
    ];
  if (name === 'mandrill')
    return [bare, (json) => `mandrill_events=${encodeURIComponent(`[${json}]`.toWellFormed())}`];
  if (name === 'mailgun') return [bare, (json) => `{"event-data":${json}}`];
  if (name === 'sparkpost') return [bare, (json) => `[{"msys":{"message_event":${json}}}]`];
  if (name === 'mailtrap') return [bare, (json) => `{"events":[${json}]}`];
  if (name === 'unisender_go')
    return [bare, (json) => `{"events_by_user":[{"events":[{"event_data":${json}}]}]}`];
  return [bare, (json) => `[${json}]`];
}

function batchOf(name: ProviderName, count: number): string {
  const list = `[${Array.from({ length: count }, () => '{"event":"open"}').join()}]`;
  if (name === 'mandrill') return `mandrill_events=${encodeURIComponent(list)}`;
  if (name === 'mailtrap') return `{"events":${list}}`;
  if (name === 'unisender_go') return `{"events_by_user":[{"events":${list}}]}`;
  if (name !== 'amazon_ses') return list;
  const destination = Array.from({ length: count }, (_, index) => `a${index}@b.example`);
  return JSON.stringify({ eventType: 'Send', mail: { destination } });
}
