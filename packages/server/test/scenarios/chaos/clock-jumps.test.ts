/**
 * The machine's clock is set an hour forward, an hour back, and right again, under load: nothing is lost, ids stay in
 * order, what is due goes out, nothing is sent in a storm, and signatures carry the time that the clock tells.
 */

import { describe, expect } from 'vitest';
import { healthy, refusing } from '../../kit/hostile/answers.ts';
import { FakeTime, fakeTimeLibrary } from '../../kit/fake-time.ts';
import { itNeeds } from '../../kit/skip.ts';
import { waitFor } from '../../kit/wait.ts';
import { World, type ChaosLane } from './world.ts';

const HOUR_S = 3_600;
/** Off the real clock, one after the other. */
const JUMPS_S = [HOUR_S, -HOUR_S, 0];
const EVENTS = 5;
const PAUSE_MS = 50;
/** From a 202 to the receiver, whatever the clock does. */
const PROMPT_MS = 5_000;
/** Receivers refuse signatures that are off by five minutes (Standard Webhooks); here both clocks are one. */
const SIGNATURE_OFF_S = 5;
const FAILING_EVENTS = 10;

const library = fakeTimeLibrary();
const itJumps = itNeeds('libfaketime (Debian: faketime)', process.platform === 'linux' && library !== null);

describe('a clock that jumps', () => {
  itJumps(
    'an hour forward, an hour back, and right again',
    async () => {
      // The file is in the data folder, which is there before the server is.
      const folder = await World.folder();
      const clock = new FakeTime(folder, library ?? '');
      const world = await World.start({ dir: folder, env: clock.env });
      const steady = await world.lane('steady');
      const failing = await world.lane('failing', refusing(503), { event_types: ['custom.failing'] });
      failing.wants = (type) => type === 'custom.failing';
      expect(await world.offered.offer(world.api, FAILING_EVENTS, 'custom.failing')).toBe(true);
      await failing.path.untilRequests(FAILING_EVENTS);

      const load = world.offered.keepOffering(world.api, EVENTS, PAUSE_MS);
      for (const offset_s of JUMPS_S) {
        clock.jump(offset_s);
        await expectOnTime(world, steady, offset_s);
      }
      world.offered.stop();
      await load;
      // Sorted is how they came: one sender, one process, three clocks.
      expect(world.offered.accepted).toEqual(world.offered.accepted.toSorted());
      expect(new Set(world.offered.accepted).size).toBe(world.offered.accepted.length);
      expect(world.offered.refusals).toEqual([]);
      expectNoStorm(failing);

      failing.path.behaviour = healthy;
      await world.drain(world.lanes, HOUR_S);
      const { faults, doubled } = await world.tally({ states: ['delivered'] });
      expect(faults).toEqual([]);
      expect(doubled).toBe(0);
      expect((await world.server.stop()).code).toBe(0);
    },
    60_000,
  );
});

/** Waits until signatures tell the new time, then wants what is offered from now on to arrive, told likewise. */
async function expectOnTime(world: World, { path }: ChaosLane, offset_s: number): Promise<void> {
  const off = (headers: Record<string, string>, at: number): number =>
    Math.abs(Number(headers['webhook-timestamp']) - at / 1000 - offset_s);
  await waitFor(`signature of a clock ${offset_s} s off`, () => {
    const last = path.receipts.at(-1);
    return last !== undefined && off(last.headers, last.at) < SIGNATURE_OFF_S;
  });
  const from = path.receipts.length;
  const begun = performance.now();
  const already = world.offered.accepted.length;
  await waitFor('more events', () => world.offered.accepted.length >= already + EVENTS, PROMPT_MS);
  const last = world.offered.accepted.at(-1) ?? '';
  await waitFor('the last of them', () => path.taken.has(last), PROMPT_MS);
  expect(performance.now() - begun).toBeLessThan(PROMPT_MS);
  for (const { headers, at } of path.receipts.slice(from))
    expect(off(headers, at)).toBeLessThan(SIGNATURE_OFF_S);
}

/** Every second, by its schedule, an event may be tried; a jump of an hour makes up for none of the hour's attempts. */
function expectNoStorm({ path }: ChaosLane): void {
  const first = path.receipts[0]?.at ?? 0;
  const seconds = ((path.receipts.at(-1)?.at ?? 0) - first) / 1000;
  const most = Math.ceil(seconds / 0.9) + JUMPS_S.length + 1;
  for (const receipts of Map.groupBy(path.receipts, ({ event_id }) => event_id).values())
    expect(receipts.length).toBeLessThanOrEqual(most);
}
