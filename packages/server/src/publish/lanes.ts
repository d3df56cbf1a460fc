/** All lanes of this engine, and what can be said of them together. */

import type { EnvironmentClocks } from '../base/clock.ts';
import type { Lane } from './lane.ts';

export class Lanes {
  readonly #clocks: EnvironmentClocks;
  readonly #byNumber = new Map<number, Lane>();

  constructor(clocks: EnvironmentClocks) {
    this.#clocks = clocks;
  }

  get size(): number {
    return this.#byNumber.size;
  }

  get(number: number): Lane | undefined {
    return this.#byNumber.get(number);
  }

  add(lane: Lane): void {
    this.#byNumber.set(lane.number, lane);
  }

  delete(lane: Lane): void {
    this.#byNumber.delete(lane.number);
  }

  [Symbol.iterator](): Iterator<Lane> {
    return this.#byNumber.values();
  }

  /** Endpoints of an environment. */
  countOf(env: number): number {
    let count = 0;
    for (const lane of this) if (lane.env === env) count++;
    return count;
  }

  count(is: (lane: Lane) => boolean): number {
    let count = 0;
    for (const lane of this) if (is(lane)) count++;
    return count;
  }

  /** Whether nothing of this environment is under way, and nothing is due now that can be attempted. */
  isIdle(env: number): boolean {
    const now = this.#clocks.now(env);
    for (const lane of this) if (lane.env === env && !lane.isIdle(now)) return false;
    return true;
  }

  /** Env time of the earliest retry or probe of this environment; null when none waits. */
  nextDueAt(env: number): number | null {
    let earliest: number | null = null;
    for (const lane of this) {
      const at = lane.env === env ? lane.nextDueAt : null;
      if (at !== null && (earliest === null || at < earliest)) earliest = at;
    }
    return earliest;
  }
}
