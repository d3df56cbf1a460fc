import { describe, expect, it } from 'vitest';
import { ENV, receiver, seqs, silentPeer, started, upTo, withEndpoint } from './testing/engine-kit.ts';
import { anEndpoint, SETTINGS, someEvents } from './testing/fixtures.ts';

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
    expect(publisher.laneState(1).in_flight).toBe(2);
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
    const { store, publisher } = await withEndpoint(peer.url, { timeout_ms: 1_000 });
    store.commit(someEvents(300), [1]);
    await publisher.idle(ENV);
    mode = 'hang';
    store.commit(someEvents(10), [1]);
    await expect
      .poll(() => publisher.gauges().unsettled + publisher.laneState(1).in_flight, { timeout: 5_000 })
      .toBe(0);
    store.commit(someEvents(10), [1]);
    expect(publisher.laneState(1).in_flight).toBe(2);
  });
});
