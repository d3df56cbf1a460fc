/** An endpoint is down for three hours and comes back: everything reaches it within half a minute, ordered lanes in order. */

import { expect, it } from 'vitest';
import { healthy, refusing, slow } from '../../kit/hostile/answers.ts';
import type { Receipt } from '../../kit/hostile/receipt.ts';
import { waitFor } from '../../kit/wait.ts';
import { messagesOf } from './messages.ts';
import { SIZES, WITHIN_MS as TEST_MS } from './sizes.ts';
import { World, type ChaosLane } from './world.ts';

const HOUR_S = 3_600;
const DOWN_S = 3 * HOUR_S;
const PROBE_S = 300;
const DUE = SIZES.due;
const MESSAGES = 100;
/** From the end of the outage to the last event, as the environment's clock comes to the next probe. */
const WITHIN_MS = 30_000;
/** Of 64 that the lane may have in flight: what it begins with when the endpoint is back. */
const FIRST_STEP = 16;
const ANSWER_MS = 40;
const SCHEDULE = [30, 300, 1_800, 7_200, 18_000];

it(
  'down for three hours with a backlog, then everything within 30 s, ramped, and in order where that is asked',
  async () => {
    const world = await World.start();
    const operations = await world.lane('operations', healthy, { event_types: ['endpoint.*'] });
    operations.wants = (type) => type.startsWith('endpoint.');
    const lanes: ChaosLane[] = [];
    for (const ordering of ['none', 'message', 'strict'] as const)
      lanes.push(await world.lane(ordering, refusing(503), { ordering, retry_schedule: SCHEDULE }));
    const messages = await messagesOf(world.api, MESSAGES);
    await world.offered.offerFor(world.api, messages, DUE / MESSAGES / 2);
    await world.api.advance(DOWN_S / 2);
    await world.offered.offerFor(world.api, messages, DUE / MESSAGES / 2);
    await world.api.advance(DOWN_S / 2);

    for (const { path } of lanes) path.behaviour = path.name === 'none' ? slow(ANSWER_MS) : healthy;
    const marks = lanes.map(({ path }) => path.receipts.length);
    const begun = performance.now();
    await world.api.advance(PROBE_S);
    const left = (): number => WITHIN_MS - (performance.now() - begun);
    await Promise.all(lanes.map(({ path }) => path.untilTaken(DUE, left())));
    await Promise.all(
      lanes.map((lane) => waitFor('an empty queue', async () => (await world.stats(lane)).pending === 0)),
    );

    const [none, message, strict] = lanes.map(({ path }, index) => path.receipts.slice(marks[index]));
    expectRamp(none ?? []);
    for (const one of Map.groupBy(message ?? [], ({ event }) => event.message_id ?? '').values())
      expectInOrder(one);
    expectInOrder(strict ?? []);
    for (const type of ['endpoint.failing', 'endpoint.recovered'])
      for (const { endpoint_id } of lanes)
        expect(ofEndpoint(operations, type, endpoint_id)).toEqual([`${type} ${endpoint_id}`]);
    const { faults, doubled } = await world.tally({ states: ['delivered'] });
    expect(faults).toEqual([]);
    expect(doubled).toBe(0);
  },
  TEST_MS,
);

function ofEndpoint({ path }: ChaosLane, type: string, endpoint_id: string): string[] {
  return path.receipts
    .map(({ event }) => `${event.event_type} ${String((event.data as { endpoint_id?: string }).endpoint_id)}`)
    .filter((one) => one === `${type} ${endpoint_id}`);
}

/** The first requests after the probe are few; all of the window at once is what brings an endpoint down again. */
function expectRamp(receipts: readonly Receipt[]): void {
  const [probe, ...rest] = receipts;
  const from = (rest[0]?.at ?? 0) + ANSWER_MS / 2;
  expect(probe).toBeDefined();
  expect(rest.filter(({ at }) => at < from).length).toBeLessThanOrEqual(FIRST_STEP);
}

function expectInOrder(receipts: readonly Receipt[]): void {
  const seqs = receipts.map(({ event }) => event.seq);
  expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
}
