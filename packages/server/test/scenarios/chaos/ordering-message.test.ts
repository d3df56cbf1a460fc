/** Order within a message under random failures: no inversion, and whose events all go well waits for nobody. */

import { expect, it } from 'vitest';
import { healthy, refusing } from '../../kit/hostile/answers.ts';
import { failingAtRandom } from '../../kit/hostile/flapping.ts';
import { waitFor } from '../../kit/wait.ts';
import { seeded } from '../../soak/random.ts';
import { inversions, MessageProgress } from './message-order.ts';
import { messagesOf } from './messages.ts';
import { SIZES, WITHIN_MS } from './sizes.ts';
import { World } from './world.ts';

const MESSAGES = SIZES.orderedMessages;
const EVENTS_EACH = 10;
const FAILING = 0.05;
/** Healthy messages, while the failing ones wait for a clock that stands still. */
const HEALTHY_WITHIN_MS = 10_000 + MESSAGES * 20;
/** Longer than the test takes: what failed is due only when the clock is moved. */
const RETRY_S = 600;

it(
  '5 % random failures: zero inversions, healthy messages are not held up',
  async () => {
    const seed = Date.now() % 1_000_000;
    const random = seeded(seed);
    const world = await World.start();
    const behaviour = failingAtRandom(FAILING, () => random.next(), healthy, refusing(500));
    const schedule = Array.from({ length: 30 }, () => RETRY_S);
    const lane = await world.lane('ordered', behaviour, { ordering: 'message', retry_schedule: schedule });
    const messages = await messagesOf(world.api, MESSAGES);
    const { path } = lane;
    await world.offered.offerFor(world.api, messages, EVENTS_EACH);

    // A message goes on until its first failure; then its later events wait, and nobody else does.
    const progress = new MessageProgress();
    const healthyOnes = (): string[] => messages.filter((id) => !progress.stuck.has(id));
    const whole = (): boolean => {
      progress.read(path.receipts);
      return healthyOnes().every((id) => progress.taken.get(id) === EVENTS_EACH);
    };
    await waitFor('end of every healthy message', whole, HEALTHY_WITHIN_MS);
    expect(healthyOnes().length).toBeGreaterThan(0);
    expect(progress.stuck.size).toBeGreaterThan(0);

    await world.drain([lane], RETRY_S * 2, WITHIN_MS);
    expect(inversions(path.receipts), `seed ${seed}`).toEqual([]);
    const { faults, doubled } = await world.tally({ states: ['delivered'] });
    expect(faults).toEqual([]);
    expect(doubled).toBe(0);
  },
  WITHIN_MS,
);
