import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, it } from 'vitest';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { sendarixKey, sendarixSignature, standardKey, standardSignature, type Hmac } from './sign.ts';
import { verifySendarix, verifyStandard, type VerifyInput } from './verify.ts';

interface Case {
  description: string;
  scheme: 'standard' | 'sendarix';
  secrets: string[];
  headers: [string, string][];
  body_base64: string;
  now_ms: number;
}
type ValidCase = Case & { id: string | null; timestamp: number };
type InvalidCase = Case & { reason: string };

const hmac: Hmac<Uint8Array> = (key, head, body, encoding) =>
  createHmac('sha256', key).update(head).update(body).digest(encoding);
const nodeHmac = (key: Uint8Array, message: Uint8Array): Uint8Array =>
  createHmac('sha256', key).update(message).digest();

const valid = read<ValidCase>('valid');
const invalid = read<InvalidCase>('invalid');
const VERIFY = { standard: verifyStandard, sendarix: verifySendarix };

describe('verification vectors', () => {
  it.each(valid)('takes: $description', async (vector) => {
    const expected = { ok: true, id: vector.id, timestamp: vector.timestamp };
    for (const input of formsOf(vector)) expect(await VERIFY[vector.scheme](input)).toEqual(expected);
  });

  it.each(invalid)('refuses: $description', async (vector) => {
    const expected = { ok: false, reason: vector.reason };
    for (const input of formsOf(vector)) expect(await VERIFY[vector.scheme](input)).toEqual(expected);
  });

  it.each(valid.filter(({ scheme }) => scheme === 'standard'))('signs the same: $description', (vector) => {
    const [id, timestamp] = [vector.id as string, vector.timestamp];
    const sent = vector.headers.find(([name]) => name.toLowerCase() === 'webhook-signature')?.[1].split(' ');
    const ours = vector.secrets.map((secret) =>
      standardSignature(hmac, [standardKey(secret)], id, timestamp, bodyOf(vector)),
    );
    expect(sent?.some((signature) => ours.includes(signature))).toBe(true);
  });
});

/** Headers come as pairs, as a `Headers` object, or as Node's record; with Web Crypto or another HMAC. */
function* formsOf(vector: Case): Generator<VerifyInput> {
  const input = { body: bodyOf(vector), secrets: vector.secrets, now: vector.now_ms };
  yield { ...input, headers: vector.headers };
  yield { ...input, headers: vector.headers, hmac: nodeHmac };
  const record: Record<string, string[]> = {};
  for (const [name, value] of vector.headers) (record[name] ??= []).push(value);
  yield { ...input, headers: record };
}

describe('independent verifiers', () => {
  const secrets = [
    `whsec_${encodeBase64(new Uint8Array(32).fill(7))}`,
    `whsec_${encodeBase64(new Uint8Array(32).fill(9))}`,
  ];
  const body = Buffer.from(JSON.stringify({ event_id: 'evt_1', recipient: 'grüße@example.com' }));

  it.each([
    ['standardwebhooks', StandardWebhook],
    ['svix', SvixWebhook],
  ] as const)('%s takes our signatures', (_name, Webhook) => {
    const now = Math.floor(Date.now() / 1000);
    const signature = standardSignature(hmac, secrets.map(standardKey), 'evt_1', now, body);
    const headers = {
      'webhook-id': 'evt_1',
      'webhook-timestamp': String(now),
      'webhook-signature': signature,
    };
    for (const secret of secrets)
      expect(() => new Webhook(secret).verify(body.toString(), headers)).not.toThrow();
    const tampered = body.toString().replace('evt_1', 'evt_2');
    expect(() => new Webhook(secrets[0] as string).verify(tampered, headers)).toThrow(
      /No matching signature/,
    );
  });

  it('may take two bodies for one where ours tells them apart', async () => {
    const now = Math.floor(Date.now() / 1000);
    const [ff, fe] = [Buffer.from([0xff]), Buffer.from([0xfe])];
    const theirs = new StandardWebhook(secrets[0] as string);
    expect(theirs.sign('evt_1', new Date(now * 1000), ff)).toBe(
      theirs.sign('evt_1', new Date(now * 1000), fe),
    );
    const signature = standardSignature(hmac, [standardKey(secrets[0] as string)], 'evt_1', now, ff);
    const headers = {
      'webhook-id': 'evt_1',
      'webhook-timestamp': String(now),
      'webhook-signature': signature,
    };
    expect((await verifyStandard({ body: ff, headers, secrets })).ok).toBe(true);
    expect((await verifyStandard({ body: fe, headers, secrets })).ok).toBe(false);
  });
});

describe('verify', () => {
  const secret = `whsec_${encodeBase64(new Uint8Array(32).fill(1))}`;

  it('verifies what was signed, and nothing that differs by one bit', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), fc.nat(), async (body, place) => {
        const headers = {
          'webhook-id': 'evt_1',
          'webhook-timestamp': '1000',
          'webhook-signature': standardSignature(hmac, [standardKey(secret)], 'evt_1', 1000, body),
        };
        const other = body.slice();
        const at = place % body.length;
        other[at] = (other[at] as number) ^ (1 << (place % 8));
        const input = { headers, secrets: [secret], now: 1_000_000 };
        expect((await verifyStandard({ ...input, body })).ok).toBe(true);
        expect((await verifyStandard({ ...input, body: other })).ok).toBe(false);
      }),
    );
  });

  it('takes a Headers object and joins duplicates as the platform does', async () => {
    const body = new Uint8Array([1, 2, 3]);
    const headers = new Headers({
      'x-sendarix-timestamp': '1000',
      'x-sendarix-signature': sendarixSignature(hmac, sendarixKey(secret), body),
    });
    const input = { body, headers, secrets: [secret], now: 1_000_000 };
    expect(await verifySendarix(input)).toEqual({ ok: true, id: null, timestamp: 1000 });
    headers.append('x-sendarix-signature', '0'.repeat(64));
    expect(await verifySendarix(input)).toEqual({ ok: false, reason: 'malformed_header' });
  });

  it('has a tolerance of its own', async () => {
    const body = new Uint8Array();
    const headers = [
      ['x-sendarix-timestamp', '1000'],
      ['x-sendarix-signature', sendarixSignature(hmac, sendarixKey('s'), body)],
    ] as const;
    const input = { body, headers, secrets: ['s'], tolerance: 10 };
    expect((await verifySendarix({ ...input, now: 1_010_000 })).ok).toBe(true);
    expect(await verifySendarix({ ...input, now: 1_011_000 })).toEqual({ ok: false, reason: 'too_old' });
    expect(await verifySendarix({ ...input, now: 989_000 })).toEqual({ ok: false, reason: 'too_new' });
  });

  it('passes on a failure of the HMAC', async () => {
    const { headers, secrets, body_base64, now_ms } = valid[0] as ValidCase;
    const broken = (): never => {
      throw new TypeError('no crypto here');
    };
    const input = { headers, secrets, body: Buffer.from(body_base64, 'base64'), now: now_ms, hmac: broken };
    await expect(verifyStandard(input)).rejects.toThrow('no crypto here');
  });
});

describe('secrets', () => {
  it('refuses what is empty or no strict base64', () => {
    for (const secret of [
      '',
      'whsec_',
      'whsec_ ',
      'whsec_QQ',
      'whsec_Q Q==',
      'whsec_QR==',
      'WHSEC_QUFB',
      'QUFB',
    ])
      expect(() => standardKey(secret)).toThrow(RangeError);
    expect(standardKey('whsec_QUFB')).toEqual(Uint8Array.from([65, 65, 65]));
    expect(() => sendarixKey('')).toThrow(RangeError);
  });

  it('reads every base64 that Node writes, and only that', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        const text = Buffer.from(bytes).toString('base64');
        expect(encodeBase64(bytes)).toBe(text);
        expect(decodeBase64(text)).toEqual(Uint8Array.from(bytes));
        if (text.endsWith('=')) expect(decodeBase64(text.slice(0, -1))).toBeNull();
      }),
    );
  });
});

function bodyOf(vector: Case): Uint8Array {
  return Buffer.from(vector.body_base64, 'base64');
}

function read<T extends Case>(name: string): T[] {
  const url = new URL(`../../../vectors/signatures/${name}.json`, import.meta.url);
  return (JSON.parse(readFileSync(url, 'utf8')) as { cases: T[] }).cases;
}
