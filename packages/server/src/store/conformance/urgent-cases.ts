import { expect, it } from 'vitest';
import {
  customEvent,
  delivered,
  failedOnce,
  mailEvent,
  newMessage,
  type Bench,
  type World,
} from './harness.ts';

async function record(world: World, env: number, type: string, message_id: string): Promise<void> {
  await world.store.recordEvents(env, [mailEvent(type, message_id, 'a@x.test')], null);
}

async function accept(world: World, env: number): Promise<string> {
  const message = newMessage(env, ['a@x.test']);
  await world.store.acceptMessage(message, null);
  return message.message_id;
}

export function urgentCases(bench: Bench): void {
  it('finds what may overtake, but nothing ahead of its own message', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    // A neighbour whose number begins like this lane's own must not be taken for it.
    const lanes = [];
    for (let n = 0; n < 11; n++) lanes.push((await world.endpoint(sandbox, { event_types: ['*'] })).lane);
    const lane = lanes[0] as number;
    const first = await accept(world, sandbox);
    const second = await accept(world, sandbox);
    await world.store.settle([delivered(lane, 1)]);
    world.store.parkLane(lane);
    await record(world, sandbox, 'bounce', first);
    expect(world.notices.at(-1)).toMatchObject({ waiting: [lane], urgent: [lane] });
    await record(world, sandbox, 'open', first);
    expect(world.notices.at(-1)).toMatchObject({ waiting: [lane], urgent: [] });
    await record(world, sandbox, 'complaint', first);
    await record(world, sandbox, 'bounce', second);
    await world.store.recordEvents(sandbox, [customEvent('endpoint.recovered')], null);
    // In the lane: 2 accepted(second), 3 bounce(first), 4 open(first), 5 complaint(first), 6 suppression.added,
    // 7 bounce(second), 8 endpoint.recovered.
    const seqs = async (after = 0, limit = 10): Promise<[number[], boolean]> => {
      const load = await world.store.loadUrgent(lane, after, limit);
      return [load.deliveries.map((d) => d.seq), load.end];
    };
    expect(await seqs()).toEqual([[3, 6, 8], true]);
    expect(await seqs(0, 1)).toEqual([[3], false]);
    expect(await seqs(3, 1)).toEqual([[6], false]);
    expect(await seqs(6)).toEqual([[8], true]);
    await world.store.settle([delivered(lane, 2), delivered(lane, 3), delivered(lane, 4)]);
    expect(await seqs()).toEqual([[5, 6, 7, 8], true]);
    // What has been tried is no longer fresh.
    await world.store.settle([failedOnce(lane, 6, 5000)]);
    expect(await seqs()).toEqual([[5, 7, 8], true]);
    await bench.restart();
    expect((await bench.world.store.loadUrgent(lane, 0, 10)).deliveries.map((d) => d.seq)).toEqual([5, 7, 8]);
  });

  it('lets nothing overtake that waits for its message', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { ordering: 'message' });
    world.store.parkLane(lane);
    const message = await accept(world, sandbox);
    await record(world, sandbox, 'bounce', message);
    expect(world.notices.at(-1)).toMatchObject({ waiting: [], urgent: [] });
    expect((await world.store.loadUrgent(lane, 0, 10)).deliveries).toEqual([]);
  });
}
