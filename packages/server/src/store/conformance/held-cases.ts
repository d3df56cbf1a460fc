import { expect, it } from 'vitest';
import {
  customEvent,
  deadLettered,
  delivered,
  failedOnce,
  FIRST_PAGE,
  NO_DELIVERY_FILTER,
  type Bench,
  type World,
} from './harness.ts';

function emit(world: World, env: number, ats: number[], type = 'custom.order'): Promise<unknown> {
  return world.store.recordEvents(
    env,
    ats.map((at) => customEvent(type, { at })),
    null,
  );
}

export function heldCases(bench: Bench): void {
  it('keeps the breaker of an endpoint, and shows what it holds as held', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane, endpoint_id } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, [1000]);
    expect(await world.store.getEndpoint(sandbox, endpoint_id)).toMatchObject({
      breaker: 'closed',
      failing_since: null,
    });
    const open = { breaker: 'open', failing_since: 777, updated_at: 2 } as const;
    expect(await world.store.updateEndpoint(sandbox, endpoint_id, open)).toMatchObject(open);
    expect(world.notices.at(-1)?.endpoints).toMatchObject([{ lane, ...open }]);
    await bench.restart();
    const { store } = bench.world;
    expect((await store.allEndpoints())[0]?.endpoint).toMatchObject(open);
    const list = async (status: 'held' | 'pending'): Promise<number> =>
      (await store.listDeliveries(sandbox, { ...NO_DELIVERY_FILTER, status }, FIRST_PAGE)).data.length;
    expect([await list('held'), await list('pending')]).toEqual([1, 0]);
    expect((await store.getDelivery(sandbox, lane, 1))?.delivery).toMatchObject({
      status: 'held',
      next_attempt_at: null,
    });
    await store.updateEndpoint(sandbox, endpoint_id, {
      breaker: 'closed',
      failing_since: null,
      updated_at: 3,
    });
    expect([await list('held'), await list('pending')]).toEqual([0, 1]);
  });

  it('counts a probe as an attempt made, and none of the schedule', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, [1000, 1000]);
    const probed = (seq: number, n: number) =>
      ({ ...failedOnce(lane, seq, 0, n), verdict: 'probed', next_at: null }) as const;
    await world.store.settle([probed(1, 1), failedOnce(lane, 2, 5000)]);
    await world.store.settle([probed(2, 2)]);
    // Told again, as after a lost answer.
    await world.store.settle([probed(1, 1), probed(2, 2), probed(2, 1)]);
    expect((await world.store.loadFresh(lane, 0, 10)).deliveries).toMatchObject([
      { seq: 1, attempts: 1, base: 1, due_at: 0 },
    ]);
    expect((await world.store.loadRetries(lane, 9999, 10)).deliveries).toMatchObject([
      { seq: 2, attempts: 2, base: 1, due_at: 5000 },
    ]);
    await world.store.settle([delivered(lane, 1, { attempt: 2 }), probed(1, 3)]);
    const found = await world.store.getDelivery(sandbox, lane, 1);
    expect(found?.attempts.map((a) => [a.attempt, a.status])).toEqual([
      [1, 500],
      [2, 200],
    ]);
  });

  it('gives the head of a lane whenever it is due', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    expect(await world.store.loadHead(lane)).toBeNull();
    await emit(world, sandbox, [1000, 1001]);
    await world.store.settle([failedOnce(lane, 1, 9_999_999_999_999)]);
    expect(await world.store.loadHead(lane)).toMatchObject({ seq: 1, attempts: 1 });
    await world.store.settle([deadLettered(lane, 1)]);
    expect(await world.store.loadHead(lane)).toMatchObject({ seq: 2, attempts: 0 });
  });

  it('walks a lane in order, whatever is due when, and turns it live at the end', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    world.store.parkLane(lane);
    await emit(world, sandbox, [1, 2, 3]);
    await world.store.settle([failedOnce(lane, 2, 9000)]);
    const part = await world.store.loadInOrder(lane, 0, 2);
    expect([part.deliveries.map((d) => [d.seq, d.due_at]), part.end]).toEqual([
      [
        [1, 0],
        [2, 9000],
      ],
      false,
    ]);
    await emit(world, sandbox, [4]);
    expect(world.told()).toEqual([]);
    const rest = await world.store.loadInOrder(lane, 2, 3);
    expect([rest.deliveries.map((d) => d.seq), rest.end]).toEqual([[3, 4], true]);
    await emit(world, sandbox, [5]);
    expect(world.told()).toEqual([`${lane}:5 custom.order`]);
  });

  it('hastens what waits for a later time, in steps, and nothing else', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    const other = await world.endpoint(sandbox, { event_types: ['*'] });
    await emit(world, sandbox, [1, 2, 3, 4, 5]);
    await world.store.settle([1, 2, 3, 4].map((seq) => failedOnce(lane, seq, seq * 1000)));
    await world.store.settle([failedOnce(other.lane, 1, 9000)]);
    expect(await world.store.hastenLane(lane, 1500, 2)).toBe(2);
    expect(await world.store.nextRetryAt(lane, 1500)).toBe(4000);
    expect(await world.store.hastenLane(lane, 1500, 2)).toBe(1);
    expect(await world.store.hastenLane(lane, 1500, 2)).toBe(0);
    const due = await world.store.loadRetries(lane, 1500, 10);
    expect(due.deliveries.map((d) => d.seq)).toEqual([1, 2, 3, 4]);
    expect((await world.store.loadFresh(lane, 0, 10)).deliveries.map((d) => d.seq)).toEqual([5]);
    expect(await world.store.nextRetryAt(other.lane, 0)).toBe(9000);
  });

  it('dead-letters what was held for too long, oldest first, each with its event', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane, endpoint_id } = await world.endpoint(sandbox, {
      event_types: ['custom.*', 'endpoint.failing'],
    });
    const watcher = await world.endpoint(sandbox, { event_types: ['delivery.failed'] });
    await emit(world, sandbox, [1000, 1001]);
    await emit(world, sandbox, [1002], 'endpoint.failing');
    await emit(world, sandbox, [1003, 5000]);
    await world.store.settle([failedOnce(lane, 2, 9000)]);
    expect(await world.store.expireHeld(lane, 1003, 3, 7000)).toBe(3);
    expect(await world.store.expireHeld(lane, 1003, 3, 7000)).toBe(1);
    expect(await world.store.expireHeld(lane, 1003, 3, 7000)).toBe(0);
    const told = (await world.store.loadFresh(watcher.lane, 0, 10)).deliveries.map(
      ({ event }) => JSON.parse(event.envelope) as { timestamp: string; data: object },
    );
    // None for the operational one.
    expect(told).toMatchObject([
      { data: { endpoint_id, attempts: 0, last_status: null, last_error: 'held_too_long' } },
      { data: { attempts: 1, last_status: 500, last_error: 'held_too_long' } },
      { data: { attempts: 0 }, timestamp: new Date(7000).toISOString() },
    ]);
    expect((await world.store.loadFresh(lane, 0, 10)).deliveries.map((d) => d.seq)).toEqual([5]);
    const tried = await world.store.getDelivery(sandbox, lane, 2);
    expect(tried?.delivery).toMatchObject({ status: 'failed', attempts: 1, last_error: 'held_too_long' });
    expect(tried?.attempts.map((a) => [a.attempt, a.error])).toEqual([[1, 'http']]);
    expect((await world.store.getDelivery(sandbox, lane, 1))?.attempts).toEqual([]);
    // Giving up was no attempt, so that the next one is.
    await world.store.retryDelivery(sandbox, lane, 2);
    await world.store.settle([delivered(lane, 2, { attempt: 2 })]);
    const again = await world.store.getDelivery(sandbox, lane, 2);
    expect(again?.attempts.map((a) => [a.attempt, a.status])).toEqual([
      [1, 500],
      [2, 200],
    ]);
  });

  it('holds what was put back for as long as anything else, however old its event', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['custom.*'] });
    await emit(world, sandbox, [1000, 1000]);
    await world.store.settle([deadLettered(lane, 1)]);
    await world.store.retryDelivery(sandbox, lane, 1);
    const now = Date.now();
    expect(await world.store.expireHeld(lane, now - 60_000, 10, now)).toBe(1);
    expect((await world.store.loadHead(lane))?.seq).toBe(1);
    expect(await world.store.expireHeld(lane, now + 60_000, 10, now)).toBe(1);
  });
}
