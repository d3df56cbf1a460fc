/** What publishing tells to whoever keeps the figures. Called once per attempt, so implementations stay cheap. */

import type { AttemptError } from '../domain/delivery.ts';

export interface PublishMetrics {
  /** `outcome`: `delivered`, or why not. */
  attempt(outcome: AttemptError | 'delivered', latency_ms: number): void;
  /** From the making of an event to the start of its first attempt at an endpoint. */
  lag(ms: number): void;
}

export const NO_METRICS: PublishMetrics = { attempt() {}, lag() {} };

/** The present state, asked for when the figures are collected. */
export interface PublishGauges {
  in_flight: number;
  /** Those in flight for long. */
  slow: number;
  lanes: number;
  lanes_held: number;
  /** Those whose breaker is open. */
  lanes_failing: number;
  lanes_parked: number;
  window_entries: number;
  window_bytes: number;
  unsettled: number;
}

export const NO_GAUGES: Readonly<PublishGauges> = {
  in_flight: 0,
  slow: 0,
  lanes: 0,
  lanes_held: 0,
  lanes_failing: 0,
  lanes_parked: 0,
  window_entries: 0,
  window_bytes: 0,
  unsettled: 0,
};
