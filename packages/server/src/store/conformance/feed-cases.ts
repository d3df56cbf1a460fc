import { expect, it } from 'vitest';
import {
  customEvent,
  deadLettered,
  delivered,
  newReplay,
  purgeAll,
  replayAll,
  sealLanes,
  type Bench,
  type World,
} from './harness.ts';

export function feedCases(bench: Bench): void {
  it('reads a lane in seq order without gaps, whatever became of its deliveries', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    const ids = await emit(world, sandbox, 6);
    await world.store.settle([delivered(lane, 2), deadLettered(lane, 4)]);
    await world.store.discardDelivery(sandbox, lane, 5, 1);
    const all = await world.store.readFeed(lane, 0, 100);
    expect(all.items.map((item) => [item.seq, item.event_id])).toEqual(ids.map((id, n) => [n + 1, id]));
    expect([all.last_seq, all.purged_through]).toEqual([6, 0]);
    expect(JSON.parse(all.items[0]?.envelope ?? '')).toMatchObject({ event_id: ids[0] });
    const part = await world.store.readLane(lane, 2, 3);
    expect(part.items.map((item) => item.seq)).toEqual([3, 4, 5]);
    expect(part.items[0]).not.toHaveProperty('envelope');
    expect((await world.store.readFeed(lane, 6, 10)).items).toEqual([]);
  });

  it('says up to where retention has deleted, and never deletes what no checkpoint covers', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 6, 1000);
    await world.store.settle([1, 2, 3, 4].map((seq) => delivered(lane, seq, { at: 1000 })));
    await world.store.addCheckpoints(lane, [{ from_seq: 1, to_seq: 3, hour: 0, digest: 'a' }]);
    await purgeAll(world, sandbox, 5000);
    const left = await world.store.readFeed(lane, 3, 100);
    expect([left.items.map((item) => item.seq), left.purged_through]).toEqual([[4, 5, 6], 3]);
    await world.store.addCheckpoints(lane, [{ from_seq: 4, to_seq: 6, hour: 0, digest: 'b' }]);
    await purgeAll(world, sandbox, 5000);
    expect(await world.store.readLane(lane, 4, 100)).toMatchObject({ purged_through: 4, last_seq: 6 });
    // What was pending meanwhile is settled behind the sweep, and goes all the same.
    await world.store.settle([5, 6].map((seq) => delivered(lane, seq, { at: 1000 })));
    await purgeAll(world, sandbox, 5000);
    expect(await world.store.readLane(lane, 0, 100)).toEqual({ items: [], purged_through: 6, last_seq: 6 });
  });

  it('keeps checkpoints that go on where the last one ended, in pages, for as long as dead letters live', async () => {
    const { world } = bench;
    const { sandbox, live } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    const other = await world.endpoint(live, { event_types: ['*'] });
    await emit(world, sandbox, 9, 1000);
    const made = [1, 4, 7].map((from, n) => ({
      from_seq: from,
      to_seq: from + 2,
      hour: n,
      digest: `d${from}`,
    }));
    expect(await world.store.lastCheckpoint(lane)).toBeNull();
    await world.store.addCheckpoints(lane, made.slice(0, 2));
    await world.store.addCheckpoints(lane, [{ from_seq: 4, to_seq: 9, hour: 5, digest: 'again' }]);
    await world.store.addCheckpoints(lane, made.slice(2));
    expect(await world.store.listCheckpoints(lane, 0, 2)).toEqual(made.slice(0, 2));
    expect(await world.store.listCheckpoints(lane, 4, 5)).toEqual(made.slice(2));
    expect(await world.store.lastCheckpoint(lane)).toEqual(made[2]);
    expect(await world.store.lanesOf(sandbox)).toEqual([lane]);
    expect(await world.store.lanesOf(live)).toEqual([other.lane]);
    await world.store.settle([1, 2, 3, 4].map((seq) => delivered(lane, seq, { at: 1000 })));
    await purgeAll(world, sandbox, 5000, 3_600_000);
    expect(await world.store.listCheckpoints(lane, 0, 9)).toEqual(made.slice(1));
    await bench.restart();
    expect(await bench.world.store.lastCheckpoint(lane)).toEqual(made[2]);
  });

  it('gives what a replay makes anew the next seq, in the feed and in the list of deliveries', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const first = await world.endpoint(sandbox, { event_types: ['*'] });
    const old = await emit(world, sandbox, 4);
    const { lane, endpoint_id } = await world.endpoint(sandbox, { event_types: ['*'] });
    const fresh = await emit(world, sandbox, 2);
    await replayAll(world, await newReplay(world, sandbox, lane), 3);
    const later = await emit(world, sandbox, 2);
    const feed = await world.store.readFeed(lane, 0, 100);
    expect(feed.items.map((item) => item.event_id)).toEqual([...fresh, ...old, ...later]);
    expect(await listed(world, sandbox, endpoint_id, 2)).toEqual(
      [8, 7, 6, 5, 4, 3, 2, 1].map((seq) => `${lane}:${seq}`),
    );
    const all = await listed(world, sandbox, null, 3);
    expect(all.toSorted()).toEqual(
      [first.lane, lane].flatMap((one) => Array.from({ length: 8 }, (_, n) => `${one}:${n + 1}`)).toSorted(),
    );
    // Neither do events go while a delivery that was made later needs them.
    await world.store.settle(Array.from({ length: 8 }, (_, n) => delivered(first.lane, n + 1, { at: 1 })));
    await sealLanes(world, sandbox);
    await purgeAll(world, sandbox, Number.MAX_SAFE_INTEGER);
    expect((await world.store.readFeed(lane, 0, 100)).items).toHaveLength(8);
  });
}

async function listed(
  world: World,
  env: number,
  endpoint_id: string | null,
  limit: number,
): Promise<string[]> {
  const filter = {
    status: null,
    endpoint_id,
    event_id: null,
    message_id: null,
    after: null,
    before: null,
  };
  const seen: string[] = [];
  let cursor: string | null = null;
  do {
    const page = await world.store.listDeliveries(env, filter, { limit, cursor });
    seen.push(...page.data.map((one) => `${one.lane}:${one.seq}`));
    cursor = page.next_cursor;
  } while (cursor !== null && seen.length < 100);
  return seen;
}

async function emit(world: World, env: number, n: number, at = Date.now()): Promise<string[]> {
  const events = Array.from({ length: n }, () => customEvent('custom.order', { at }));
  await world.store.recordEvents(env, events, null);
  return events.map((event) => event.event_id);
}
