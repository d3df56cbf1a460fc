/** A laptop that is shut in the middle of the load: everything stands still, then goes on, and nothing is lost. */

import { expect, it } from 'vitest';
import { healthy, slow } from '../../kit/hostile/answers.ts';
import { hanging } from '../../kit/hostile/silence.ts';
import { stopped } from '../../kit/process-watch.ts';
import { waitFor } from '../../kit/wait.ts';
import { SIZES, WITHIN_MS } from './sizes.ts';
import { World } from './world.ts';

/** Longer than the timeout of every attempt under way. */
const SLEEP_MS = SIZES.sleep_ms;
const TIMEOUT_MS = 1_000;
/** For the requests that were about to be sent. */
const WAKING_MS = 500;
const EVENTS = 10;
const PAUSE_MS = 50;
const SENDERS = 4;

it(
  'SIGSTOP and SIGCONT under load lose nothing, and double only what was under way',
  async () => {
    const world = await World.start();
    await world.lane('healthy', undefined, { timeout_ms: TIMEOUT_MS });
    await world.lane('slow', slow(200), { timeout_ms: TIMEOUT_MS });
    const hangs = await world.lane('hanging', hanging);
    const load = Promise.all(
      Array.from({ length: SENDERS }, () => world.offered.keepOffering(world.api, EVENTS, PAUSE_MS)),
    );
    await waitFor('some load', () => world.offered.accepted.length > 100);
    await stopped(world.server.pid);
    const asleep = Date.now();
    // The sleep itself is the fault; there is no fact to wait for.
    await new Promise((resolve) => setTimeout(resolve, SLEEP_MS));
    const awake = Date.now();
    const already = world.offered.accepted.length;
    process.kill(world.server.pid, 'SIGCONT');
    await waitFor('more load', () => world.offered.accepted.length > already + 100);
    world.offered.stop();
    await load;
    hangs.path.behaviour = healthy;
    await world.drain();

    // What was answered while it slept lay unread beyond its timeout; that acknowledgement is lost. So is that of a
    // request which was about to be sent, and went out after its timeout had passed.
    const { faults } = await world.tally({
      states: ['delivered'],
      lost: ({ at }) => at > asleep - TIMEOUT_MS && at < awake + WAKING_MS,
    });
    expect(faults).toEqual([]);
    expect(world.offered.unanswered).toBe(0);
    expect(world.offered.refusals.filter(({ status }) => status !== 503)).toEqual([]);
    expect((await world.server.stop()).code).toBe(0);
  },
  WITHIN_MS,
);
