/** After chaos: the feed of each lane, and the digests of its checkpoints, say what was pushed, no more and no less. */

import { createHash } from 'node:crypto';
import { checkpointDigest } from '@postrider/contract/checkpoint';
import type { PushedEnvelope } from '@postrider/contract/events';
import type { CheckpointObject, FeedPage } from '@postrider/contract/schemas/feed';
import { expect, it } from 'vitest';
import { healthy, refusing } from '../../kit/hostile/answers.ts';
import { answeringThenResetting, resettingBeforeHead } from '../../kit/hostile/breaks.ts';
import { flappingByCount } from '../../kit/hostile/flapping.ts';
import { World, type ChaosLane } from './world.ts';

const HOUR_S = 3_600;
/** Several hours of events, so that there are several checkpoints. */
const HOURS = 4;
const EVENTS = 60;
const PAGE = 37;

it('feed and checkpoint digests agree with what was pushed', async () => {
  const world = await World.start();
  await world.lane('healthy');
  await world.lane('flapping', flappingByCount(3, healthy, 4, resettingBeforeHead));
  await world.lane('doubtful', flappingByCount(5, healthy, 1, answeringThenResetting));
  await world.lane('down', refusing(503));
  for (let hour = 1; hour <= HOURS; hour++) {
    expect(await world.offered.offer(world.api, EVENTS)).toBe(true);
    if (hour === HOURS / 2) {
      // Neither a kill nor a restart makes a gap, or a checkpoint that says otherwise than before.
      await world.server.kill();
      await world.restart();
    }
    await world.api.advance(HOUR_S);
  }
  for (const { path } of world.lanes) path.behaviour = healthy;
  await world.drain(world.lanes, HOUR_S);
  const { faults } = await world.tally({
    states: ['delivered'],
    lost: ({ said, life }) => said === 'doubtful' || life === 1,
  });
  expect(faults).toEqual([]);

  for (const lane of world.lanes) {
    const pushed = pushedTo(lane);
    expect(pushed).toHaveLength(HOURS * EVENTS);
    expect(await feedOf(world, lane, 0)).toEqual(pushed);
    expect(await feedOf(world, lane, EVENTS)).toEqual(pushed.slice(EVENTS));
    await expectCheckpoints(world, lane, pushed);
  }
}, 60_000);

/** Each event once, by its place in the lane. */
function pushedTo({ path }: ChaosLane): PushedEnvelope[] {
  const bySeq = new Map<number, PushedEnvelope>();
  for (const { said, event } of path.receipts)
    if (said === 'taken' || said === 'doubtful') bySeq.set(event.seq, event);
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

async function feedOf(world: World, { endpoint_id }: ChaosLane, after: number): Promise<PushedEnvelope[]> {
  const found: PushedEnvelope[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const from = cursor === '' ? `after=${after}` : `cursor=${cursor}`;
    const path = `/v1/endpoints/${endpoint_id}/feed?${from}&limit=${PAGE}`;
    const page: FeedPage = await world.api.get<FeedPage>(path);
    found.push(...page.data);
    cursor = page.next_cursor;
  }
  return found;
}

async function expectCheckpoints(
  world: World,
  { endpoint_id }: ChaosLane,
  pushed: readonly PushedEnvelope[],
): Promise<void> {
  const checkpoints = await world.api.all<CheckpointObject>(`/v1/endpoints/${endpoint_id}/checkpoints`);
  expect(checkpoints.length).toBeGreaterThanOrEqual(HOURS);
  let next = 1;
  for (const { from_seq, to_seq, count, digest } of checkpoints) {
    expect(from_seq).toBe(next);
    expect(count).toBe(to_seq - from_seq + 1);
    const ids = pushed.slice(from_seq - 1, to_seq).map(({ event_id }) => event_id);
    expect(digest).toBe(checkpointDigest(ids, (text) => createHash('sha256').update(text).digest('hex')));
    next = to_seq + 1;
  }
  expect(next).toBe(pushed.length + 1);
}
