import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import type { EndpointChange } from '../store/ports.ts';
import {
  advance,
  ENV,
  receiver,
  seqs,
  sorted,
  upTo,
  withEndpoint,
  type OneEndpoint,
} from './testing/engine-kit.ts';
import { SETTINGS, someEvents } from './testing/fixtures.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A peer that answers with what `peer.status` says at that time. */
async function switchable(status: number) {
  const peer = { status, ...(await receiver((response) => void respond(response))) };
  const respond = (response: ServerResponse): unknown => response.writeHead(peer.status).end();
  return peer;
}

function changesOf({ store }: OneEndpoint): EndpointChange[] {
  const changes: EndpointChange[] = [];
  const update = store.updateEndpoint.bind(store);
  store.updateEndpoint = (env, id, change) => {
    changes.push(change);
    return update(env, id, change);
  };
  return changes;
}
const types = (changes: EndpointChange[]): unknown[] =>
  changes.flatMap(({ events }) => (events ?? []).map(({ event_type }) => event_type));

describe('the breaker', () => {
  it('opens after 20 distinct deliveries failed in a row, and says so once', async () => {
    const peer = await switchable(503);
    const engine = await withEndpoint(peer.url);
    const changes = changesOf(engine);
    engine.store.commit(someEvents(200), [1]);
    await engine.publisher.idle(ENV);
    // Those that were under way when the twentieth failed.
    expect(peer.requests.length).toBeGreaterThanOrEqual(20);
    expect(peer.requests.length).toBeLessThanOrEqual(22);
    expect(types(changes)).toEqual(['endpoint.failing']);
    expect(changes[0]).toMatchObject({ breaker: 'open', failing_since: expect.any(Number) as number });
    expect(JSON.parse(changes[0]?.events?.[0]?.data ?? '')).toMatchObject({
      failed_deliveries: 20,
      last_status: 503,
      last_error: 'http',
      probable_cause: null,
    });
    expect(engine.publisher.gauges()).toMatchObject({ lanes_failing: 1, window_entries: 0 });
  });

  it('does not open while every twentieth delivery gets through', async () => {
    const peer = await receiver((response, _request, number) =>
      response.writeHead(number % 19 === 0 ? 204 : 500).end(),
    );
    const engine = await withEndpoint(peer.url, { retry_schedule: [] });
    engine.store.commit(someEvents(200), [1]);
    await engine.publisher.idle(ENV);
    expect(peer.requests).toHaveLength(200);
    expect(engine.publisher.gauges().lanes_failing).toBe(0);
  });

  it('counts the attempts of one delivery once', async () => {
    const peer = await switchable(500);
    const engine = await withEndpoint(peer.url, { retry_schedule: Array<number>(30).fill(1) });
    engine.store.commit(someEvents(1), [1]);
    await advance(engine, HOUR);
    expect(peer.requests).toHaveLength(31);
    expect(engine.publisher.gauges().lanes_failing).toBe(0);
  });

  it('is probed every five minutes with the first in line, which uses none of its attempts', async () => {
    const peer = await switchable(500);
    const engine = await withEndpoint(peer.url);
    engine.store.commit(someEvents(100), [1]);
    await engine.publisher.idle(ENV);
    const before = peer.requests.length;
    await advance(engine, 2 * HOUR);
    // Each moves the next one by the wall time that it takes.
    expect(peer.requests.length - before).toBeGreaterThanOrEqual(23);
    expect(peer.requests.length - before).toBeLessThanOrEqual(24);
    expect(new Set(seqs(peer).slice(before))).toEqual(new Set([1]));
    const probes = engine.store.settlements.filter(({ verdict }) => verdict === 'probed');
    expect(probes).toHaveLength(peer.requests.length - before);
    const { attempts, base } = engine.store.lanes.get(1)?.pending.get(1) ?? { attempts: 0, base: 0 };
    expect([attempts, base]).toEqual([probes.length + 1, probes.length]);
    expect(engine.store.pendingCount(1)).toBe(100);
  });

  it('drains everything at the first success, what waits for a later attempt too', async () => {
    const peer = await switchable(500);
    const engine = await withEndpoint(peer.url);
    const changes = changesOf(engine);
    engine.store.commit(someEvents(1000), [1]);
    await advance(engine, 3 * HOUR);
    engine.store.commit(someEvents(500), [1]);
    peer.status = 204;
    peer.requests.length = 0;
    await advance(engine, 5 * MINUTE);
    expect(sorted(seqs(peer))).toEqual(upTo(1500));
    expect(engine.store.pendingCount(1)).toBe(0);
    expect(types(changes)).toEqual(['endpoint.failing', 'endpoint.recovered']);
    expect(changes[1]).toMatchObject({ breaker: 'closed', failing_since: null });
    expect(engine.publisher.gauges()).toMatchObject({ lanes_failing: 0, lanes_parked: 0 });
  });

  it('probes at once when the endpoint is changed', async () => {
    const dead = await switchable(500);
    const peer = await receiver();
    const engine = await withEndpoint(dead.url);
    engine.store.commit(someEvents(50), [1]);
    await engine.publisher.idle(ENV);
    await engine.store.updateEndpoint(ENV, engine.endpoint.endpoint_id, { url: peer.url, updated_at: 1 });
    await expect.poll(() => engine.store.pendingCount(1)).toBe(0);
    expect(sorted(seqs(peer))).toEqual(upTo(50));
  });

  it('is as it was after a restart', async () => {
    const peer = await switchable(500);
    const engine = await withEndpoint(peer.url, { breaker: 'open', failing_since: Date.now() - HOUR });
    engine.store.commit(someEvents(50), [1]);
    await engine.publisher.idle(ENV);
    await advance(engine, 10_000);
    expect(peer.requests).toHaveLength(1);
    peer.status = 200;
    await advance(engine, 5 * MINUTE);
    expect(engine.store.pendingCount(1)).toBe(0);
  });

  it('waits for something to probe with', async () => {
    const peer = await switchable(500);
    const engine = await withEndpoint(peer.url, { breaker: 'open', failing_since: Date.now() });
    await advance(engine, HOUR);
    expect(peer.requests).toHaveLength(0);
    peer.status = 204;
    engine.store.commit(someEvents(3), [1]);
    await expect.poll(() => engine.store.pendingCount(1)).toBe(0);
  });

  it('gives up what was held for longer than the longest hold', async () => {
    const peer = await switchable(500);
    const engine = await withEndpoint(peer.url, {}, { settings: { ...SETTINGS, disable_after_days: 0 } });
    engine.store.commit(someEvents(40), [1]);
    await advance(engine, 71 * HOUR);
    expect(engine.store.expired).toEqual([]);
    await advance(engine, 2 * HOUR);
    expect(sorted(engine.store.expired)).toEqual(upTo(40));
  });

  it('disables the endpoint after days of failure, with a reason', async () => {
    const peer = await switchable(500);
    const engine = await withEndpoint(peer.url, {}, { settings: { ...SETTINGS, disable_after_days: 1 } });
    const changes = changesOf(engine);
    engine.store.commit(someEvents(40), [1]);
    await advance(engine, 25 * HOUR);
    expect(types(changes)).toEqual(['endpoint.failing', 'endpoint.disabled']);
    expect(changes[1]).toMatchObject({
      status: 'disabled',
      disabled_reason: expect.stringContaining('1 day') as string,
    });
    expect(engine.store.pendingCount(1)).toBe(40);
    const before = peer.requests.length;
    await advance(engine, HOUR);
    expect(peer.requests).toHaveLength(before);
  });

  it('names a streak of 401 and 403 for what it probably is', async () => {
    const peer = await switchable(401);
    const warnings: object[] = [];
    const log = { debug() {}, info() {}, warn: (fields: object) => warnings.push(fields), error() {} };
    const engine = await withEndpoint(peer.url, {}, { log });
    const changes = changesOf(engine);
    engine.store.commit(someEvents(60), [1]);
    await engine.publisher.idle(ENV);
    expect(warnings.filter((fields) => 'status' in fields && fields.status === 401)).toContainEqual(
      expect.objectContaining({ event: 'endpoint.refuses_signature' }),
    );
    expect(JSON.parse(changes[0]?.events?.[0]?.data ?? '')).toMatchObject({
      probable_cause: 'secret_mismatch',
    });
  });
});

describe('coming back before the breaker opens', () => {
  it('makes due at once what waited for a later attempt', async () => {
    const peer = await switchable(500);
    const engine = await withEndpoint(peer.url);
    engine.store.commit(someEvents(10), [1]);
    await advance(engine, 2 * HOUR);
    expect(engine.publisher.gauges().lanes_failing).toBe(0);
    peer.status = 204;
    engine.store.commit(someEvents(1), [1]);
    await engine.publisher.idle(ENV);
    await expect.poll(() => engine.store.pendingCount(1)).toBe(0);
  });
});
