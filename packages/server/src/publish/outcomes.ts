/** From an attempt to what the store is told about each of its deliveries. */

import type { EnvironmentClocks } from '../base/clock.ts';
import type { Random } from '../base/backoff.ts';
import { isOperational } from '../domain/decide.ts';
import type { Attempt as StoredAttempt, DueDelivery } from '../domain/delivery.ts';
import { deliveryFailed } from '../domain/delivery-failed.ts';
import type { NewEvent } from '../domain/event.ts';
import type { Settlement } from '../store/ports.ts';
import type { Attempt } from './attempt.ts';
import type { Job } from './job.ts';
import type { Lane } from './lane.ts';
import { judge, type Verdict } from './retry.ts';
import { runOf } from './window.ts';

const DELIVERED: Verdict = { verdict: 'delivered', next_at: null, gone: false };
const NO_EVENTS: NewEvent[] = [];

export class Outcomes {
  readonly #clocks: EnvironmentClocks;
  readonly #random: Random | undefined;

  constructor(clocks: EnvironmentClocks, random: Random | undefined) {
    this.#clocks = clocks;
    this.#random = random;
  }

  /** One for all deliveries of the attempt: they have as many attempts behind them. */
  verdict(attempt: Attempt<Job>): Verdict {
    if (attempt.error === null) return DELIVERED;
    const { lane, deliveries, isProbe } = attempt.job;
    const gone = attempt.status === 410;
    if (isProbe) return { verdict: 'probed', next_at: null, gone };
    const now = { env: this.#clocks.now(lane.env), wall: this.#clocks.wallNow() };
    const run = runOf(deliveries[0] as DueDelivery) + 1;
    return judge(attempt, run, lane.endpoint.retry_schedule, now, this.#random);
  }

  settlement(attempt: Attempt<Job>, delivery: DueDelivery, { verdict, next_at }: Verdict): Settlement {
    const { lane, at } = attempt.job;
    const stored: StoredAttempt = {
      attempt: delivery.attempts + 1,
      at,
      status: attempt.status,
      latency_ms: attempt.latency_ms,
      error: attempt.error,
      error_detail: attempt.detail,
      response_excerpt: attempt.excerpt,
    };
    const events = verdict === 'failed' ? this.#failureEvents(lane, delivery, stored) : NO_EVENTS;
    return { lane: lane.number, seq: delivery.seq, attempt: stored, verdict, next_at, events };
  }

  /**
   * For a delivery that cannot be made into a request: a defect, ours or in the stored row. Trying again would not
   * mend it, so it becomes a dead letter at once.
   */
  unsendable(lane: Lane, delivery: DueDelivery): Settlement {
    const stored: StoredAttempt = {
      attempt: delivery.attempts + 1,
      at: this.#clocks.now(lane.env),
      status: 0,
      latency_ms: 0,
      error: 'protocol',
      error_detail: 'the event cannot be written in the dialect of the endpoint',
      response_excerpt: null,
    };
    const events = this.#failureEvents(lane, delivery, stored);
    const { seq } = delivery;
    return { lane: lane.number, seq, attempt: stored, verdict: 'failed', next_at: null, events };
  }

  /** Operational events cause none: their deliveries fail quietly into the dead letters. */
  #failureEvents(lane: Lane, delivery: DueDelivery, last: StoredAttempt): NewEvent[] {
    if (isOperational(delivery.event.event_type)) return NO_EVENTS;
    return [deliveryFailed(lane.endpoint, delivery, last, this.#clocks.now(lane.env))];
  }
}
