/** One wide log line and a few figures per attempt; next to nothing when both are off. */

import { idTime } from '@postrider/contract/ids';
import type { EnvironmentClocks } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { DueDelivery } from '../domain/delivery.ts';
import type { Attempt } from './attempt.ts';
import type { Job } from './job.ts';
import type { PublishMetrics } from './metrics.ts';
import type { Verdict } from './retry.ts';

/** `evt_` and the ten characters that hold an id's 48 bits of time. */
const ID_TIME_END = 14;

export class Observer {
  readonly #clocks: EnvironmentClocks;
  readonly #metrics: PublishMetrics;
  /** Null when attempts are not logged. */
  readonly #log: Logger | null;
  #lastHead = '';
  #lastTime = 0;

  constructor(clocks: EnvironmentClocks, metrics: PublishMetrics, log: Logger | null) {
    this.#clocks = clocks;
    this.#metrics = metrics;
    this.#log = log;
  }

  attempt(attempt: Attempt<Job>, verdict: Verdict): void {
    this.#metrics.attempt(attempt.error ?? 'delivered', attempt.latency_ms);
    for (const delivery of attempt.job.deliveries) {
      const isFirst = delivery.attempts === 0 && delivery.replay_id === null;
      const lag = isFirst ? this.#lag(delivery.event.event_id, attempt.latency_ms) : null;
      if (lag !== null) this.#metrics.lag(lag);
      if (this.#log !== null) this.#log.info(wideLine(attempt, delivery, verdict, lag), 'attempt');
    }
  }

  /** From the making of the event to the start of an attempt that took `latency_ms` until now. */
  #lag(event_id: string, latency_ms: number): number {
    // Events made within a millisecond share their time, and so do all deliveries of one event.
    const head = event_id.slice(0, ID_TIME_END);
    if (head !== this.#lastHead) {
      this.#lastHead = head;
      this.#lastTime = idTime(event_id);
    }
    return Math.max(0, this.#clocks.wallNow() - latency_ms - this.#lastTime);
  }
}

function wideLine(
  attempt: Attempt<Job>,
  delivery: DueDelivery,
  verdict: Verdict,
  lag_ms: number | null,
): object {
  const { lane, at, isProbe } = attempt.job;
  return {
    event: 'delivery.attempt',
    endpoint_id: lane.endpoint.endpoint_id,
    event_id: delivery.event.event_id,
    event_type: delivery.event.event_type,
    seq: delivery.seq,
    attempt: delivery.attempts + 1,
    at,
    status: attempt.status,
    error: attempt.error,
    detail: attempt.detail,
    latency_ms: attempt.latency_ms,
    lag_ms,
    probe: isProbe,
    replay_id: delivery.replay_id,
    verdict: verdict.verdict,
    next_at: verdict.next_at,
  };
}
