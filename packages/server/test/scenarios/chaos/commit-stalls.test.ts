/** A disk whose syncs take two seconds: the doors are slow or say 503, memory stays bounded, nothing is lost or doubled. */

import { describe, expect } from 'vitest';
import { inject, slowSyncs } from '../../kit/fault-injection.ts';
import { forgetPeak, peakRss } from '../../kit/process-watch.ts';
import { itNeeds } from '../../kit/skip.ts';
import { installed } from '../../kit/smtp.ts';
import { waitFor } from '../../kit/wait.ts';
import { SIZES, WITHIN_MS } from './sizes.ts';
import { World } from './world.ts';

const STALL_MS = 2_000;
const SENDERS = 8;
const EVENTS_EACH = 10;
const PAUSE_MS = 100;
/** What is queued is bounded in bytes; this is that bound with what carries it. */
const MEMORY_BOUND = 200 * 2 ** 20;
/** Once the disk is well, a 202 takes no longer than this. */
const WELL_MS = 1_000;

const itTraced = itNeeds('strace', process.platform === 'linux' && installed('strace'));

/** `SENDERS` that go on until `offered.stop()`; resolves when all have stopped. */
function underLoad(world: World): Promise<void[]> {
  const { offered, api } = world;
  return Promise.all(Array.from({ length: SENDERS }, () => offered.keepOffering(api, EVENTS_EACH, PAUSE_MS)));
}

/** Resolves once commits have stalled for as long as they are to, as the clients see it. */
async function stalled(world: World): Promise<void> {
  const begun = performance.now();
  const isSeen = (): boolean =>
    world.offered.slowest_ms >= STALL_MS && performance.now() - begun >= SIZES.stalls_ms;
  await waitFor('slow answers', isSeen, SIZES.stalls_ms + STALL_MS * 5);
}

describe('commits that stall for two seconds', () => {
  itTraced(
    'slow the doors down and lose nothing, and it is over when the stalls are',
    async () => {
      const world = await World.start();
      await world.lane('healthy-1');
      await world.lane('healthy-2', undefined, { max_in_flight: 4 });
      const load = underLoad(world);
      await waitFor('some load', () => world.offered.accepted.length > 0);
      forgetPeak(world.server.pid);
      const before = peakRss(world.server.pid);
      const stalls = await inject(world.server.pid, slowSyncs(STALL_MS));
      await stalled(world);
      expect(peakRss(world.server.pid) - before).toBeLessThan(MEMORY_BOUND);
      await stalls.remove();
      world.offered.stop();
      await load;

      const begun = performance.now();
      expect(await world.offered.offer(world.api, 1)).toBe(true);
      expect(performance.now() - begun).toBeLessThan(WELL_MS);
      expect(world.offered.unanswered).toBe(0);
      expect(world.offered.refusals.filter(({ status }) => status !== 503)).toEqual([]);
      await world.drain();
      const { faults, doubled } = await world.tally({ states: ['delivered'] });
      expect(faults).toEqual([]);
      expect(doubled).toBe(0);
      expect((await world.server.stop()).code).toBe(0);
    },
    WITHIN_MS,
  );

  itTraced(
    'and a kill -9 in the middle of one: no acknowledged event is lost',
    async () => {
      const world = await World.start();
      await world.lane('healthy');
      const load = underLoad(world);
      await waitFor('some load', () => world.offered.accepted.length > 0);
      const stalls = await inject(world.server.pid, slowSyncs(STALL_MS));
      await stalled(world);
      await world.server.kill();
      world.offered.stop();
      await Promise.all([load, stalls.remove()]);
      expect(world.offered.unanswered).toBeGreaterThan(0);

      await world.restart();
      await world.drain();
      const { faults } = await world.tally({
        states: ['delivered'],
        lost: ({ life }) => life === 1,
      });
      expect(faults).toEqual([]);
    },
    WITHIN_MS,
  );
});
