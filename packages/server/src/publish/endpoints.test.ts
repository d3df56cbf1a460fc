import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import {
  endpointSchema,
  endpointStatsSchema,
  endpointTestAnswerSchema,
} from '@postrider/contract/schemas/endpoint';
import { EnvironmentClocks } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import { silentLogger } from '../base/logger.ts';
import { Seal } from '../base/seal.ts';
import { NO_LABELS, type NewEvent } from '../domain/event.ts';
import { deliveryId } from '../domain/delivery-id.ts';
import type { Environment } from '../domain/tenancy.ts';
import { compileSchema } from '../domain/validator.ts';
import { SqliteStore } from '../store/sqlite/store.ts';
import { Deliveries } from './deliveries.ts';
import { Endpoints } from './endpoints.ts';
import { Publisher } from './publisher.ts';
import { SampleSender } from './samples.ts';
import { loopbackGuard, SETTINGS } from './testing/fixtures.ts';
import { aReceiver, deadUrl, type Receiver } from './testing/receiver.ts';
import { Webhook } from 'standardwebhooks';

const CONFIG = {
  publish: {
    retry_schedule: [30, 300],
    timeout_ms: 10_000,
    max_in_flight: 8,
    plain_http: 'loopback' as const,
  },
  limits: { endpoints: 5, url_bytes: 2048, endpoint_header_bytes: 100, filter_bytes: 1000 },
};

let dir: string;
let store: SqliteStore;
let clocks: EnvironmentClocks;
let publisher: Publisher;
let endpoints: Endpoints;
let deliveries: Deliveries;
let environment: Environment;
let sandbox: Environment;
let peer: Receiver;
let status: number;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'postrider-publish-'));
  store = await SqliteStore.open({
    dir,
    writerCacheMb: 4,
    readerCacheMb: 4,
    walLimitBytes: 4_000_000,
    limits: { queueRows: 100_000, queueBytes: 100_000_000 },
  });
  clocks = new EnvironmentClocks();
  const seal = new Seal(Buffer.alloc(32, 7));
  const guard = loopbackGuard();
  publisher = new Publisher({
    store,
    clocks,
    seal,
    guard,
    settings: SETTINGS,
    log: silentLogger,
    logAttempts: false,
    random: () => 0.5,
  });
  store.onCommit((notice) => publisher.onCommit(notice));
  await publisher.start();
  const samples = new SampleSender({ clocks, seal, guard, settings: SETTINGS });
  endpoints = new Endpoints({ store, clocks, seal, guard, publisher, samples, config: CONFIG });
  deliveries = new Deliveries({ store, clocks });
});
afterAll(async () => {
  await publisher.stop(0);
  await store.close();
  rmSync(dir, { recursive: true });
});
/** Each test has a project of its own, so that they do not meet. */
beforeEach(async () => {
  const project_id = newId('prj');
  const made = await store.createProject({ project_id, name: project_id, created_at: Date.now() }, null);
  environment = made.environments.find(({ name }) => name === 'live') as Environment;
  sandbox = made.environments.find(({ name }) => name === 'sandbox') as Environment;
  status = 204;
  peer = await aReceiver((response) => response.writeHead(status).end(status === 204 ? undefined : 'no'));
});
afterEach(() => peer.close());

async function laneOf(endpoint_id: string): Promise<number> {
  return (await store.getEndpoint(environment.env, endpoint_id))?.lane ?? 0;
}
function custom(n: number): NewEvent {
  return {
    event_id: newId('evt'),
    event_type: 'custom.test',
    at: clocks.now(environment.env),
    message_id: null,
    recipient: null,
    data: JSON.stringify({ n }),
    labels: NO_LABELS,
    campaign_id: null,
  };
}
async function record(count: number): Promise<NewEvent[]> {
  const events = Array.from({ length: count }, (_, n) => custom(n));
  await store.recordEvents(environment.env, events, null);
  return events;
}
const create = (body: object): ReturnType<Endpoints['create']> =>
  endpoints.create(environment, { url: peer.url, event_types: ['*'], ...body }, null);

describe('create', () => {
  it('answers with everything, defaults and secret included, as the schema says', async () => {
    const made = await create({ description: 'mine' });
    expect(compileSchema(endpointSchema)(made)).toEqual([]);
    expect(made).toMatchObject({
      environment: 'live',
      status: 'enabled',
      dialect: 'postrider',
      retry_schedule: [30, 300],
      timeout_ms: 10_000,
      max_in_flight: 8,
      ordering: 'none',
    });
    expect(Buffer.from((made.secret ?? '').slice(6), 'base64')).toHaveLength(32);
  });

  it('answers a repeated call with the same endpoint and secret', async () => {
    const idempotency = { key: 'k', fingerprint: 'f', now: Date.now() };
    const first = await endpoints.create(environment, { url: peer.url }, idempotency);
    const second = await endpoints.create(environment, { url: peer.url }, idempotency);
    expect(second).toEqual(first);
    expect((await endpoints.list(environment, { limit: 10, cursor: null })).data).toHaveLength(1);
  });

  it.each([
    [{ url: 'http://example.com/' }, '/url'],
    [{ url: 'https://10.0.0.1/' }, '/url'],
    [{ url: 'https://user:pass@example.com/' }, '/url'],
    [{ headers: { Host: 'x' } }, '/headers/Host'],
    [{ headers: { 'WebHook-Signature': 'x' } }, '/headers/WebHook-Signature'],
    [{ headers: { 'postrider-attempt': '9' } }, '/headers/postrider-attempt'],
    [{ headers: { 'transfer-encoding': 'chunked' } }, '/headers/transfer-encoding'],
    [{ headers: { 'X-A': '1', 'x-a': '2' } }, '/headers/x-a'],
    [{ headers: { 'x-big': 'y'.repeat(101) } }, '/headers'],
    [{ headers: { 'x-a': 'b\r\nc: d' } }, '/headers/x-a'],
    [{ filter: { n: 1 } }, '/filter/n'],
    [{ secret: 'whsec_mine' }, '/secret'],
    [{ timeout_ms: 1 }, '/timeout_ms'],
  ])('refuses %j by name', async (body, path) => {
    await expect(create(body)).rejects.toMatchObject({ code: 'validation_failed', errors: [{ path }] });
    expect((await endpoints.list(environment, { limit: 10, cursor: null })).data).toEqual([]);
  });

  it('stops at the limit of endpoints', async () => {
    for (let i = 0; i < 5; i++) await create({});
    await expect(create({})).rejects.toMatchObject({ code: 'conflict' });
    await endpoints.create(sandbox, { url: peer.url }, null);
  });
});

describe('reading and changing', () => {
  it('shows the secret on request only', async () => {
    const made = await create({});
    expect(await endpoints.get(environment, made.endpoint_id)).not.toHaveProperty('secret');
    expect(await endpoints.get(environment, made.endpoint_id, { with_secret: true })).toEqual(made);
    const { data } = await endpoints.list(environment, { limit: 10, cursor: null });
    expect(data[0]).not.toHaveProperty('secret');
  });

  it('is not found from another environment, by any method', async () => {
    const { endpoint_id } = await create({});
    const wrong = { code: 'not_found' };
    await expect(endpoints.get(sandbox, endpoint_id)).rejects.toMatchObject(wrong);
    await expect(endpoints.patch(sandbox, endpoint_id, { description: 'x' })).rejects.toMatchObject(wrong);
    await expect(endpoints.remove(sandbox, endpoint_id)).rejects.toMatchObject(wrong);
    await expect(endpoints.test(sandbox, endpoint_id)).rejects.toMatchObject(wrong);
    await expect(endpoints.rotateSecret(sandbox, endpoint_id, 0)).rejects.toMatchObject(wrong);
    await expect(endpoints.enable(sandbox, endpoint_id, true)).rejects.toMatchObject(wrong);
    await expect(endpoints.disable(sandbox, endpoint_id)).rejects.toMatchObject(wrong);
    await expect(endpoints.stats(sandbox, endpoint_id)).rejects.toMatchObject(wrong);
  });

  it('changes what is named and keeps the rest', async () => {
    const made = await create({ headers: { 'x-a': '1' } });
    const changed = await endpoints.patch(environment, made.endpoint_id, { description: 'new' });
    expect(changed).toMatchObject({ description: 'new', headers: { 'x-a': '1' }, url: peer.url });
    await expect(
      endpoints.patch(environment, made.endpoint_id, { url: 'http://10.0.0.1/' }),
    ).rejects.toMatchObject({
      code: 'validation_failed',
    });
    await expect(endpoints.patch(environment, made.endpoint_id, {})).rejects.toMatchObject({
      code: 'validation_failed',
    });
  });

  it('sends nothing after it was removed', async () => {
    const { endpoint_id } = await create({});
    await endpoints.remove(environment, endpoint_id);
    await record(3);
    await publisher.idle(environment.env);
    expect(peer.requests).toHaveLength(0);
  });
});

describe('test', () => {
  it('sends a marked sample that verifies, and stores nothing', async () => {
    status = 200;
    const made = await create({});
    const answer = await endpoints.test(environment, made.endpoint_id, 'bounce');
    expect(compileSchema(endpointTestAnswerSchema)(answer)).toEqual([]);
    expect(answer).toMatchObject({ delivered: true, status: 200, response_body: 'no', error: null });
    const [request] = peer.requests;
    expect(request?.json).toMatchObject({ event_type: 'bounce', test: true, seq: 0, environment: 'live' });
    const verifier = new Webhook(made.secret ?? '');
    expect(() =>
      verifier.verify(request?.body ?? '', request?.headers as Record<string, string>),
    ).not.toThrow();
    expect(await endpoints.stats(environment, made.endpoint_id)).toMatchObject({ pending: 0, failed: 0 });
  });

  it('tells why it was not delivered', async () => {
    status = 500;
    const made = await create({});
    expect(await endpoints.test(environment, made.endpoint_id)).toMatchObject({
      delivered: false,
      status: 500,
      response_body: 'no',
      error: 'http',
    });
    const dead = await create({ url: await deadUrl() });
    expect(await endpoints.test(environment, dead.endpoint_id)).toMatchObject({
      delivered: false,
      status: null,
    });
  });

  it.each(['accepted', 'open', 'received', 'inbox.created', 'endpoint.disabled', 'custom.order.paid'])(
    'has a sample of %s',
    async (event_type) => {
      const { endpoint_id } = await create({});
      await endpoints.test(environment, endpoint_id, event_type);
      expect(peer.requests[0]?.json.event_type).toBe(event_type);
    },
  );

  it('refuses a type there is none of', async () => {
    const { endpoint_id } = await create({});
    await expect(endpoints.test(environment, endpoint_id, 'exploded')).rejects.toMatchObject({
      code: 'validation_failed',
      errors: [{ path: '/event_type' }],
    });
  });
});

describe('rotateSecret', () => {
  it('signs with both until the overlap ends, and shows when', async () => {
    const made = await create({});
    const rotated = await endpoints.rotateSecret(environment, made.endpoint_id, 3600);
    expect(rotated.secret).not.toBe(made.secret);
    expect(Date.parse(rotated.secret_overlap_until ?? '')).toBeGreaterThan(Date.now() + 3_500_000);
    await record(1);
    await peer.got(1);
    const [request] = peer.requests;
    for (const secret of [rotated.secret, made.secret ?? '']) {
      const headers = request?.headers as Record<string, string>;
      expect(() => new Webhook(secret).verify(request?.body ?? '', headers)).not.toThrow();
    }
    expect(await endpoints.get(environment, made.endpoint_id)).toMatchObject({
      secret_overlap_until: rotated.secret_overlap_until,
    });
  });

  it('keeps signing with what receivers have when rotated again meanwhile', async () => {
    const made = await create({});
    const first = await endpoints.rotateSecret(environment, made.endpoint_id, 3600);
    const [second, third] = await Promise.all([
      endpoints.rotateSecret(environment, made.endpoint_id, 60),
      endpoints.rotateSecret(environment, made.endpoint_id, 60),
    ]);
    // What was promised first is kept.
    expect(third.secret_overlap_until).toBe(first.secret_overlap_until);
    await record(1);
    await peer.got(1);
    const headers = peer.requests[0]?.headers as Record<string, string>;
    const accepts = (secret: string): boolean => {
      try {
        new Webhook(secret).verify(peer.requests[0]?.body ?? '', headers);
        return true;
      } catch {
        return false;
      }
    };
    const secrets = [made.secret ?? '', first.secret, second.secret, third.secret];
    expect(secrets.map(accepts)).toEqual([true, false, false, true]);
  });

  it('forgets the old one at once without an overlap', async () => {
    const made = await create({});
    const rotated = await endpoints.rotateSecret(environment, made.endpoint_id, 0);
    expect(rotated.secret_overlap_until).toBeNull();
    await record(1);
    await peer.got(1);
    expect(peer.requests[0]?.headers['webhook-signature']).not.toContain(' ');
  });
});

describe('disable and enable', () => {
  it('holds and then sends in order', async () => {
    const { endpoint_id } = await create({ max_in_flight: 1 });
    const disabled = await endpoints.disable(environment, endpoint_id);
    expect(disabled).toMatchObject({ status: 'disabled', disabled_reason: expect.any(String) });
    await record(20);
    expect(await endpoints.stats(environment, endpoint_id)).toMatchObject({ pending: 20, in_flight: 0 });
    expect(await endpoints.enable(environment, endpoint_id, true)).toMatchObject({
      status: 'enabled',
      disabled_reason: null,
    });
    await publisher.idle(environment.env);
    expect(peer.requests.map(({ json }) => json.seq)).toEqual(Array.from({ length: 20 }, (_, i) => i + 1));
  });

  it('discards what was held without backfill', async () => {
    const { endpoint_id } = await create({});
    await endpoints.disable(environment, endpoint_id);
    await record(1_200);
    await endpoints.enable(environment, endpoint_id, false);
    await record(1);
    await peer.got(1);
    await publisher.idle(environment.env);
    expect(peer.requests.map(({ json }) => json.seq)).toEqual([1_201]);
  });

  it('tells the other endpoints that one was disabled, and not the one itself', async () => {
    const { endpoint_id } = await create({});
    const other = await aReceiver();
    await create({ url: other.url, event_types: ['endpoint.disabled'] });
    await endpoints.disable(environment, endpoint_id);
    await other.got(1);
    await endpoints.enable(environment, endpoint_id, true);
    await publisher.idle(environment.env);
    expect(other.requests[0]?.json).toMatchObject({ event_type: 'endpoint.disabled', data: { endpoint_id } });
    expect(peer.requests).toHaveLength(0);
    await other.close();
  });
});

describe('stats and single deliveries', () => {
  it('counts, and a dead letter put back is delivered', async () => {
    status = 500;
    const { endpoint_id } = await create({ retry_schedule: [] });
    const [event] = await record(1);
    await publisher.idle(environment.env);
    const stats = await endpoints.stats(environment, endpoint_id);
    expect(compileSchema(endpointStatsSchema)(stats)).toEqual([]);
    expect(stats).toMatchObject({
      pending: 0,
      failed: 1,
      success_rate_1h: 0,
      breaker: 'closed',
      oldest_pending_seconds: null,
    });

    const id = deliveryId(event?.event_id ?? '', await laneOf(endpoint_id), 1);
    await expect(deliveries.retry(sandbox, id)).rejects.toMatchObject({ code: 'not_found' });
    await expect(deliveries.retry(environment, 'del_nonsense')).rejects.toMatchObject({ code: 'not_found' });
    status = 204;
    await deliveries.retry(environment, id);
    await peer.got(2);
    await publisher.idle(environment.env);
    expect(peer.requests[1]?.headers['postrider-attempt']).toBe('2');
    expect(await endpoints.stats(environment, endpoint_id)).toMatchObject({ failed: 0, success_rate_1h: 1 });
    await expect(deliveries.retry(environment, id)).rejects.toMatchObject({ code: 'conflict' });
    await expect(deliveries.discard(environment, id)).rejects.toMatchObject({ code: 'conflict' });
  });

  it('gives up what is pending', async () => {
    status = 500;
    const { endpoint_id } = await create({});
    const [event] = await record(1);
    await publisher.idle(environment.env);
    await deliveries.discard(environment, deliveryId(event?.event_id ?? '', await laneOf(endpoint_id), 1));
    clocks.setOffset(environment.env, 3_600_000);
    await publisher.idle(environment.env);
    expect(peer.requests).toHaveLength(1);
    expect(await endpoints.stats(environment, endpoint_id)).toMatchObject({ pending: 0, failed: 0 });
  });
});
