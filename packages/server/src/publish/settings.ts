/** The settings of publishing, by the names of `config.default.toml`, and bounds that are no settings. */

import type { AttemptLimits } from './attempt.ts';

export interface PublishSettings {
  /** Attempts in flight at once, over all endpoints. Slow ones stop counting: see `SLOW_MS`. */
  budget: number;
  /** Deliveries one lane holds in memory. */
  window: number;
  drain_bytes: number;
  excerpt_bytes: number;
  user_agent: string;
}

/**
 * An attempt that has waited this long gives its place in the budget back, so that slow endpoints can at worst
 * use sockets (bounded by `SLOW_PER_BUDGET`) but never the others' turns.
 */
const SLOW_MS = 500;
export const SLOW_PER_BUDGET = 8;

/** Time for a body after its head. */
const DRAIN_MS = 2_000;

/** What all windows hold together at most, beyond the smallest load each lane is always granted. */
export const WINDOW_ENTRIES = 100_000;
export const WINDOW_BYTES = 64 * 2 ** 20;

/** Results waiting for the disk, in budgets, beyond which no further attempt starts. */
export const UNSETTLED_PER_BUDGET = 16;

export function attemptLimits(settings: PublishSettings): AttemptLimits {
  return {
    drain_bytes: settings.drain_bytes,
    excerpt_bytes: settings.excerpt_bytes,
    drain_ms: DRAIN_MS,
    slow_ms: SLOW_MS,
  };
}
