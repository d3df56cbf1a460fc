/** Lanes that must wake again, whatever happened to them in between. */

import type { ServerResponse } from 'node:http';
import { describe, expect, it } from 'vitest';
import { advance, ENV, receiver, seqs, sorted, started, upTo, withEndpoint } from './testing/engine-kit.ts';
import { anEndpoint, anEvent, SETTINGS, someEvents } from './testing/fixtures.ts';

const MINUTE = 60_000;

describe('a lane', () => {
  it('reads on although all windows together are full, when its own is empty', async () => {
    const stuck = await receiver(() => {});
    const peer = await receiver();
    const { store, publisher } = await started({ settings: { ...SETTINGS, window: 1_000_000 } });
    store.addEndpoint(anEndpoint(1, stuck.url));
    store.addEndpoint(anEndpoint(2, peer.url));
    await publisher.idle(ENV);
    // More than all windows may hold.
    const many = someEvents(2_000);
    for (let i = 0; i < 60; i++) store.commit(many, [1]);
    expect(publisher.gauges().window_entries).toBeGreaterThan(90_000);
    store.commit(someEvents(3), [2]);
    await peer.got(3);
  });

  it('is sent faster at once when its rate limit is taken away', async () => {
    const peer = await receiver();
    const { store, endpoint } = await withEndpoint(peer.url, { rate_limit: 0.01 });
    store.commit(someEvents(5), [1]);
    await peer.got(1);
    await store.updateEndpoint(ENV, endpoint.endpoint_id, { rate_limit: null, updated_at: 1 });
    await peer.got(5);
  });

  it('is probed by what comes after its hold was not told to the store', async () => {
    let status = 500;
    const peer = await receiver((response) => response.writeHead(status).end());
    const engine = await withEndpoint(peer.url, { retry_schedule: [] });
    const { store, publisher } = engine;
    const park = store.parkLane.bind(store);
    store.parkLane = () => {};
    store.commit(someEvents(20), [1]);
    await publisher.idle(ENV);
    store.lanes.get(1)?.pending.clear();
    await advance(engine, 10 * MINUTE);
    store.parkLane = park;
    status = 204;
    store.commit(someEvents(5), [1]);
    await expect.poll(() => store.pendingCount(1)).toBe(0);
  });

  it.each(['none', 'strict'] as const)(
    'delivers what a probe had in hand when its owner enabled it again: %s',
    async (ordering) => {
      let behaviour: 'fail' | 'hang' | 'ok' = 'fail';
      const hanging: ServerResponse[] = [];
      const peer = await receiver((response) => {
        if (behaviour === 'hang') hanging.push(response);
        else response.writeHead(behaviour === 'ok' ? 204 : 503).end();
      });
      const engine = await withEndpoint(peer.url, { ordering });
      const { store, publisher, clocks, endpoint } = engine;
      store.commit(someEvents(60), [1]);
      await advance(engine, 20 * MINUTE);
      expect(publisher.gauges().lanes_failing).toBe(1);
      behaviour = 'hang';
      clocks.setOffset(ENV, clocks.offset(ENV) + 6 * MINUTE);
      await expect.poll(() => hanging.length).toBe(1);
      behaviour = 'ok';
      const { endpoint_id } = endpoint;
      await store.updateEndpoint(ENV, endpoint_id, { status: 'disabled', updated_at: 1 });
      await store.updateEndpoint(ENV, endpoint_id, { status: 'enabled', breaker: 'closed', updated_at: 2 });
      if (ordering === 'none') await expect.poll(() => store.pendingCount(1)).toBe(1);
      hanging[0]?.writeHead(503).end();
      await advance(engine, 10 * MINUTE);
      expect(store.pendingCount(1)).toBe(0);
      const delivered = store.settlements.filter(({ verdict }) => verdict === 'delivered');
      const order = delivered.map(({ seq }) => seq);
      expect(ordering === 'strict' ? order : sorted(order)).toEqual(upTo(60));
    },
  );

  it('ordered by message goes on past a few failures, while it has others to try', async () => {
    const peer = await receiver((response, { json: { seq } }) =>
      response.writeHead(seq >= 10 && seq < 15 ? 500 : 204).end(),
    );
    const { store, publisher } = await withEndpoint(peer.url, { ordering: 'message', max_in_flight: 1 });
    store.blocked = true;
    store.commit(
      Array.from({ length: 100 }, (_, n) => anEvent(n)),
      [1],
    );
    await peer.got(100);
    await expect.poll(() => store.pendingCount(1)).toBe(5);
    expect(publisher.gauges().lanes_failing).toBe(0);
    expect(sorted(seqs(peer))).toEqual(upTo(100));
  });

  it('is not judged by a request from before its endpoint was changed', async () => {
    const waiting: ServerResponse[] = [];
    const old = await receiver((response) => waiting.push(response));
    const peer = await receiver();
    const engine = await withEndpoint(old.url, { max_in_flight: 30 });
    const { store, publisher, endpoint } = engine;
    store.commit(someEvents(2), [1]);
    await old.got(2);
    await store.updateEndpoint(ENV, endpoint.endpoint_id, { url: peer.url, updated_at: 1 });
    for (const response of waiting) response.writeHead(500).end();
    await expect.poll(() => publisher.gauges().in_flight).toBe(0);
    expect(publisher.laneState(1).failing_since).toBeNull();
  });
});

it('what was given up is not sent from a window', async () => {
  const peer = await receiver();
  const { store } = await withEndpoint(peer.url, { rate_limit: 20 });
  store.commit(someEvents(40), [1]);
  await peer.got(3);
  store.lanes.get(1)?.pending.clear();
  store.tell({ dropped: [1] });
  store.commit(someEvents(1), [1]);
  await expect.poll(() => seqs(peer).includes(41)).toBe(true);
  expect(peer.requests.length).toBeLessThan(10);
});
