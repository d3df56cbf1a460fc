/** States to be killed in that came with breakers, order and replays; see `kill-states.ts`. */

import { refusing } from '../../kit/hostile/answers.ts';
import { hanging } from '../../kit/hostile/silence.ts';
import { waitFor } from '../../kit/wait.ts';
import type { KillState } from './kill-states.ts';
import type { ChaosLane, World } from './world.ts';

/** More than the 20 that open a breaker. */
const ENOUGH = 25;
const PROBE_S = 300;
const SCHEDULE = [30, 300, 1_800, 7_200, 18_000];

async function opened(world: World, lane: ChaosLane): Promise<void> {
  await waitFor('an open breaker', async () => (await world.stats(lane)).breaker === 'open');
}

/** To be begun before any row that keeps a request hanging: the clock moves only past what has come to its end. */
export const ENGINE_KILL_STATES: readonly KillState[] = [
  {
    name: 'while an open breaker is being probed',
    states: ['delivery: held', 'lane: failing'],
    events: ENOUGH,
    settings: { retry_schedule: SCHEDULE, timeout_ms: 30_000 },
    behaviour: refusing(500),
    reach: async (world, lane) => {
      await opened(world, lane);
      lane.path.behaviour = hanging;
      const before = lane.path.receipts.length;
      // Ends with the process: the probe that it waits for never does.
      world.api.advance(PROBE_S * 1.2).catch(() => undefined);
      await lane.path.untilRequests(before + 1);
    },
    after: { held: ENOUGH },
  },
  {
    name: 'held behind an open breaker',
    states: ['delivery: held', 'lane: failing', 'endpoint: failing'],
    events: ENOUGH,
    settings: { retry_schedule: SCHEDULE },
    behaviour: refusing(500),
    reach: opened,
    after: { held: ENOUGH },
  },
];
