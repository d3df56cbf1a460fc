/** Two endpoints that are both dead and both want to hear of each other's trouble: the talk about it ends. */

import type { EventEnvelope } from '@postrider/contract/events';
import { expect, it } from 'vitest';
import { refusing } from '../../kit/hostile/answers.ts';
import { World } from './world.ts';

const HOUR_S = 3_600;
const EVENTS = 10;
/** Longer than any schedule, any hold, and the days after which an endpoint that only fails is disabled. */
const DAYS = [4, 4, 8];
/** endpoint.failing, endpoint.recovered and endpoint.disabled, of each endpoint once. */
const ABOUT_ENDPOINTS = 3;

it('two dead endpoints that subscribe to everything: the number of operational events stays bounded', async () => {
  const world = await World.start();
  const settings = { event_types: ['*'], retry_schedule: [30, 300, 1_800, 7_200, 18_000] };
  await world.lane('first', refusing(500), settings);
  await world.lane('second', refusing(503), settings);
  for (const lane of world.lanes) lane.wants = undefined;
  expect(await world.offered.offer(world.api, EVENTS)).toBe(true);

  const counts: number[] = [];
  for (const days of DAYS) {
    await world.api.advance(days * 24 * HOUR_S);
    counts.push((await operational(world)).length);
  }
  // One delivery.failed for each event at each endpoint, and what may be said of each endpoint itself.
  expect(counts[0]).toBeGreaterThan(0);
  expect(counts.at(-1)).toBeLessThanOrEqual(world.lanes.length * (EVENTS + ABOUT_ENDPOINTS));
  expect(counts.at(-1)).toBe(counts.at(-2));
  const about = (await operational(world)).map((event) => (event.data as { event_type?: string }).event_type);
  expect(about.filter((type) => type?.startsWith('endpoint.') || type?.startsWith('delivery.'))).toEqual([]);
  expect((await world.server.stop()).code).toBe(0);
}, 60_000);

async function operational(world: World): Promise<EventEnvelope[]> {
  const events = await world.api.events();
  return events.filter(({ event_type }) => /^(endpoint|delivery)\./.test(event_type));
}
