import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { EnvironmentClocks, type WallClock } from '../base/clock.ts';
import { PostriderError } from '../domain/errors.ts';
import { advance, ENV, receiver, seqs, upTo, withEndpoint } from './testing/engine-kit.ts';
import { aDelivery, anEvent, someEvents } from './testing/fixtures.ts';
import { deadUrl } from './testing/receiver.ts';

describe('retrying', () => {
  const failing = (response: ServerResponse): unknown => response.writeHead(500).end('no');

  it('attempts six times on the schedule, then makes a dead letter and says so', async () => {
    const peer = await receiver(failing);
    const engine = await withEndpoint(peer.url);
    const { store, clocks } = engine;
    const event = anEvent(1);
    const begin = clocks.now(ENV);
    store.commit([event], [1]);
    await advance(engine, 24 * 3_600_000);
    expect(peer.requests.map(({ headers }) => headers['postrider-attempt'])).toEqual([
      '1',
      '2',
      '3',
      '4',
      '5',
      '6',
    ]);
    const after = store.settlements.map(({ attempt }) => Math.round((attempt.at - begin) / 1000));
    // The attempts take some of the environment's time too.
    for (const [index, at] of [0, 30, 330, 2130, 9330, 27_330].entries()) {
      expect(after[index]).toBeGreaterThanOrEqual(at);
      expect(after[index]).toBeLessThanOrEqual(at + 5);
    }
    expect(after).toHaveLength(6);
    const last = store.settlements.at(-1);
    expect(last).toMatchObject({ verdict: 'failed', next_at: null, attempt: { attempt: 6, status: 500 } });
    expect(last?.events).toMatchObject([
      { event_type: 'delivery.failed', about_endpoint_id: engine.endpoint.endpoint_id },
    ]);
    expect(JSON.parse(last?.events[0]?.data ?? '')).toMatchObject({
      event_id: event.event_id,
      event_type: 'delivered',
      attempts: 6,
      last_status: 500,
      last_error: 'http',
    });
    expect(store.pendingCount(1)).toBe(0);
  });

  it('stamps and signs each attempt anew', async () => {
    let now = Date.parse('2026-04-19T14:32:00Z');
    const wall: WallClock = { now: () => now };
    const peer = await receiver(failing);
    const engine = await withEndpoint(
      peer.url,
      { retry_schedule: [1] },
      { clocks: new EnvironmentClocks(wall) },
    );
    engine.store.commit([anEvent(1)], [1]);
    await engine.publisher.idle(ENV);
    now += 60_000;
    engine.clocks.setOffset(ENV, 1_000);
    await engine.publisher.idle(ENV);
    const [first, second] = peer.requests;
    expect(Number(second?.headers['webhook-timestamp']) - Number(first?.headers['webhook-timestamp'])).toBe(
      60,
    );
    expect(second?.headers['webhook-signature']).not.toBe(first?.headers['webhook-signature']);
    expect(second?.headers['webhook-id']).toBe(first?.headers['webhook-id']);
  });

  it('says nothing when the delivery of an operational event fails', async () => {
    const peer = await receiver(failing);
    const engine = await withEndpoint(peer.url, { retry_schedule: [] });
    engine.store.commit([anEvent(1, 'delivery.failed'), anEvent(2, 'endpoint.disabled')], [1]);
    await engine.publisher.idle(ENV);
    expect(engine.store.settlements.map(({ verdict, events }) => [verdict, events.length])).toEqual([
      ['failed', 0],
      ['failed', 0],
    ]);
  });

  it('honours Retry-After on 429 and 503', async () => {
    const peer = await receiver((response, { json }) =>
      response.writeHead(json.seq === 1 ? 429 : 503, { 'retry-after': '600' }).end(),
    );
    const engine = await withEndpoint(peer.url);
    engine.store.commit(someEvents(2), [1]);
    await engine.publisher.idle(ENV);
    for (const { next_at, attempt } of engine.store.settlements) {
      expect((next_at ?? 0) - attempt.at).toBeGreaterThanOrEqual(600_000);
      expect((next_at ?? 0) - attempt.at).toBeLessThan(610_000);
    }
  });

  it('makes a dead letter of what cannot be written in the dialect, and goes on', async () => {
    const peer = await receiver();
    const { store, publisher } = await withEndpoint(peer.url, { dialect: 'sendarix' });
    store.commit([{ ...anEvent(1), envelope: '{"no":"envelope"}' }, anEvent(2)], [1]);
    await publisher.idle(ENV);
    expect(peer.requests).toHaveLength(1);
    const verdicts = store.settlements.map(({ seq, verdict }) => `${seq} ${verdict}`);
    expect(verdicts.toSorted((a, b) => a.localeCompare(b))).toEqual(['1 failed', '2 delivered']);
  });

  it('keeps no failed delivery in memory, and none is attempted twice at a time', async () => {
    const seen = new Set<number>();
    const peer = await receiver((response, { json: { seq } }) => {
      // Every other delivery fails at first, so that the breaker has no reason to open.
      const fails = seq % 2 === 0 && !seen.has(seq);
      seen.add(seq);
      response.writeHead(fails ? 500 : 204).end();
    });
    const engine = await withEndpoint(peer.url, { retry_schedule: [30, 30] });
    const { store, publisher } = engine;
    store.commit(someEvents(600), [1]);
    await publisher.idle(ENV);
    expect(peer.requests).toHaveLength(600);
    expect(publisher.gauges()).toMatchObject({ window_entries: 0, window_bytes: 0, unsettled: 0 });
    await advance(engine, 60_000);
    expect(peer.requests).toHaveLength(900);
    expect(new Set(peer.requests.slice(600).map(({ json }) => json.seq)).size).toBe(300);
    expect(store.pendingCount(1)).toBe(0);
  });

  it('starts the schedule anew for a dead letter put back', async () => {
    const peer = await receiver((response, _request, number) =>
      response.writeHead(number === 1 ? 500 : 204).end(),
    );
    const engine = await withEndpoint(peer.url);
    engine.store.putBack(1, aDelivery(7, { attempts: 6, base: 6 }), 1);
    await engine.publisher.idle(ENV);
    expect(peer.requests[0]?.headers['postrider-attempt']).toBe('7');
    expect(engine.store.settlements[0]).toMatchObject({ verdict: 'retry', attempt: { attempt: 7 } });
    await advance(engine, 60_000);
    expect(engine.store.settlements[1]).toMatchObject({ verdict: 'delivered', attempt: { attempt: 8 } });
  });

  it('does not disable an endpoint for a 410 to a request from before it was changed', async () => {
    const waiting: ServerResponse[] = [];
    const old = await receiver((response) => waiting.push(response));
    const peer = await receiver();
    const engine = await withEndpoint(old.url);
    const { store, publisher, endpoint } = engine;
    store.commit(someEvents(2), [1]);
    await old.got(2);
    await store.updateEndpoint(ENV, endpoint.endpoint_id, { url: peer.url, updated_at: 1 });
    for (const response of waiting) response.writeHead(410).end();
    await publisher.idle(ENV);
    expect(store.lanes.get(1)?.endpoint.status).toBe('enabled');
    await advance(engine, 60_000);
    expect(seqs(peer).toSorted((a, b) => a - b)).toEqual([1, 2]);
  });

  it('gives up disabling an endpoint that was changed while the store could not take it', async () => {
    const old = await receiver((response) => response.writeHead(410).end());
    const peer = await receiver();
    const { store, publisher, endpoint } = await withEndpoint(old.url);
    const update = store.updateEndpoint.bind(store);
    let refused = 0;
    store.updateEndpoint = async () => {
      refused++;
      throw new PostriderError('storage_unavailable', 'disk full');
    };
    store.commit(someEvents(1), [1]);
    await expect.poll(() => refused).toBe(1);
    await publisher.idle(ENV);
    store.updateEndpoint = update;
    await update(ENV, endpoint.endpoint_id, { url: peer.url, updated_at: 1 });
    // Longer than the pause before the next try.
    await new Promise((resolve) => setTimeout(resolve, 1_300));
    expect(store.lanes.get(1)?.endpoint.status).toBe('enabled');
  });

  it('disables an endpoint that answers 410, tells it, and drains all of it once enabled', async () => {
    let gone = true;
    const peer = await receiver((response) => response.writeHead(gone ? 410 : 204).end());
    const engine = await withEndpoint(peer.url);
    const { store, publisher, endpoint } = engine;
    const changes: unknown[] = [];
    const update = store.updateEndpoint.bind(store);
    store.updateEndpoint = (env, id, change) => {
      changes.push(change);
      return update(env, id, change);
    };
    store.commit(someEvents(100), [1]);
    await publisher.idle(ENV);
    await expect.poll(() => changes.length).toBe(1);
    expect(changes).toMatchObject([
      {
        status: 'disabled',
        events: [{ event_type: 'endpoint.disabled', about_endpoint_id: endpoint.endpoint_id }],
      },
    ]);
    expect(peer.requests.length).toBeLessThanOrEqual(2);
    expect(store.pendingCount(1)).toBe(100);
    gone = false;
    await store.updateEndpoint(ENV, endpoint.endpoint_id, { status: 'enabled', updated_at: 2 });
    await advance(engine, 60_000);
    expect(store.pendingCount(1)).toBe(0);
    const delivered = store.settlements
      .filter(({ verdict }) => verdict === 'delivered')
      .map(({ seq }) => seq);
    expect(delivered.toSorted((a, b) => a - b)).toEqual(upTo(100));
  });

  it('retries what met a refused connection once the peer is back', async () => {
    const engine = await withEndpoint(await deadUrl());
    const peer = await receiver();
    engine.store.commit(someEvents(5), [1]);
    await engine.publisher.idle(ENV);
    expect(engine.store.settlements.map(({ attempt }) => attempt.error)).toEqual(Array(5).fill('refused'));
    await engine.store.updateEndpoint(ENV, engine.endpoint.endpoint_id, { url: peer.url, updated_at: 1 });
    await advance(engine, 60_000);
    expect(peer.requests).toHaveLength(5);
  });
});
