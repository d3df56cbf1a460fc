import { describe, expect, it } from 'vitest';
import { advance, ENV, receiver, upTo, withEndpoint } from './testing/engine-kit.ts';
import { anEvent, someEvents } from './testing/fixtures.ts';

interface Batched {
  seq: number;
  event_id: string;
}
/** The events of each request. */
const batches = (requests: readonly { json: unknown }[]): Batched[][] =>
  requests.map(({ json }) => json as Batched[]);

describe('a rate limit', () => {
  it('is kept, in attempts per second, and used', async () => {
    const peer = await receiver();
    const { store, publisher } = await withEndpoint(peer.url, { rate_limit: 100 });
    const begun = performance.now();
    store.commit(someEvents(120), [1]);
    await publisher.idle(ENV);
    const seconds = (performance.now() - begun) / 1000;
    expect(peer.requests).toHaveLength(120);
    // A tenth of a second's worth may go at once.
    expect(seconds).toBeGreaterThanOrEqual(1.05);
    expect(seconds).toBeLessThan(3);
  });

  it('may be slower than one a second', async () => {
    const peer = await receiver();
    const { store } = await withEndpoint(peer.url, { rate_limit: 0.5 });
    store.commit(someEvents(2), [1]);
    await peer.got(1);
    const begun = performance.now();
    await peer.got(2);
    expect(performance.now() - begun).toBeGreaterThan(1_500);
  });
});

describe('batches', () => {
  const batch = { max_events: 10, max_wait_ms: 100 };

  it('are JSON arrays under one id, each event with its own', async () => {
    const peer = await receiver();
    const { store, publisher } = await withEndpoint(peer.url, { batch });
    const events = someEvents(25);
    store.commit(events, [1]);
    await publisher.idle(ENV);
    const sizes = batches(peer.requests).map((events) => events.length);
    expect(sizes.toSorted((a, b) => b - a)).toEqual([10, 10, 5]);
    const ids = batches(peer.requests).flatMap((items) => items.map(({ event_id }) => event_id));
    expect(new Set(ids)).toEqual(new Set(events.map(({ event_id }) => event_id)));
    for (const { headers } of peer.requests) expect(headers['webhook-id']).toMatch(/^bat_/);
    expect(store.settlements).toHaveLength(25);
    expect(store.settlements.every(({ verdict }) => verdict === 'delivered')).toBe(true);
  });

  it('wait for more no longer than they may', async () => {
    const peer = await receiver();
    const { store } = await withEndpoint(peer.url, { batch: { max_events: 10, max_wait_ms: 200 } });
    const begun = performance.now();
    store.commit(someEvents(3), [1]);
    await peer.got(1);
    const waited = performance.now() - begun;
    expect(waited).toBeGreaterThanOrEqual(195);
    expect(waited).toBeLessThan(1_000);
    expect(batches(peer.requests)[0]).toHaveLength(3);
  });

  it('leave out what cannot be sent, and keep books for each event', async () => {
    const peer = await receiver();
    const { store, publisher } = await withEndpoint(peer.url, { batch, dialect: 'cloudevents' });
    store.commit([anEvent(1), { ...anEvent(2), envelope: '{"no":"envelope"}' }, anEvent(3)], [1]);
    await publisher.idle(ENV);
    expect(batches(peer.requests)[0]).toHaveLength(2);
    const verdicts = store.settlements.map(({ seq, verdict }) => `${seq} ${verdict}`);
    expect(verdicts.toSorted((a, b) => a.localeCompare(b))).toEqual([
      '1 delivered',
      '2 failed',
      '3 delivered',
    ]);
  });

  it('that fail are retried in smaller ones, until what spoils them stands alone', async () => {
    const peer = await receiver((response, { json }) => {
      const items = json as unknown as Batched[];
      response.writeHead(items.some(({ seq }) => seq === 13) ? 422 : 204).end();
    });
    const engine = await withEndpoint(peer.url, {
      batch: { max_events: 27, max_wait_ms: 20 },
      retry_schedule: [1, 1, 1, 1],
    });
    engine.store.commit(someEvents(27), [1]);
    await advance(engine, 60_000);
    const failed = engine.store.settlements.filter(({ verdict }) => verdict === 'failed');
    expect(failed.map(({ seq }) => seq)).toEqual([13]);
    const delivered = engine.store.settlements.filter(({ verdict }) => verdict === 'delivered');
    expect(delivered).toHaveLength(26);
  });

  it('keep a strict order over failures', async () => {
    let requests = 0;
    const peer = await receiver((response) => response.writeHead(++requests % 3 === 0 ? 500 : 204).end());
    const engine = await withEndpoint(peer.url, { batch, ordering: 'strict' });
    engine.store.commit(someEvents(100), [1]);
    await advance(engine, 6 * 3_600_000);
    const delivered = engine.store.settlements.filter(({ verdict }) => verdict === 'delivered');
    expect(delivered.map(({ seq }) => seq)).toEqual(upTo(100));
  });
});
