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
  /** Between probes of an endpoint whose breaker is open; environment's clock. */
  probe_seconds: number;
  /** How long deliveries are held behind an open breaker before they become dead letters. */
  max_hold_hours: number;
  /** Days of failure after which an endpoint is disabled; 0 = never. */
  disable_after_days: number;
}

export interface CareSettings {
  probe_ms: number;
  max_hold_ms: number;
  /** 0 = never. */
  disable_after_ms: number;
}

export function careSettings(settings: PublishSettings): CareSettings {
  return {
    probe_ms: settings.probe_seconds * 1000,
    max_hold_ms: settings.max_hold_hours * 3_600_000,
    disable_after_ms: settings.disable_after_days * 86_400_000,
  };
}

/**
 * An attempt that has waited this long gives its place in the budget back, so that slow endpoints can at worst
 * use sockets (bounded by `SLOW_PER_BUDGET`) but never the others' turns.
 */
const SLOW_MS = 500;
export const SLOW_PER_BUDGET = 8;

/** Time for a body after its head. */
const DRAIN_MS = 2_000;

/** What all windows hold together at most. */
const WINDOW_ENTRIES = 100_000;
const WINDOW_BYTES = 64 * 2 ** 20;

/** `threads`: those that publish; each has its share. */
export function windowLimits(threads: number): { entries: number; bytes: number } {
  return { entries: Math.ceil(WINDOW_ENTRIES / threads), bytes: Math.ceil(WINDOW_BYTES / threads) };
}

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
