import { createHmac, timingSafeEqual } from 'node:crypto';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { Webhook as SvixWebhook } from 'svix';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../domain/endpoint.ts';
import { Signer, type SignedRequest } from './signing.ts';
import { anEndpoint, anEvent, PLAIN_SEAL, SECRET } from './testing/fixtures.ts';

const OLD_SECRET = 'whsec_QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVphYmNkZWY=';
const NOW = Date.now();

function sign(change: Partial<Endpoint>, wallNow = NOW): SignedRequest {
  const event = anEvent(1);
  const item = {
    event_id: event.event_id,
    envelope: event.envelope,
    seq: 42,
    attempt: 3,
    replay_id: null,
    test: false,
  };
  return new Signer(anEndpoint(1, 'https://example.com/', change), PLAIN_SEAL, 'Postrider/test').sign(
    item,
    wallNow,
  );
}
function headersOf({ headers }: SignedRequest): Record<string, string> {
  const pairs: [string, string][] = [];
  for (let i = 0; i < headers.length; i += 2)
    pairs.push([(headers[i] ?? '').toLowerCase(), headers[i + 1] ?? '']);
  return Object.fromEntries(pairs);
}
const rotated = {
  previous_secret_sealed: PLAIN_SEAL.seal(OLD_SECRET),
  previous_secret_until: NOW + 60_000,
};

describe('postrider dialect', () => {
  it('verifies with standardwebhooks and with svix', () => {
    const signed = sign({});
    const headers = headersOf(signed);
    for (const verifier of [new StandardWebhook(SECRET), new SvixWebhook(SECRET)]) {
      expect(() => verifier.verify(signed.body.toString(), headers)).not.toThrow();
      expect(JSON.parse(signed.body.toString())).toMatchObject({
        seq: 42,
        event_type: 'delivered',
      });
      expect(() => verifier.verify(`${signed.body.toString()} `, headers)).toThrow();
      expect(() =>
        verifier.verify(signed.body.toString(), { ...headers, 'webhook-id': 'evt_other' }),
      ).toThrow();
    }
    expect(headers['postrider-attempt']).toBe('3');
  });

  it('verifies with either secret during a rotation, new one first, and only with the new one after', () => {
    const during = sign(rotated);
    for (const secret of [SECRET, OLD_SECRET]) {
      expect(() =>
        new StandardWebhook(secret).verify(during.body.toString(), headersOf(during)),
      ).not.toThrow();
    }
    const alone = sign({});
    expect(headersOf(during)['webhook-signature']?.split(' ')).toHaveLength(2);
    expect(headersOf(alone)['webhook-signature']?.split(' ')).toHaveLength(1);
    const after = sign({ ...rotated, previous_secret_until: NOW });
    expect(() => new StandardWebhook(OLD_SECRET).verify(after.body.toString(), headersOf(after))).toThrow();
    expect(() => new StandardWebhook(SECRET).verify(after.body.toString(), headersOf(after))).not.toThrow();
  });

  it('signs the bytes of text beyond ASCII', () => {
    const item = {
      event_id: 'evt_1',
      envelope: '{"event_id":"evt_1","data":{"s":"é€😀"}}',
      seq: 1,
      attempt: 1,
      replay_id: null,
      test: false,
    };
    const signed = new Signer(anEndpoint(1, 'https://example.com/'), PLAIN_SEAL, 'x').sign(item, NOW);
    expect(() => new StandardWebhook(SECRET).verify(signed.body.toString(), headersOf(signed))).not.toThrow();
  });
});

describe('sendarix dialect', () => {
  /** As printed in their documentation: the secret is the key as it stands. */
  function verifySignature(rawBody: string, signature: string, secret: string): boolean {
    const expected = createHmac('sha256', secret).update(rawBody, 'utf8').digest('hex');
    return timingSafeEqual(Buffer.from(signature), Buffer.from(expected));
  }

  it('verifies with the sample verifier, and carries a fresh timestamp', () => {
    const signed = sign({ dialect: 'sendarix' });
    const headers = headersOf(signed);
    expect(verifySignature(signed.body.toString(), headers['x-sendarix-signature'] ?? '', SECRET)).toBe(true);
    expect(headers['x-sendarix-timestamp']).toBe(String(Math.floor(NOW / 1000)));
    expect(headers['webhook-signature']).toBeUndefined();
  });

  it('signs with the old secret until the overlap ends', () => {
    const during = sign({ dialect: 'sendarix', ...rotated });
    const signature = headersOf(during)['x-sendarix-signature'] ?? '';
    expect(verifySignature(during.body.toString(), signature, OLD_SECRET)).toBe(true);
    const after = sign({ dialect: 'sendarix', ...rotated }, NOW + 60_000);
    expect(
      verifySignature(after.body.toString(), headersOf(after)['x-sendarix-signature'] ?? '', SECRET),
    ).toBe(true);
  });
});

describe('cloudevents dialect', () => {
  const endpoint = anEndpoint(1, 'https://example.com/', { dialect: 'cloudevents' });
  const signer = new Signer(endpoint, PLAIN_SEAL, 'Postrider/test');
  const item = { ...anEvent(1), seq: 42, attempt: 1, replay_id: null, test: false };

  it('says in the content type what it is, one event or a batch, and verifies', () => {
    const one = signer.sign(item, NOW);
    expect(headersOf(one)['content-type']).toBe('application/cloudevents+json; charset=utf-8');
    const batch = signer.signBatch('bat_1', [item, { ...item, seq: 43 }], NOW);
    expect(headersOf(batch)).toMatchObject({
      'content-type': 'application/cloudevents-batch+json; charset=utf-8',
      'webhook-id': 'bat_1',
    });
    expect(JSON.parse(batch.body.toString())).toMatchObject([
      JSON.parse(one.body.toString()),
      { specversion: '1.0', sequence: '0000000000000043', data: { seq: 43 } },
    ]);
    for (const signed of [one, batch])
      expect(() =>
        new StandardWebhook(SECRET).verify(signed.body.toString(), headersOf(signed)),
      ).not.toThrow();
  });
});

describe('Signer', () => {
  it.each(['', 'whsec_', 'whsec_!!!', 'secret'])('refuses the secret %j', (secret) => {
    const endpoint = anEndpoint(1, 'https://example.com/', { secret_sealed: PLAIN_SEAL.seal(secret) });
    expect(() => new Signer(endpoint, PLAIN_SEAL, 'x')).toThrow();
  });
});
