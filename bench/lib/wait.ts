/** Waiting for a fact, within a bound. */

import { setTimeout as sleep } from 'node:timers/promises';

const LOOK_MS = 20;
const WITHIN_MS = 120_000;

/** Looks until `fact` resolves to true; throws, naming what was waited for, when that takes too long. */
export async function until(
  what: string,
  fact: () => Promise<boolean>,
  withinMs = WITHIN_MS,
  lookMs = LOOK_MS,
): Promise<void> {
  const deadline = performance.now() + withinMs;
  while (!(await fact())) {
    if (performance.now() > deadline) throw new Error(`not in ${withinMs / 1000} s: ${what}`);
    await sleep(lookMs);
  }
}

/** Time since the machine started, in ms: the same clock for every process on it. */
export function sharedClockMs(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
