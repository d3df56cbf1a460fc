import { describe, expect, it } from 'vitest';
import { PostriderError } from '../domain/errors.ts';
import { atEnd, ENV, receiver, seqs, silentPeer, started, upTo, withEndpoint } from './testing/engine-kit.ts';
import { aDelivery, anEndpoint, anEngine, anEvent, SETTINGS, someEvents } from './testing/fixtures.ts';

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
    atEnd(() => engine.publisher.stop(0));
    engine.store.listener = () => {};
    engine.store.addEndpoint(anEndpoint(1, peer.url));
    engine.store.commit(someEvents(30), [1]);
    engine.store.putBack(1, aDelivery(31, { attempts: 2 }), 1);
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
    expect(publisher.laneState(1).in_flight).toBeGreaterThan(0);
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
    expect(publisher.laneState(1).in_flight).toBe(2);
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
