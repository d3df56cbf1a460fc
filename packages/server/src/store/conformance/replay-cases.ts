import { expect, it } from 'vitest';
import {
  allMatches,
  customEvent,
  deadLettered,
  delivered,
  EVERYTHING,
  failedOnce,
  FIRST_PAGE,
  mailEvent,
  newMessage,
  newReplay,
  purgeAll,
  NO_DELIVERY_FILTER,
  replayAll,
  type Bench,
  type World,
} from './harness.ts';

export function replayCases(bench: Bench): void {
  it('puts back what has a delivery, with its own seq and its attempts, and leaves alone what waits', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 5);
    await world.store.settle([delivered(lane, 1), deadLettered(lane, 2), delivered(lane, 3)]);
    await world.store.discardDelivery(sandbox, lane, 4, 1);
    const told = world.told().length;
    const begun = await newReplay(world, sandbox, lane);
    expect(begun).toMatchObject({ matched: 5, position: 0, end: 5, status: 'running', queued: 0 });
    expect(await replayAll(world, begun)).toMatchObject({ queued: 4, skipped: 1, position: 5 });
    // Due like retries, so that they are read with their history; never through a notice.
    expect(world.told()).toHaveLength(told);
    expect(world.notices.at(-1)?.waiting).toEqual([lane]);
    const due = await world.store.loadRetries(lane, Date.now() + 1, 10);
    expect(due.deliveries).toMatchObject([
      { seq: 1, attempts: 1, base: 1, replay_id: begun.replay_id },
      { seq: 2, attempts: 6, base: 6, replay_id: begun.replay_id },
      { seq: 3, attempts: 1, base: 1, replay_id: begun.replay_id },
      { seq: 4, attempts: 0, base: 0, replay_id: begun.replay_id },
    ]);
    await world.store.settle([delivered(lane, 1, { attempt: 2 })]);
    const found = await world.store.getDelivery(sandbox, lane, 1);
    expect(found?.attempts.map((a) => a.attempt)).toEqual([1, 2]);
  });

  it('counts what becomes of its deliveries, and is complete only when all are settled', async () => {
    const { world } = bench;
    const { sandbox, live } = await world.tenant();
    const { lane, endpoint_id } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 4);
    await world.store.settle([1, 2, 3, 4].map((seq) => delivered(lane, seq)));
    const { replay_id } = await replayAll(world, await newReplay(world, sandbox, lane), 2);
    await world.store.settle([
      delivered(lane, 1, { attempt: 2 }),
      deadLettered(lane, 2, 2),
      failedOnce(lane, 3, 5000, 2),
    ]);
    await world.store.discardDelivery(sandbox, lane, 4, 1);
    expect(await world.store.endReplay(replay_id, 'completed', null)).toMatchObject({ status: 'running' });
    await bench.restart();
    const { store } = bench.world;
    expect((await store.unfinishedReplays()).map((one) => one.replay_id)).toEqual([replay_id]);
    await store.settle([delivered(lane, 3, { attempt: 3 })]);
    expect(await store.endReplay(replay_id, 'completed', null)).toMatchObject({
      endpoint_id,
      status: 'completed',
      queued: 4,
      delivered: 2,
      failed: 1,
      discarded: 1,
    });
    expect(await store.unfinishedReplays()).toEqual([]);
    expect((await store.getReplay(sandbox, replay_id))?.finished_at).toBeGreaterThan(0);
    expect(await store.getReplay(live, replay_id)).toBeNull();
  });

  it('moves its position with what it queues, once, also over a restart', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 6);
    await world.store.settle([1, 2, 3, 4, 5, 6].map((seq) => delivered(lane, seq)));
    const { replay_id, end } = await newReplay(world, sandbox, lane);
    const slice = await world.store.findReplayable(sandbox, lane, EVERYTHING, 0, end, 3);
    expect(slice).toEqual({ items: [1, 2, 3], through: 3 });
    const queued = { queued: 3, position: 3 };
    expect(await world.store.queueReplay(replay_id, 0, slice)).toMatchObject(queued);
    expect(await world.store.queueReplay(replay_id, 0, slice)).toMatchObject(queued);
    await bench.restart();
    const [again] = await bench.world.store.unfinishedReplays();
    expect(again).toMatchObject(queued);
    expect(await replayAll(bench.world, again as never, 2)).toMatchObject({ queued: 6, position: 6 });
  });

  it('finds the same for a dry run as it queues: subscription, filter, and every part of the query', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane, endpoint_id } = await world.endpoint(sandbox, {
      event_types: ['custom.a', 'delivered', 'endpoint.*'],
      filter: { 'data.n': { $lt: 3 } },
    });
    const { message_id } = await world.store.acceptMessage(
      newMessage(sandbox, ['a@x.test', 'b@x.test']),
      null,
    );
    const about = customEvent('endpoint.failing', {
      about_endpoint_id: endpoint_id,
      data: JSON.stringify({ n: 1, endpoint_id }),
    });
    await world.store.recordEvents(
      sandbox,
      [
        customEvent('custom.a', { at: 1000, data: '{"n":1}' }),
        customEvent('custom.a', { at: 2000, data: '{"n":2}', campaign_id: 'camp' }),
        customEvent('custom.a', { at: 3000, data: '{"n":3}' }),
        customEvent('custom.b', { at: 1000, data: '{"n":1}' }),
        mailEvent('delivered', message_id, 'a@x.test', { n: 1 }),
        mailEvent('delivered', message_id, 'b@x.test', { n: 1 }),
        about,
      ],
      null,
    );
    const cases: [Partial<typeof EVERYTHING>, number[]][] = [
      [{}, [3, 4, 7, 8]],
      [{ event_types: ['custom.*'] }, [3, 4]],
      [{ event_types: ['custom.b'] }, []],
      [{ after: 1500, before: 2500 }, [4]],
      [{ after: 2000, before: 2000 }, []],
      [{ recipient: 'b@x.test' }, [8]],
      [{ message_id }, [7, 8]],
      [{ message_id, recipient: 'a@x.test' }, [7]],
      [{ message_id: 'msg_nobody' }, []],
      [{ campaign_id: 'camp', event_types: ['custom.a'] }, [4]],
    ];
    const end = await world.store.replayEnd(sandbox, lane, 'all');
    for (const [part, wanted] of cases)
      expect([part, await allMatches(world, sandbox, lane, { ...EVERYTHING, ...part }, end)]).toEqual([
        part,
        wanted,
      ]);
  });

  it('replays dead letters alone when asked to, in seq order, each once', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 6);
    await world.store.settle([
      delivered(lane, 1),
      ...[2, 3, 5].map((seq) => deadLettered(lane, seq)),
      delivered(lane, 4),
    ]);
    const begun = await newReplay(world, sandbox, lane, { status: 'failed' });
    expect(begun).toMatchObject({ matched: 3, end: 6 });
    const slice = await world.store.findReplayable(sandbox, lane, begun.query, 0, begun.end, 2);
    expect(slice).toEqual({ items: [2, 3], through: 3 });
    // One that fails again meanwhile is behind the position.
    const moved = await world.store.queueReplay(begun.replay_id, 0, slice);
    await world.store.settle([deadLettered(lane, 2, 7)]);
    expect(await replayAll(world, moved)).toMatchObject({ queued: 3, failed: 1 });
  });

  it('keeps the order within a message', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, {
      event_types: ['delivered', 'open', 'click'],
      ordering: 'message',
    });
    const { message_id } = await world.store.acceptMessage(newMessage(sandbox, ['a@x.test']), null);
    for (const type of ['delivered', 'open', 'click'])
      await world.store.recordEvents(sandbox, [mailEvent(type, message_id, 'a@x.test')], null);
    for (const seq of [1, 2, 3]) await world.store.settle([delivered(lane, seq)]);
    await replayAll(world, await newReplay(world, sandbox, lane));
    for (const seq of [1, 2, 3]) {
      const due = await world.store.loadRetries(lane, Date.now() + 1, 10);
      expect(due.deliveries.map((one) => one.seq)).toEqual([seq]);
      await world.store.settle([delivered(lane, seq, { attempt: 2 })]);
    }
  });

  it('withdraws what is still pending to what it was', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['custom.order'] });
    await emit(world, sandbox, 5);
    await world.store.settle([
      delivered(lane, 1),
      deadLettered(lane, 2),
      delivered(lane, 4),
      delivered(lane, 5),
    ]);
    await world.store.discardDelivery(sandbox, lane, 3, 1);
    const before = await states(world, sandbox);
    const { replay_id } = await replayAll(world, await newReplay(world, sandbox, lane));
    await world.store.settle([failedOnce(lane, 4, Date.now() + 1000, 2), delivered(lane, 5, { attempt: 2 })]);
    expect(await world.store.endReplay(replay_id, 'cancelled', null)).toMatchObject({ status: 'cancelled' });
    expect((await world.store.unfinishedReplays()).map((one) => one.replay_id)).toEqual([replay_id]);
    expect(await world.store.withdrawReplay(replay_id, 3)).toBe(3);
    expect(await world.store.withdrawReplay(replay_id, 3)).toBe(1);
    expect(await world.store.withdrawReplay(replay_id, 3)).toBe(0);
    const after = await states(world, sandbox);
    // 4 was tried in vain, 5 had arrived.
    expect(after).toEqual([...before.slice(0, 3), '4 failed 2: 1 2', '5 delivered 2: 1 2']);
    expect(await world.store.getReplay(sandbox, replay_id)).toMatchObject({ queued: 1, delivered: 1 });
    const slice = { items: [1], through: 1 };
    expect(await world.store.queueReplay(replay_id, 5, slice)).toMatchObject({ queued: 1 });
  });

  it('withdraws what held up others of its message, and lets those go', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, {
      event_types: ['delivered', 'open'],
      ordering: 'message',
    });
    const { message_id } = await world.store.acceptMessage(newMessage(sandbox, ['a@x.test']), null);
    await world.store.recordEvents(sandbox, [mailEvent('delivered', message_id, 'a@x.test')], null);
    await world.store.settle([delivered(lane, 1)]);
    const { replay_id } = await replayAll(world, await newReplay(world, sandbox, lane));
    await world.store.recordEvents(sandbox, [mailEvent('open', message_id, 'a@x.test')], null);
    expect(await world.store.hasBlocked(lane)).toBe(true);
    await world.store.endReplay(replay_id, 'cancelled', null);
    await world.store.withdrawReplay(replay_id, 10);
    expect(await world.store.hasBlocked(lane)).toBe(false);
  });

  it('lists replays newest first, makes one per idempotency key, and no more than allowed at once', async () => {
    const { world } = bench;
    const { sandbox, live } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    const made = [await newReplay(world, sandbox, lane), await newReplay(world, sandbox, lane)];
    const ids = made.map((one) => one.replay_id).toReversed();
    const first = await world.store.listReplays(sandbox, { limit: 1, cursor: null });
    const second = await world.store.listReplays(sandbox, { limit: 1, cursor: first.next_cursor });
    expect([...first.data, ...second.data].map((one) => one.replay_id)).toEqual(ids);
    expect(second.next_cursor).toBeNull();
    expect((await world.store.listReplays(live, FIRST_PAGE)).data).toEqual([]);
    const another = { ...(made[0] as (typeof made)[0]), replay_id: 'rpl_3' };
    await expect(world.store.createReplay(another, 2, null)).rejects.toMatchObject({ code: 'conflict' });
    await world.store.endReplay(ids[0] ?? '', 'failed', 'why');
    const idempotency = { key: 'k', fingerprint: 'f', now: Date.now() };
    const once = await world.store.createReplay(another, 2, idempotency);
    const twice = await world.store.createReplay({ ...another, replay_id: 'rpl_4' }, 2, idempotency);
    expect([once.replayed, twice.replayed, twice.replay.replay_id]).toEqual([false, true, 'rpl_3']);
  });

  it('forgets a finished replay with retention, never one that runs or is still in its lane', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 1);
    await world.store.settle([delivered(lane, 1)]);
    const running = await newReplay(world, sandbox, lane);
    const cancelled = await replayAll(world, await newReplay(world, sandbox, lane));
    const over = await newReplay(world, sandbox, lane);
    await world.store.endReplay(cancelled.replay_id, 'cancelled', null);
    await world.store.endReplay(over.replay_id, 'failed', 'why');
    const known = async (): Promise<boolean[]> =>
      Promise.all(
        [running, cancelled, over].map(
          async ({ replay_id }) => (await world.store.getReplay(sandbox, replay_id)) !== null,
        ),
      );
    await purgeAll(world, sandbox, Date.now() - 60_000);
    expect(await known()).toEqual([true, true, true]);
    await purgeAll(world, sandbox, Date.now() + 60_000);
    expect(await known()).toEqual([true, true, false]);
    await world.store.withdrawReplay(cancelled.replay_id, 10);
    await purgeAll(world, sandbox, Date.now() + 60_000);
    expect(await known()).toEqual([true, false, false]);
  });

  it('finds deliveries of a filter in lane and seq order, in bounded parts', async () => {
    const { world } = bench;
    const { sandbox, live } = await world.tenant();
    const a = await world.endpoint(sandbox, { event_types: ['*'] });
    const b = await world.endpoint(sandbox, { event_types: ['custom.order'] });
    await world.endpoint(live, { event_types: ['*'] });
    const { message_id } = await world.store.acceptMessage(newMessage(sandbox, ['a@x.test']), null);
    const [id = ''] = await emit(world, sandbox, 4);
    await emit(world, live, 2);
    await world.store.settle([deadLettered(a.lane, 2), deadLettered(a.lane, 4), deadLettered(b.lane, 1)]);
    const some = { ...NO_DELIVERY_FILTER, event_types: null };
    const find = async (part: object, limit = 2): Promise<string[]> => {
      const seen: string[] = [];
      let after: { lane: number; seq: number } | null = null;
      do {
        const filter = { ...some, statuses: ['failed' as const], ...part };
        const found = await world.store.findDeliveries(sandbox, filter, after, limit);
        seen.push(...found.places.map(({ lane, seq }) => `${lane === a.lane ? 'a' : 'b'}${seq}`));
        after = found.through;
      } while (after !== null);
      return seen;
    };
    expect(await find({})).toEqual(['a2', 'a4', 'b1']);
    expect(await find({ endpoint_id: b.endpoint_id })).toEqual(['b1']);
    expect(await find({ event_id: id })).toEqual(['a2', 'b1']);
    expect(await find({ event_id: id }, 1)).toEqual(['a2', 'b1']);
    expect(await find({ statuses: ['pending'] })).toEqual(['a1', 'a3', 'a5', 'b2', 'b3', 'b4']);
    expect(await find({ statuses: ['pending'], message_id })).toEqual(['a1']);
    expect(await find({ statuses: ['pending', 'failed'], event_types: ['accepted'] })).toEqual(['a1']);
    await world.store.updateEndpoint(sandbox, b.endpoint_id, { status: 'disabled', updated_at: 1 });
    expect(await find({ statuses: ['held'] })).toEqual(['b2', 'b3', 'b4']);
  });

  it('retries and discards many, those of its environment that still can be', async () => {
    const { world } = bench;
    const { sandbox, live } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 5);
    await world.store.settle([deadLettered(lane, 1), deadLettered(lane, 2), delivered(lane, 3)]);
    const places = [1, 2, 3, 4, 5, 99].map((seq) => ({ lane, seq }));
    expect(await world.store.retryDeliveries(live, places)).toBe(0);
    expect(await world.store.discardDeliveries(live, places, 1)).toBe(0);
    expect(await world.store.retryDeliveries(sandbox, places)).toBe(2);
    expect(await world.store.retryDeliveries(sandbox, places)).toBe(0);
    await world.store.settle([deadLettered(lane, 2, 7)]);
    expect(await world.store.discardDeliveries(sandbox, places.slice(0, 4), 1)).toBe(3);
    expect(await states(world, sandbox)).toEqual([
      '1 discarded 6: 6',
      '2 discarded 7: 6 7',
      '3 delivered 1: 1',
      '4 discarded 0: ',
      '5 pending 0: ',
    ]);
  });
}

async function emit(world: World, env: number, n: number): Promise<string[]> {
  const events = Array.from({ length: n }, () => customEvent());
  await world.store.recordEvents(env, events, null);
  return events.map((event) => event.event_id);
}

/** `seq status attempts: numbers of the attempts kept` of every delivery. */
async function states(world: World, env: number): Promise<string[]> {
  const { data } = await world.store.listDeliveries(env, NO_DELIVERY_FILTER, FIRST_PAGE);
  const lines = data.toReversed().map(async ({ lane, seq, status, attempts }) => {
    const kept = (await world.store.getDelivery(env, lane, seq))?.attempts ?? [];
    return `${seq} ${status} ${attempts}: ${kept.map((one) => one.attempt).join(' ')}`;
  });
  return Promise.all(lines);
}
