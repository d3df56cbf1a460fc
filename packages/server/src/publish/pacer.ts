/** What slows a lane down on purpose: its rate limit, and a batch that waits to be filled. On wall time. */

import type { Endpoint } from '../domain/endpoint.ts';
import type { Window } from './window.ts';

/** Requests that may go at once after a pause, as a part of a second's worth: receivers are promised a rate. */
const BURST_SECONDS = 0.1;

export class Pacer {
  readonly #perSecond: number | null;
  readonly #burst: number;
  readonly #batch: Endpoint['batch'];
  #tokens: number;
  #refilledAt = 0;
  /** Since when the window has had something to send, ms; null while it has nothing. */
  #waitingSince: number | null = null;
  /** A timer is set for when the lane may send. */
  waiting = false;

  private constructor(perSecond: number | null, batch: Endpoint['batch']) {
    this.#perSecond = perSecond;
    this.#batch = batch;
    this.#burst = Math.max(1, (perSecond ?? 0) * BURST_SECONDS);
    this.#tokens = this.#burst;
  }

  /** Null when nothing slows the endpoint down. */
  static of({ rate_limit, batch }: Endpoint): Pacer | null {
    return rate_limit === null && batch === null ? null : new Pacer(rate_limit, batch);
  }

  /** Milliseconds until the lane may send what its window has; 0 = now. `now`: monotonic, ms. */
  wait(window: Window, isBehind: boolean, now: number): number {
    return Math.max(this.#rateWait(now), this.#batchWait(window, isBehind, now));
  }

  /** A request was started. */
  sent(now: number): void {
    this.#refill(now);
    this.#tokens--;
    this.#waitingSince = null;
  }

  #rateWait(now: number): number {
    if (this.#perSecond === null) return 0;
    this.#refill(now);
    return this.#tokens >= 1 ? 0 : ((1 - this.#tokens) / this.#perSecond) * 1000;
  }

  #refill(now: number): void {
    if (this.#perSecond === null) return;
    const gained = ((now - this.#refilledAt) / 1000) * this.#perSecond;
    this.#tokens = Math.min(this.#burst, this.#tokens + gained);
    this.#refilledAt = now;
  }

  /** A full batch goes at once, and so does what was tried before: it has waited. */
  #batchWait(window: Window, isBehind: boolean, now: number): number {
    if (this.#batch === null) return 0;
    if (window.depth >= this.#batch.max_events || window.retryCount > 0 || isBehind) return 0;
    this.#waitingSince ??= now;
    return Math.max(0, this.#waitingSince + this.#batch.max_wait_ms - now);
  }
}
