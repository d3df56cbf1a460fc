import { describe, expect, it } from 'vitest';
import { advance, ENV, receiver, seqs, started, upTo, withEndpoint } from './testing/engine-kit.ts';
import { aDelivery, anEndpoint, anEvent, sameMessage, SETTINGS, someEvents } from './testing/fixtures.ts';

const MINUTE = 60_000;

describe('a strict lane', () => {
  it('sends one at a time, in seq order, however much waits', async () => {
    let under = 0;
    let most = 0;
    const peer = await receiver((response) => {
      most = Math.max(most, ++under);
      setImmediate(() => {
        under--;
        response.writeHead(204).end();
      });
    });
    const settings = { ...SETTINGS, window: 40 };
    const { store, publisher } = await withEndpoint(peer.url, { ordering: 'strict' }, { settings });
    for (let i = 0; i < 10; i++) {
      store.commit(someEvents(30), [1]);
      await new Promise(setImmediate);
    }
    await publisher.idle(ENV);
    expect(seqs(peer)).toEqual(upTo(300));
    expect(most).toBe(1);
  });

  it('goes on in order after what failed, and makes everything behind it wait', async () => {
    const failed = new Map<number, number>();
    const peer = await receiver((response, { json: { seq } }) => {
      const times = failed.get(seq) ?? 0;
      const fails = seq % 7 === 3 && times < 2;
      failed.set(seq, times + 1);
      response.writeHead(fails ? 500 : 204).end();
    });
    const engine = await withEndpoint(peer.url, { ordering: 'strict' });
    engine.store.commit(someEvents(40), [1]);
    await engine.publisher.idle(ENV);
    expect(seqs(peer)).toEqual([1, 2, 3]);
    await advance(engine, 120 * MINUTE);
    const delivered = engine.store.settlements.filter(({ verdict }) => verdict === 'delivered');
    expect(delivered.map(({ seq }) => seq)).toEqual(upTo(40));
    expect(seqs(peer).filter((seq) => seq === 10)).toHaveLength(3);
  });

  it('goes on after a dead letter', async () => {
    const peer = await receiver((response, { json: { seq } }) =>
      response.writeHead(seq === 2 ? 400 : 204).end(),
    );
    const engine = await withEndpoint(peer.url, { ordering: 'strict', retry_schedule: [1] });
    engine.store.commit(someEvents(5), [1]);
    await advance(engine, MINUTE);
    expect(seqs(peer)).toEqual([1, 2, 2, 3, 4, 5]);
  });

  it('waits for the time of the first in line after a restart too', async () => {
    const peer = await receiver();
    const engine = await started();
    engine.store.listener = () => {};
    engine.store.addEndpoint(anEndpoint(1, peer.url, { ordering: 'strict' }));
    engine.store.commit(someEvents(5), [1]);
    engine.store.putBack(1, aDelivery(1, { attempts: 1 }), Date.now() + 10 * MINUTE);
    engine.store.listener = (notice) => engine.publisher.onCommit(notice);
    await engine.publisher.start();
    await engine.publisher.idle(ENV);
    expect(peer.requests).toHaveLength(0);
    await advance(engine, 11 * MINUTE);
    expect(seqs(peer)).toEqual(upTo(5));
    expect(peer.requests[0]?.headers['postrider-attempt']).toBe('2');
  });

  it('takes what was put back before what it has read already', async () => {
    const peer = await receiver((response, { json: { seq } }) =>
      response.writeHead(seq === 11 ? 500 : 204).end(),
    );
    const engine = await withEndpoint(peer.url, { ordering: 'strict' });
    const { store, publisher } = engine;
    store.commit(someEvents(20), [1]);
    await publisher.idle(ENV);
    expect(seqs(peer)).toEqual(upTo(11));
    store.putBack(1, aDelivery(4, { attempts: 1, base: 1 }), Date.now() - 1);
    await expect.poll(() => seqs(peer).filter((seq) => seq === 4)).toHaveLength(2);
    await publisher.idle(ENV);
    expect(store.pendingCount(1)).toBe(10);
  });

  it('opens its breaker when the first in line fails three times and others wait', async () => {
    let status = 503;
    const peer = await receiver((response) => response.writeHead(status).end());
    const engine = await withEndpoint(peer.url, { ordering: 'strict' });
    engine.store.commit(someEvents(500), [1]);
    await advance(engine, 180 * MINUTE);
    expect(engine.publisher.gauges().lanes_failing).toBe(1);
    expect(engine.store.pendingCount(1)).toBe(500);
    status = 204;
    peer.requests.length = 0;
    await advance(engine, 5 * MINUTE);
    expect(seqs(peer)).toEqual(upTo(500));
  });

  it('does not wait for ever for an event that the endpoint cannot take', async () => {
    const peer = await receiver((response, { json: { seq } }) =>
      response.writeHead(seq === 1 ? 400 : 204).end(),
    );
    const engine = await withEndpoint(peer.url, { ordering: 'strict' });
    engine.store.commit(someEvents(10), [1]);
    await advance(engine, 9 * 60 * MINUTE);
    expect(engine.store.pendingCount(1)).toBe(0);
    expect(engine.store.settlements.filter(({ verdict }) => verdict === 'failed')).toMatchObject([
      { seq: 1 },
    ]);
    const delivered = engine.store.settlements.filter(({ verdict }) => verdict === 'delivered');
    expect(delivered.map(({ seq }) => seq)).toEqual(upTo(10).slice(1));
  });
});

describe('ordered by message', () => {
  it('opens its breaker when what fails keeps others of its message waiting', async () => {
    const peer = await receiver((response) => response.writeHead(503).end());
    const engine = await withEndpoint(peer.url, { ordering: 'message' });
    engine.store.blocked = true;
    engine.store.commit(someEvents(3), [1]);
    await engine.publisher.idle(ENV);
    await expect.poll(() => engine.publisher.gauges().lanes_failing).toBe(1);
  });

  it('sends at once what is released', async () => {
    const peer = await receiver();
    const { store, publisher } = await withEndpoint(peer.url, { ordering: 'message' });
    store.commit(someEvents(3), [1]);
    await publisher.idle(ENV);
    const event = anEvent(4);
    store.lanes.get(1)?.pending.set(4, aDelivery(4, { event }));
    store.tell({ events: [event], released: [{ lane: 1, seq: 4, log: 4, event: 0 }] });
    await publisher.idle(ENV);
    expect(seqs(peer)).toEqual([1, 2, 3, 4].filter((seq) => seqs(peer).includes(seq)));
    expect(store.pendingCount(1)).toBe(0);
  });
});

describe('what is urgent', () => {
  const slow = { max_in_flight: 1 };

  it('overtakes in a lane that is behind, but never another event of its own message', async () => {
    const peer = await receiver((response) => setImmediate(() => response.writeHead(204).end()));
    const { store, publisher } = await withEndpoint(peer.url, slow);
    const opens = Array.from({ length: 300 }, (_, n) => anEvent(n, 'open'));
    const free = anEvent(1, 'bounce');
    const bound = sameMessage(opens[299] as (typeof opens)[0], 'complaint');
    store.commit(opens, [1]);
    store.commit([free, bound], [1]);
    await publisher.idle(ENV);
    const order = peer.requests.map(({ json }) => json.event_id);
    expect(order).toHaveLength(302);
    expect(order.indexOf(free.event_id)).toBeLessThan(10);
    expect(order.indexOf(bound.event_id)).toBeGreaterThan(
      order.indexOf((opens[299] as (typeof opens)[0]).event_id),
    );
  });

  it('overtakes what is not even in memory', async () => {
    const peer = await receiver((response) => setImmediate(() => response.writeHead(204).end()));
    const settings = { ...SETTINGS, window: 20 };
    const { store, publisher } = await withEndpoint(peer.url, slow, { settings });
    const free = anEvent(1, 'unsubscribe');
    for (let i = 0; i < 5; i++) {
      store.commit(
        Array.from({ length: 200 }, (_, n) => anEvent(n, 'click')),
        [1],
      );
    }
    store.commit([free], [1]);
    await publisher.idle(ENV);
    const order = peer.requests.map(({ json }) => json.event_id);
    expect(order).toHaveLength(1001);
    expect(order.indexOf(free.event_id)).toBeLessThan(100);
  });

  it('stays in its place in a strict lane', async () => {
    const peer = await receiver();
    const { store, publisher } = await withEndpoint(peer.url, { ordering: 'strict' });
    store.commit([...Array.from({ length: 200 }, (_, n) => anEvent(n, 'open')), anEvent(1, 'bounce')], [1]);
    await publisher.idle(ENV);
    expect(seqs(peer)).toEqual(upTo(201));
  });
});
