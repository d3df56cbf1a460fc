import { expect, it } from 'vitest';
import {
  customEvent,
  deadLettered,
  delivered,
  failedOnce,
  FIRST_PAGE,
  newMessage,
  newReplay,
  NO_DELIVERY_FILTER,
  replayAll,
  type World,
  type Bench,
} from './harness.ts';

export function laneCases(bench: Bench): void {
  it('hands new deliveries to a live lane only, and a load to the end makes it live without gap or repeat', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 2);
    world.store.parkLane(lane);
    await emit(world, sandbox, 3);
    expect(world.told()).toHaveLength(2);
    expect(world.notices.at(-1)?.waiting).toEqual([lane]);
    const part = await world.store.loadFresh(lane, 2, 2);
    expect([part.deliveries.map((d) => d.seq), part.end]).toEqual([[3, 4], false]);
    const racing = [
      world.store.loadFresh(lane, 4, 2),
      emit(world, sandbox, 1),
      emit(world, sandbox, 1),
    ] as const;
    const [rest] = await Promise.all(racing);
    const seen = [
      ...rest.deliveries.map((d) => d.seq),
      ...world
        .told()
        .slice(2)
        .map((line) => Number(/:(\d+)/.exec(line)?.[1])),
    ];
    expect(seen).toEqual([5, 6, 7]);
  });

  it('settles: delivered leaves the queue for the history, with its attempt', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 2);
    await world.store.settle([delivered(lane, 1, { status: 204, response_excerpt: 'ok' })]);
    const found = await world.store.getDelivery(sandbox, lane, 1);
    expect(found?.delivery).toMatchObject({
      status: 'delivered',
      attempts: 1,
      last_status: 204,
      next_attempt_at: null,
    });
    expect(found?.attempts).toMatchObject([{ attempt: 1, status: 204, response_excerpt: 'ok', error: null }]);
    expect((await world.store.loadFresh(lane, 0, 10)).deliveries.map((d) => d.seq)).toEqual([2]);
    await bench.restart();
    expect((await bench.world.store.loadFresh(lane, 0, 10)).deliveries.map((d) => d.seq)).toEqual([2]);
  });

  it('keeps a retry until it is due, with every attempt', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 1);
    await world.store.settle([failedOnce(lane, 1, 5000)]);
    expect((await world.store.loadFresh(lane, 0, 10)).deliveries).toEqual([]);
    expect((await world.store.loadRetries(lane, 4999, 10)).deliveries).toEqual([]);
    expect(await world.store.nextRetryAt(lane, 0)).toBe(5000);
    const due = await world.store.loadRetries(lane, 5000, 10);
    expect(due.deliveries).toMatchObject([{ seq: 1, attempts: 1, base: 0 }]);
    await world.store.settle([delivered(lane, 1, { attempt: 2 })]);
    expect(await world.store.nextRetryAt(lane, 0)).toBeNull();
    const found = await world.store.getDelivery(sandbox, lane, 1);
    expect(found?.attempts.map((a) => [a.attempt, a.status])).toEqual([
      [1, 500],
      [2, 200],
    ]);
  });

  it('dead-letters with its operational event in the same commit, and puts back on retry', async () => {
    const { world } = bench;
    const { sandbox, live } = await world.tenant();
    const { lane, endpoint_id } = await world.endpoint(sandbox, { event_types: ['custom.*'] });
    const watcher = await world.endpoint(sandbox, { event_types: ['delivery.failed'] });
    await emit(world, sandbox, 1);
    await world.store.settle([
      deadLettered(lane, 1, 6, [customEvent('delivery.failed', { about_endpoint_id: endpoint_id })]),
    ]);
    expect(world.told().at(-1)).toBe(`${watcher.lane}:1 delivery.failed`);
    const dead = await world.store.listDeliveries(
      sandbox,
      { ...NO_DELIVERY_FILTER, status: 'failed' },
      FIRST_PAGE,
    );
    expect(dead.data).toMatchObject([{ lane, seq: 1, attempts: 6, last_error: 'http', last_status: 500 }]);
    await expect(world.store.retryDelivery(live, lane, 1)).rejects.toMatchObject({ code: 'not_found' });
    await world.store.retryDelivery(sandbox, lane, 1);
    expect(world.notices.at(-1)?.waiting).toContain(lane);
    expect((await world.store.loadRetries(lane, Date.now(), 10)).deliveries).toMatchObject([
      { seq: 1, attempts: 6, base: 6 },
    ]);
    await expect(world.store.retryDelivery(sandbox, lane, 1)).rejects.toMatchObject({ code: 'conflict' });
    await world.store.settle([delivered(lane, 1, { attempt: 7 })]);
    expect((await world.store.getDelivery(sandbox, lane, 1))?.attempts.map((a) => a.attempt)).toEqual([6, 7]);
  });

  it('puts no dead letter of a deleted endpoint back', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane, endpoint_id } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 1);
    await world.store.settle([deadLettered(lane, 1)]);
    await world.store.deleteEndpoint(sandbox, endpoint_id, 1);
    await expect(world.store.retryDelivery(sandbox, lane, 1)).rejects.toMatchObject({ code: 'conflict' });
    expect((await world.store.getDelivery(sandbox, lane, 1))?.delivery.status).toBe('failed');
  });

  it('discards what is pending or dead, and ignores a result that comes after', async () => {
    const { world } = bench;
    const { sandbox, live } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 2);
    await expect(world.store.discardDelivery(live, lane, 1, 1)).rejects.toMatchObject({ code: 'not_found' });
    await world.store.discardDelivery(sandbox, lane, 1, 1);
    await world.store.settle([delivered(lane, 1), delivered(lane, 2)]);
    expect((await world.store.getDelivery(sandbox, lane, 1))?.delivery.status).toBe('discarded');
    expect((await world.store.getDelivery(sandbox, lane, 1))?.attempts).toEqual([]);
    await expect(world.store.discardDelivery(sandbox, lane, 2, 1)).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('keeps every attempt, and the last result, of what is discarded', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 2);
    await world.store.settle([failedOnce(lane, 1, 5000), failedOnce(lane, 2, 5000)]);
    await world.store.settle([deadLettered(lane, 2, 2)]);
    await world.store.discardDelivery(sandbox, lane, 1, 1);
    await world.store.discardDelivery(sandbox, lane, 2, 1);
    for (const [seq, attempts] of [
      [1, [1]],
      [2, [1, 2]],
    ] as const) {
      const found = await world.store.getDelivery(sandbox, lane, seq);
      expect(found?.delivery).toMatchObject({ status: 'discarded', last_status: 500, last_error: 'http' });
      expect(found?.attempts.map((a) => a.attempt)).toEqual(attempts);
    }
  });

  it('shows what a disabled endpoint holds as held, and discards it in steps', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane, endpoint_id } = await world.endpoint(sandbox, { event_types: ['*'] });
    await world.store.updateEndpoint(sandbox, endpoint_id, { status: 'disabled', updated_at: 1 });
    await emit(world, sandbox, 5);
    const held = { ...NO_DELIVERY_FILTER, status: 'held' as const };
    expect((await world.store.listDeliveries(sandbox, held, FIRST_PAGE)).data.map((d) => d.seq)).toEqual([
      5, 4, 3, 2, 1,
    ]);
    expect((await world.store.getDelivery(sandbox, lane, 1))?.delivery.next_attempt_at).toBeNull();
    expect(await world.store.discardLane(lane, 4, 3, 1)).toBe(3);
    expect(await world.store.discardLane(lane, 4, 3, 1)).toBe(1);
    expect((await world.store.listDeliveries(sandbox, held, FIRST_PAGE)).data.map((d) => d.seq)).toEqual([5]);
  });

  it('tells which lanes hold what is not to be sent any more, whoever took it away', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    const other = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 6);
    const dropped = (): number[] => world.notices.splice(0).flatMap((notice) => notice.dropped);
    await world.store.settle([delivered(lane, 1), failedOnce(lane, 2, 5000), deadLettered(lane, 3)]);
    await world.store.expireHeld(other.lane, Number.MAX_SAFE_INTEGER, 1, 1);
    await world.store.discardDelivery(sandbox, lane, 3, 1);
    expect(dropped()).toEqual([]);
    await world.store.discardDelivery(sandbox, lane, 2, 1);
    expect(dropped()).toEqual([lane]);
    const places = [4, 5].map((seq) => ({ lane, seq }));
    await world.store.discardDeliveries(sandbox, [...places, { lane: other.lane, seq: 5 }], 1);
    expect(new Set(dropped())).toEqual(new Set([lane, other.lane]));
    expect(await world.store.discardLane(lane, 6, 10, 1)).toBe(1);
    expect(dropped()).toEqual([lane]);
    const replay = await replayAll(world, await newReplay(world, sandbox, lane));
    expect(dropped()).toEqual([]);
    expect(await world.store.withdrawReplay(replay.replay_id, 10)).toBe(6);
    expect(dropped()).toEqual([lane]);
  });

  it('pages deliveries of many lanes newest first, each once', async () => {
    const { world } = bench;
    const { sandbox, live } = await world.tenant();
    const lanes: number[] = [];
    for (let i = 0; i < 3; i++) lanes.push((await world.endpoint(sandbox, { event_types: ['*'] })).lane);
    await world.endpoint(live, { event_types: ['*'] });
    await emit(world, sandbox, 4);
    await emit(world, live, 2);
    await world.store.settle([
      delivered(lanes[0] ?? -1, 1),
      delivered(lanes[1] ?? -1, 4),
      deadLettered(lanes[2] ?? -1, 2),
    ]);
    const seen: string[] = [];
    let cursor: string | null = null;
    do {
      const page = await world.store.listDeliveries(sandbox, NO_DELIVERY_FILTER, { limit: 5, cursor });
      seen.push(...page.data.map((d) => `${d.seq}/${d.lane}`));
      cursor = page.next_cursor;
    } while (cursor !== null);
    const expected = [4, 3, 2, 1].flatMap((seq) => lanes.map((lane) => `${seq}/${lane}`));
    expect(seen).toEqual(expected);
  });

  it('counts for the statistics of an endpoint', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, 4);
    const now = Date.now();
    await world.store.settle([
      delivered(lane, 1, { latency_ms: 2 }),
      delivered(lane, 2, { latency_ms: 8 }),
      deadLettered(lane, 3),
    ]);
    const stats = await world.store.endpointStats(lane, now - 3_600_000);
    expect(stats).toMatchObject({ pending: 1, failed: 1, settled: 3, delivered: 2, p50_ms: 8, p99_ms: 8 });
    expect(stats.oldest_pending_at).toBeGreaterThan(now - 60_000);
    const start = await world.store.allEndpoints();
    expect(start.map((e) => [e.endpoint.lane, e.pending])).toEqual([[lane, 1]]);
  });

  it('says how deep the queues are, and how old the oldest delivery of all lanes is', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    expect(await world.store.queueDepth()).toEqual({
      deliveries: 0,
      recipients: 0,
      oldest_delivery_at: null,
    });
    const first = await world.endpoint(sandbox, { event_types: ['custom.a'] });
    await world.endpoint(sandbox, { event_types: ['custom.*'] });
    const events = [3000, 2000, 4000].map((at, n) => customEvent(n === 0 ? 'custom.a' : 'custom.b', { at }));
    await world.store.recordEvents(sandbox, events, null);
    await world.store.acceptMessage(newMessage(sandbox, ['a@x.test']), null);
    const depth = { deliveries: 4, recipients: 1, oldest_delivery_at: 3000 };
    expect(await world.store.queueDepth()).toEqual(depth);
    await world.store.settle([delivered(first.lane, 1), delivered(first.lane + 1, 1)]);
    expect(await world.store.queueDepth()).toEqual({ ...depth, deliveries: 2, oldest_delivery_at: 2000 });
  });
}

async function emit(world: World, env: number, n: number): Promise<void> {
  await world.store.recordEvents(
    env,
    Array.from({ length: n }, () => customEvent()),
    null,
  );
}
