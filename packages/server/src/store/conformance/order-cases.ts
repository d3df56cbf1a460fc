import { expect, it } from 'vitest';
import {
  attempt,
  customEvent,
  deadLettered,
  delivered,
  failedOnce,
  newMessage,
  NO_DELIVERY_FILTER,
  FIRST_PAGE,
  type Bench,
  type World,
} from './harness.ts';

interface Ordered {
  lane: number;
  endpoint_id: string;
  env: number;
  message_id: string;
}

/** A live lane ordered by message, and one message whose `accepted` no endpoint has asked for. */
async function ordered(world: World): Promise<Ordered> {
  const { sandbox: env } = await world.tenant();
  const endpoint = await world.endpoint(env, {
    event_types: ['custom.*', 'complaint'],
    ordering: 'message',
  });
  const message = newMessage(env, ['a@x.test']);
  await world.store.acceptMessage(message, null);
  return { ...endpoint, env, message_id: message.message_id };
}

function emit(world: World, { env, message_id }: Ordered, n: number): Promise<unknown> {
  const events = Array.from({ length: n }, (_, i) => customEvent(`custom.e${i + 1}`, { message_id }));
  return world.store.recordEvents(env, events, null);
}

/** `lane:seq event_type` of everything released so far. */
function released(world: World): string[] {
  return world.notices.flatMap((notice) =>
    notice.released.map(({ lane, seq, event }) => `${lane}:${seq} ${notice.events[event]?.event_type}`),
  );
}

/** What a lane that starts with nothing in its hands would find to send. */
async function sendable(world: World, lane: number): Promise<number[]> {
  const fresh = await world.store.loadFresh(lane, 0, 100);
  const retries = await world.store.loadRetries(lane, Number.MAX_SAFE_INTEGER, 100);
  return [...fresh.deliveries, ...retries.deliveries].map((d) => d.seq).toSorted((a, b) => a - b);
}

export function orderCases(bench: Bench): void {
  it('lets one delivery of a message go at a time, and others past it', async () => {
    const { world } = bench;
    const made = await ordered(world);
    await emit(world, made, 3);
    await world.store.recordEvents(made.env, [customEvent('custom.other')], null);
    expect(world.told()).toEqual([`${made.lane}:1 custom.e1`, `${made.lane}:4 custom.other`]);
    expect(await world.store.hasBlocked(made.lane)).toBe(true);
    expect(await sendable(world, made.lane)).toEqual([1, 4]);
    await world.store.settle([delivered(made.lane, 4)]);
    expect(released(world)).toEqual([]);
    await world.store.settle([delivered(made.lane, 1)]);
    expect(released(world)).toEqual([`${made.lane}:2 custom.e2`]);
    const notice = world.notices.find((n) => n.released.length > 0);
    expect([notice?.released[0]?.log, notice?.waiting]).toEqual([3, []]);
    expect(JSON.parse(notice?.events[0]?.envelope ?? '{}')).toMatchObject({ message_id: made.message_id });
    expect(await sendable(world, made.lane)).toEqual([2]);
    await world.store.settle([delivered(made.lane, 2)]);
    await world.store.settle([delivered(made.lane, 3)]);
    expect(released(world)).toEqual([`${made.lane}:2 custom.e2`, `${made.lane}:3 custom.e3`]);
    expect(await world.store.hasBlocked(made.lane)).toBe(false);
    await emit(world, made, 1);
    expect(world.told().at(-1)).toBe(`${made.lane}:5 custom.e1`);
  });

  it('wakes nobody for what is blocked, and a parked lane for what is released', async () => {
    const { world } = bench;
    const made = await ordered(world);
    await emit(world, made, 1);
    world.store.parkLane(made.lane);
    await emit(world, made, 1);
    expect(world.notices.at(-1)).toMatchObject({ lanes: [], released: [], waiting: [], urgent: [] });
    const before = Date.now();
    await world.store.settle([delivered(made.lane, 1)]);
    expect(world.notices.at(-1)).toMatchObject({ released: [], waiting: [made.lane], urgent: [] });
    const due = await world.store.loadRetries(made.lane, Date.now(), 10);
    expect(due.deliveries).toMatchObject([{ seq: 2, attempts: 0, base: 0, replay_id: null }]);
    expect(due.deliveries[0]?.due_at).toBeGreaterThanOrEqual(before);
  });

  it('keeps the order over a retry, a probe, a dead letter, a discard and an expiry', async () => {
    const { world } = bench;
    const made = await ordered(world);
    await emit(world, made, 5);
    await world.store.settle([failedOnce(made.lane, 1, 5000)]);
    await world.store.settle([{ ...failedOnce(made.lane, 1, 0, 2), verdict: 'probed', next_at: null }]);
    expect([released(world), await sendable(world, made.lane)]).toEqual([[], [1]]);
    await world.store.settle([deadLettered(made.lane, 1)]);
    expect(await sendable(world, made.lane)).toEqual([2]);
    // One that is blocked itself keeps nobody waiting.
    await world.store.discardDelivery(made.env, made.lane, 3, 1);
    expect(await sendable(world, made.lane)).toEqual([2]);
    await world.store.discardDelivery(made.env, made.lane, 2, 1);
    expect(await sendable(world, made.lane)).toEqual([4]);
    expect(await world.store.expireHeld(made.lane, Number.MAX_SAFE_INTEGER, 1, Date.now())).toBe(1);
    expect(await sendable(world, made.lane)).toEqual([5]);
    expect(released(world)).toEqual(
      ['2 custom.e2', '4 custom.e4', '5 custom.e5'].map((text) => `${made.lane}:${text}`),
    );
  });

  it('releases nothing that goes in the same step', async () => {
    const { world } = bench;
    const made = await ordered(world);
    await emit(world, made, 4);
    expect(await world.store.discardLane(made.lane, 10, 2, 1)).toBe(2);
    expect(released(world)).toEqual([`${made.lane}:3 custom.e3`]);
    expect(await world.store.expireHeld(made.lane, Number.MAX_SAFE_INTEGER, 10, 1)).toBe(2);
    expect(released(world)).toHaveLength(1);
  });

  it('knows after a restart what is blocked, and shows no time for it', async () => {
    const made = await ordered(bench.world);
    await emit(bench.world, made, 2);
    await bench.restart();
    const { world } = bench;
    expect(await sendable(world, made.lane)).toEqual([1]);
    expect((await world.store.loadHead(made.lane))?.seq).toBe(1);
    const views = await world.store.listDeliveries(made.env, NO_DELIVERY_FILTER, FIRST_PAGE);
    expect(views.data.map((d) => [d.seq, d.status, d.next_attempt_at === null])).toEqual([
      [2, 'pending', true],
      [1, 'pending', false],
    ]);
    await world.store.settle([delivered(made.lane, 1)]);
    expect(released(world)).toEqual([`${made.lane}:2 custom.e2`]);
  });

  it('puts a dead letter back behind what its message has under way, with its history', async () => {
    const { world } = bench;
    const made = await ordered(world);
    await emit(world, made, 3);
    await world.store.settle([deadLettered(made.lane, 1)]);
    await world.store.retryDelivery(made.env, made.lane, 1);
    expect(world.notices.at(-1)?.waiting).not.toContain(made.lane);
    expect(await sendable(world, made.lane)).toEqual([2]);
    // A result that comes late for the earlier life of a blocked delivery does not unblock it.
    await world.store.settle([failedOnce(made.lane, 1, 5, 7)]);
    expect(await sendable(world, made.lane)).toEqual([2]);
    await world.store.settle([delivered(made.lane, 2)]);
    // With its history it is loaded, not told.
    expect(released(world)).toEqual([`${made.lane}:2 custom.e2`]);
    expect(world.notices.at(-1)?.waiting).toEqual([made.lane]);
    expect((await world.store.loadRetries(made.lane, Date.now(), 10)).deliveries).toMatchObject([
      { seq: 1, attempts: 6, base: 6 },
    ]);
    await world.store.settle([delivered(made.lane, 1, { attempt: 7 })]);
    expect(released(world).at(-1)).toBe(`${made.lane}:3 custom.e3`);
  });

  it('applies a change of ordering to what comes from then on', async () => {
    const { world } = bench;
    const made = await ordered(world);
    await emit(world, made, 2);
    await world.store.updateEndpoint(made.env, made.endpoint_id, { ordering: 'none', updated_at: 1 });
    await emit(world, made, 1);
    expect(world.told().at(-1)).toBe(`${made.lane}:3 custom.e1`);
    await world.store.settle([delivered(made.lane, 3)]);
    expect(released(world)).toEqual([]);
    await world.store.settle([delivered(made.lane, 1, attempt())]);
    expect(released(world)).toEqual([`${made.lane}:2 custom.e2`]);
  });
}
