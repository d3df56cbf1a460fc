/**
 * Whether an endpoint is worth calling. Opens when its last 20 distinct deliveries all failed, or sooner where an
 * order makes everything wait behind what fails; then it is probed until the first success (DESIGN section 5.6).
 * Knows and counts; `care.ts` acts.
 */

import type { Alarm } from '../base/clock.ts';
import type { AttemptError } from '../domain/delivery.ts';

/** Distinct deliveries that failed in a row. */
const FAILED_DELIVERIES = 20;
/** Answers in a row that say "not with this signature" before it is named so. */
const REFUSED_IN_A_ROW = 3;

/** What the last failed attempt was. */
export interface Failure {
  /** HTTP status; 0 when none came. */
  status: number;
  error: AttemptError;
  detail: string | null;
}

export class Breaker {
  isOpen = false;
  /** Env time of the first failure after the last success; null while there is none. */
  failingSince: number | null = null;
  last: Failure | null = null;
  /** Failed attempts in a row. */
  streak = 0;
  /** Env time of the next probe; null while the breaker is closed or nothing waits to be probed with. */
  probeAt: number | null = null;
  /** Env time before which no probe may start. */
  notBefore = 0;
  alarm: Alarm | null = null;
  /** A probe, or what follows from one, is under way. */
  isBusy = false;
  /** Env time at which deliveries that waited for a later attempt were last made due at once. */
  hastenedAt = -Infinity;
  /** That the secret is probably another one has been said. */
  mismatchSaid = false;
  readonly #failed = new Set<number>();
  #refused = 0;

  /** Distinct deliveries that failed since the last success; counted to 20. */
  get failedDeliveries(): number {
    return this.#failed.size;
  }

  /** Whether the last deliveries all failed. */
  get isDue(): boolean {
    return !this.isOpen && this.#failed.size >= FAILED_DELIVERIES;
  }

  /** 401 and 403 in a row: most likely the endpoint checks signatures with another secret. */
  get looksLikeSecretMismatch(): boolean {
    return this.#refused >= REFUSED_IN_A_ROW;
  }

  /** Open, and nothing to be done before `now` has moved on. */
  isResting(now: number): boolean {
    return !this.isBusy && (this.probeAt === null || this.probeAt > now);
  }

  /** `at`: env time of the attempt. A batch counts once, by its first delivery: one of its events may spoil it. */
  failed({ seq }: { seq: number }, at: number, failure: Failure): void {
    this.failingSince ??= at;
    this.last = failure;
    this.streak++;
    this.#refused = failure.status === 401 || failure.status === 403 ? this.#refused + 1 : 0;
    if (this.#failed.size < FAILED_DELIVERIES) this.#failed.add(seq);
  }

  /** Everything that was counted is forgotten; `isOpen` is closed by whoever has told the store. */
  succeeded(): void {
    if (this.streak === 0) return;
    this.streak = 0;
    this.failingSince = null;
    this.last = null;
    this.mismatchSaid = false;
    this.#refused = 0;
    this.#failed.clear();
  }

  /** As at the beginning: the endpoint was changed or enabled by its owner. */
  reset(): void {
    this.succeeded();
    this.stopProbing();
    this.isOpen = false;
    this.notBefore = 0;
  }

  stopProbing(): void {
    this.alarm?.cancel();
    this.alarm = null;
    this.probeAt = null;
  }
}

/** No answer of its own, or one that speaks for the whole endpoint and not about the event. */
export function isEndpointsFault({ status }: Failure): boolean {
  return status === 0 || ENDPOINT_STATUSES.has(status);
}
const ENDPOINT_STATUSES: ReadonlySet<number> = new Set([401, 403, 404, 405, 408, 429, 502, 503, 504]);
