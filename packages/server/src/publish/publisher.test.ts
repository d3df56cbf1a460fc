import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, it } from 'vitest';
import { EnvironmentClocks, type WallClock } from '../base/clock.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { PostriderError } from '../domain/errors.ts';
import type { PublisherParts } from './publisher.ts';
import { anEndpoint, anEngine, anEvent, SETTINGS, someEvents, type Engine } from './testing/fixtures.ts';
import { aRawServer, aReceiver, deadUrl, type Receiver } from './testing/receiver.ts';

const ENV = 1;
const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

async function started(change: Partial<PublisherParts> = {}): Promise<Engine> {
  const engine = anEngine(change);
  closers.push(() => engine.publisher.stop(0));
  await engine.publisher.start();
  return engine;
}
async function receiver(...parameters: Parameters<typeof aReceiver>): Promise<Receiver> {
  const made = await aReceiver(...parameters);
  closers.push(() => made.close());
  return made;
}
async function silentPeer(): Promise<string> {
  const server = await aRawServer(() => {});
  closers.push(() => server.close());
  return server.url;
}
/** An engine with one endpoint that is live. */
async function withEndpoint(
  url: string,
  change: Partial<Endpoint> = {},
  parts: Partial<PublisherParts> = {},
) {
  const engine = await started(parts);
  const endpoint = anEndpoint(1, url, change);
  engine.store.addEndpoint(endpoint);
  await engine.publisher.idle(ENV);
  return { ...engine, endpoint };
}
/** Moves the sandbox's clock in steps to every due moment within `ms`, as the clock's advance does. */
async function advance({ publisher, clocks }: Engine, ms: number): Promise<void> {
  const end = clocks.now(ENV) + ms;
  for (;;) {
    const due = await publisher.nextDueAt(ENV);
    const to = due === null || due > end ? end : due;
    clocks.setOffset(ENV, clocks.offset(ENV) + Math.max(0, to - clocks.now(ENV)));
    await publisher.idle(ENV);
    if (to === end) return;
  }
}
const seqs = (peer: Receiver): number[] => peer.requests.map(({ json }) => json.seq);
const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);

describe('pushing', () => {
  it('sends each event once, with its headers and its seq, and settles it', async () => {
    const peer = await receiver();
    const { store, publisher } = await withEndpoint(peer.url, { headers: { 'x-tenant': 'acme' } });
    const events = someEvents(50);
    store.commit(events, [1]);
    await publisher.idle(ENV);
    expect(seqs(peer).toSorted((a, b) => a - b)).toEqual(upTo(50));
    const first = peer.requests.find(({ json }) => json.seq === 1);
    expect(first?.json.event_id).toBe(events[0]?.event_id);
    expect(first?.headers).toMatchObject({
      'content-type': 'application/json',
      'user-agent': 'Postrider/test',
      'x-tenant': 'acme',
      'webhook-id': events[0]?.event_id,
      'postrider-attempt': '1',
    });
    expect(first?.headers['webhook-signature']).toMatch(/^v1,[A-Za-z0-9+/]{43}=$/);
    expect(first?.path).toBe('/hook');
    expect(store.settlements).toHaveLength(50);
    for (const { verdict, attempt } of store.settlements) {
      expect(verdict).toBe('delivered');
      expect(attempt).toMatchObject({ attempt: 1, status: 204, error: null, response_excerpt: null });
    }
    expect(store.pendingCount(1)).toBe(0);
  });

  it('works off at the start what was left from before, retries included', async () => {
    const peer = await receiver();
    const engine = anEngine();
    closers.push(() => engine.publisher.stop(0));
    engine.store.listener = () => {};
    engine.store.addEndpoint(anEndpoint(1, peer.url));
    engine.store.commit(someEvents(30), [1]);
    engine.store.putBack(1, { seq: 31, log: 31, attempts: 2, base: 0, event: anEvent(31) }, 1);
    engine.store.listener = (notice) => engine.publisher.onCommit(notice);
    await engine.publisher.start();
    await engine.publisher.idle(ENV);
    expect(seqs(peer).toSorted((a, b) => a - b)).toEqual(upTo(31));
    expect(peer.requests.find(({ json }) => json.seq === 31)?.headers['postrider-attempt']).toBe('3');
  });

  it('sends to many endpoints at once and follows a changed URL', async () => {
    const one = await receiver();
    const two = await receiver();
    const { store, publisher } = await started();
    const first = anEndpoint(1, one.url);
    store.addEndpoint(first);
    store.addEndpoint(anEndpoint(2, two.url));
    await publisher.idle(ENV);
    store.commit(someEvents(20), [1, 2]);
    await publisher.idle(ENV);
    await store.updateEndpoint(ENV, first.endpoint_id, { url: two.url, updated_at: 1 });
    store.commit(someEvents(5), [1]);
    await publisher.idle(ENV);
    expect([one.requests.length, two.requests.length]).toEqual([20, 25]);
  });

  it('stops at once when the endpoint is deleted', async () => {
    const url = await silentPeer();
    const { store, publisher } = await withEndpoint(url);
    store.commit(someEvents(10), [1]);
    expect(publisher.inFlight(1)).toBeGreaterThan(0);
    store.deleteEndpoint(1);
    await publisher.idle(ENV);
    expect(publisher.gauges()).toMatchObject({ in_flight: 0, lanes: 0, window_entries: 0, window_bytes: 0 });
    expect(store.settlements).toHaveLength(0);
  });

  it('holds while disabled and drains in order once enabled', async () => {
    const peer = await receiver();
    const engine = await withEndpoint(peer.url, { max_in_flight: 1 });
    const { store, publisher, endpoint } = engine;
    await store.updateEndpoint(ENV, endpoint.endpoint_id, { status: 'disabled', updated_at: 1 });
    store.commit(someEvents(40), [1]);
    await publisher.idle(ENV);
    expect(peer.requests).toHaveLength(0);
    expect(publisher.gauges().window_entries).toBe(0);
    await store.updateEndpoint(ENV, endpoint.endpoint_id, { status: 'enabled', updated_at: 2 });
    await publisher.idle(ENV);
    expect(seqs(peer)).toEqual(upTo(40));
  });

  it('repeats nothing when it is disabled and enabled in the middle of a burst', async () => {
    const peer = await receiver((response) => setImmediate(() => response.writeHead(204).end()));
    const { store, publisher, endpoint } = await withEndpoint(peer.url);
    store.commit(someEvents(200), [1]);
    await peer.got(20);
    await store.updateEndpoint(ENV, endpoint.endpoint_id, { status: 'disabled', updated_at: 1 });
    await store.updateEndpoint(ENV, endpoint.endpoint_id, { status: 'enabled', updated_at: 2 });
    store.commit(someEvents(50), [1]);
    await publisher.idle(ENV);
    expect(seqs(peer).toSorted((a, b) => a - b)).toEqual(upTo(250));
  });

  it('waits, and says so, when a secret cannot be opened', async () => {
    const peer = await receiver();
    const errors: object[] = [];
    const log = { debug() {}, info() {}, warn() {}, error: (fields: object) => errors.push(fields) };
    const { store, publisher } = await withEndpoint(peer.url, { secret_sealed: '' }, { log });
    store.commit(someEvents(3), [1]);
    await publisher.idle(ENV);
    expect(peer.requests).toHaveLength(0);
    expect(store.pendingCount(1)).toBe(3);
    expect(errors).toMatchObject([{ event: 'lane.broken' }]);
  });
});

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
    expect(after).toEqual([0, 30, 330, 2130, 9330, 27_330]);
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
    const peer = await receiver((response, _request, number) =>
      response.writeHead(number <= 300 ? 500 : 204).end(),
    );
    const engine = await withEndpoint(peer.url, { retry_schedule: [30, 30] });
    const { store, publisher } = engine;
    store.commit(someEvents(300), [1]);
    await publisher.idle(ENV);
    expect(publisher.gauges()).toMatchObject({ window_entries: 0, window_bytes: 0, unsettled: 0 });
    await advance(engine, 60_000);
    expect(peer.requests).toHaveLength(600);
    expect(new Set(peer.requests.slice(300).map(({ json }) => json.seq)).size).toBe(300);
    expect(store.pendingCount(1)).toBe(0);
  });

  it('starts the schedule anew for a dead letter put back', async () => {
    const peer = await receiver((response, _request, number) =>
      response.writeHead(number === 1 ? 500 : 204).end(),
    );
    const engine = await withEndpoint(peer.url);
    engine.store.putBack(1, { seq: 7, log: 7, attempts: 6, base: 6, event: anEvent(7) }, 1);
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

describe('windows', () => {
  it('parks a lane that is overfilled and loses and repeats nothing', async () => {
    const peer = await receiver((response) => setImmediate(() => response.writeHead(204).end()));
    const { store, publisher } = await withEndpoint(peer.url, {}, { settings: { ...SETTINGS, window: 50 } });
    let most = 0;
    for (let i = 0; i < 100; i++) {
      store.commit(someEvents(37), [1]);
      most = Math.max(most, publisher.gauges().window_entries);
      if (i % 3 === 0) await new Promise(setImmediate);
    }
    await publisher.idle(ENV);
    expect(store.calls.parkLane).toBeGreaterThan(0);
    expect(store.largestLoad).toBeLessThanOrEqual(50);
    expect(most).toBeLessThanOrEqual(50 * 16);
    expect(seqs(peer).toSorted((a, b) => a - b)).toEqual(upTo(100 * 37));
    expect(store.settlements).toHaveLength(100 * 37);
    expect(publisher.gauges()).toMatchObject({ lanes_parked: 0, window_entries: 0, window_bytes: 0 });
  });

  it('keeps the order of seq when one request goes at a time', async () => {
    const peer = await receiver();
    const settings = { ...SETTINGS, window: 20 };
    const { store, publisher } = await withEndpoint(peer.url, { max_in_flight: 1 }, { settings });
    for (let i = 0; i < 10; i++) {
      store.commit(someEvents(30), [1]);
      await new Promise(setImmediate);
    }
    await publisher.idle(ENV);
    expect(seqs(peer)).toEqual(upTo(300));
  });

  it('holds little of a lane that does not get on', async () => {
    const url = await silentPeer();
    const { store, publisher } = await withEndpoint(url);
    for (let i = 0; i < 50; i++) store.commit(someEvents(100), [1]);
    await new Promise(setImmediate);
    expect(publisher.gauges()).toMatchObject({ in_flight: 2, lanes_parked: 1 });
    expect(publisher.gauges().window_entries).toBeLessThanOrEqual(SETTINGS.window);
    expect(publisher.isIdle(ENV)).toBe(false);
  });
});

describe('fairness', () => {
  it('gives a lane that has not proven itself two slots', async () => {
    const url = await silentPeer();
    const { store, publisher } = await withEndpoint(url);
    store.commit(someEvents(100), [1]);
    expect(publisher.inFlight(1)).toBe(2);
  });

  it('serves the others in full while lanes hang, whatever they have left of the budget', async () => {
    const hanging = await silentPeer();
    const peer = await receiver();
    const { store, publisher } = await started({ settings: { ...SETTINGS, budget: 8 } });
    // Ten lanes hang with two slots each: more than the whole budget.
    for (let lane = 1; lane <= 10; lane++) store.addEndpoint(anEndpoint(lane, hanging));
    store.addEndpoint(anEndpoint(11, peer.url));
    await publisher.idle(ENV);
    store.commit(someEvents(50), upTo(10));
    await expect.poll(() => publisher.gauges().slow, { timeout: 5_000 }).toBe(20);
    store.commit(someEvents(500), [11]);
    await peer.got(500);
    await expect.poll(() => store.pendingCount(11)).toBe(0);
    expect(publisher.gauges().in_flight).toBe(20);
  });

  it('takes turns: a long queue does not make a short one wait', async () => {
    const long = await receiver();
    const short = await receiver();
    const { store, publisher } = await started({ settings: { ...SETTINGS, budget: 4 } });
    store.addEndpoint(anEndpoint(1, long.url));
    store.addEndpoint(anEndpoint(2, short.url));
    await publisher.idle(ENV);
    store.commit(someEvents(800), [1]);
    await long.got(50);
    store.commit(someEvents(20), [2]);
    await short.got(20);
    expect(long.requests.length).toBeLessThan(400);
    await publisher.idle(ENV);
  });

  it('lets slots grow to the cap of the endpoint and no further', async () => {
    let now = 0;
    let most = 0;
    const peer = await receiver((response) => {
      most = Math.max(most, ++now);
      setTimeout(() => {
        now--;
        response.writeHead(204).end();
      }, 5);
    });
    const { store, publisher } = await withEndpoint(peer.url, { max_in_flight: 6 });
    store.commit(someEvents(400), [1]);
    await publisher.idle(ENV);
    expect(most).toBe(6);
  });

  it('shrinks to two slots after a streak of failures', async () => {
    let mode: 'ok' | 'hang' = 'ok';
    const peer = await receiver((response) => {
      if (mode === 'ok') response.writeHead(204).end();
    });
    const { store, publisher } = await withEndpoint(peer.url, { timeout_ms: 200 });
    store.commit(someEvents(300), [1]);
    await publisher.idle(ENV);
    mode = 'hang';
    store.commit(someEvents(300), [1]);
    await expect.poll(() => publisher.inFlight(1), { timeout: 5_000 }).toBe(2);
  });
});

describe('the store in trouble', () => {
  it('keeps results until the store can commit, and starts no more than it can hold', async () => {
    const peer = await receiver();
    const settings = { ...SETTINGS, budget: 4, window: 1000 };
    const { store, publisher } = await withEndpoint(peer.url, {}, { settings });
    store.broken = true;
    store.commit(someEvents(500), [1]);
    await peer.got(64);
    await expect.poll(() => publisher.gauges().in_flight).toBe(0);
    const bound = publisher.gauges().unsettled;
    expect(bound).toBeLessThanOrEqual(4 * 16 + 4);
    expect(store.pendingCount(1)).toBe(500);
    store.broken = false;
    await publisher.idle(ENV);
    expect(peer.requests).toHaveLength(500);
    expect(store.settlements).toHaveLength(500);
  });

  it('loads again after a pause when a load failed', async () => {
    const peer = await receiver();
    const { store, publisher } = await started();
    store.broken = true;
    store.addEndpoint(anEndpoint(1, peer.url));
    store.commit(someEvents(10), [1]);
    await expect.poll(() => store.calls.loadFresh).toBeGreaterThan(0);
    await new Promise(setImmediate);
    const tries = store.calls.loadFresh;
    expect(tries).toBeLessThanOrEqual(2);
    store.broken = false;
    await publisher.idle(ENV);
    expect(peer.requests).toHaveLength(10);
  });

  it('does not let one refused result hold up the others', async () => {
    const peer = await receiver();
    const { store, publisher } = await withEndpoint(peer.url);
    const settle = store.settle.bind(store);
    store.settle = async (settlements) => {
      if (settlements.some(({ seq }) => seq === 3)) throw new PostriderError('not_found', 'no such lane');
      await settle(settlements);
    };
    store.commit(someEvents(20), [1]);
    await publisher.idle(ENV);
    expect(store.settlements).toHaveLength(19);
  });
});

describe('stopping', () => {
  it('lets attempts under way end and puts their results on disk', async () => {
    const peer = await receiver((response) => setTimeout(() => response.writeHead(204).end(), 50));
    const { store, publisher } = await withEndpoint(peer.url);
    store.commit(someEvents(100), [1]);
    await peer.got(2);
    await publisher.stop();
    const sent = peer.requests.length;
    expect(store.settlements).toHaveLength(sent);
    expect(sent).toBeLessThan(100);
    store.commit(someEvents(5), [1]);
    await new Promise(setImmediate);
    expect(peer.requests).toHaveLength(sent);
  });

  it('leaves what does not end as it was: pending, without a failed attempt', async () => {
    const url = await silentPeer();
    const { store, publisher } = await withEndpoint(url, { timeout_ms: 30_000 });
    store.commit(someEvents(3), [1]);
    expect(publisher.inFlight(1)).toBe(2);
    const begun = performance.now();
    await publisher.stop(300);
    expect(performance.now() - begun).toBeLessThan(3_000);
    expect(store.settlements).toHaveLength(0);
    expect(store.pendingCount(1)).toBe(3);
  });
});

describe('observing', () => {
  it('logs one line per attempt and counts it', async () => {
    const peer = await receiver((response, { json }) => response.writeHead(json.seq === 2 ? 500 : 204).end());
    const lines: object[] = [];
    const counts: string[] = [];
    const { store, publisher } = await withEndpoint(
      peer.url,
      {},
      {
        log: { debug() {}, info: (fields) => lines.push(fields), warn() {}, error() {} },
        logAttempts: true,
        metrics: {
          attempt: (outcome) => counts.push(outcome),
          lag: (ms) => counts.push(ms >= 0 ? 'lag' : 'negative'),
        },
      },
    );
    store.commit([anEvent(1), anEvent(2)], [1]);
    await publisher.idle(ENV);
    expect(counts.toSorted()).toEqual(['delivered', 'http', 'lag', 'lag']);
    expect(lines).toHaveLength(2);
    expect(lines).toContainEqual(
      expect.objectContaining({
        event: 'delivery.attempt',
        seq: 2,
        status: 500,
        error: 'http',
        verdict: 'retry',
      }),
    );
    expect(JSON.stringify(lines)).not.toContain('whsec_');
  });
});
