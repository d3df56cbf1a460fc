/**
 * The sandbox's own clock: hours of retries in milliseconds. What is in flight settles first; then the clock
 * stops at every due moment on its way, in order, and each of them settles before the next (DESIGN section 9).
 */

import { setImmediate as nextTurn, setTimeout as sleep } from 'node:timers/promises';
import { MAX_ADVANCE_SECONDS } from '@postrider/contract/schemas/limits';
import type { ClockAdvancedObject } from '@postrider/contract/schemas/sandbox';
import type { Logger } from '../base/logger.ts';
import { invalid, PostriderError } from '../domain/errors.ts';
import type { Environment } from '../domain/tenancy.ts';

/** A part of the product that works by the environment's clock. */
export interface ClockParticipant {
  /** Nothing of `env` is in flight and nothing is due. */
  isIdle(env: number): boolean;
  /** Resolves when that is so. */
  idle(env: number): Promise<void>;
  /** Env time of what comes next; null when nothing waits. */
  nextDueAt(env: number): Promise<number | null>;
}

export interface ClockAdvanceOptions {
  store: { advanceClock(env: number, by_ms: number): Promise<Environment> };
  clocks: { now(env: number): number; offset(env: number): number; setOffset(env: number, ms: number): void };
  participants: readonly ClockParticipant[];
  log: Logger;
  /** Wall time that one call may take, ms. */
  limitMs?: number;
}

const DEFAULT_LIMIT_MS = 30_000;
/** Calls that may wait for the one under way, per environment. */
const MAX_WAITING = 16;
/** How often, and with what pauses, something due is looked at again that nobody takes up. */
const LOOKS = 20;
const LOOK_PAUSE_MS = 5;
/** Beyond the year 9999 an ISO-8601 time has more than four digits for the year. */
const LATEST_TIME = Date.UTC(9999, 0);

export class ClockAdvance {
  readonly #options: ClockAdvanceOptions;
  readonly #limitMs: number;
  readonly #queues = new Map<number, { last: Promise<unknown>; waiting: number }>();

  constructor(options: ClockAdvanceOptions) {
    this.#options = options;
    this.#limitMs = options.limitMs ?? DEFAULT_LIMIT_MS;
  }

  now(env: number): number {
    return this.#options.clocks.now(env);
  }

  offset(env: number): number {
    return this.#options.clocks.offset(env);
  }

  /**
   * Moves the clock of a sandbox by `seconds`, one call after another. `conflict` when there is more to play
   * than fits into the time of one call: the clock has then stopped on the way, and the error says where.
   */
  async advance(environment: Environment, seconds: number): Promise<ClockAdvancedObject> {
    this.#check(environment, seconds);
    const { env } = environment;
    const queue = this.#queues.get(env) ?? { last: Promise.resolve(), waiting: 0 };
    if (queue.waiting >= MAX_WAITING) {
      throw new PostriderError('too_many_requests', 'Other calls are moving this clock already.', {
        retryAfterSeconds: 1,
      });
    }
    this.#queues.set(env, queue);
    queue.waiting++;
    const mine = queue.last.then(() => new Advance(this.#options, env, this.#limitMs).play(seconds));
    queue.last = mine
      .catch(() => undefined)
      .finally(() => {
        queue.waiting--;
        if (queue.waiting === 0) this.#queues.delete(env);
      });
    return mine;
  }

  #check(environment: Environment, seconds: number): void {
    if (environment.name !== 'sandbox') {
      throw new PostriderError('not_found', 'Only the sandbox environment has a clock of its own to move.');
    }
    if (!Number.isFinite(seconds) || seconds < 0 || seconds > MAX_ADVANCE_SECONDS) {
      throw invalid([{ path: '/seconds', message: `must be from 0 to ${MAX_ADVANCE_SECONDS}` }]);
    }
    if (this.now(environment.env) + seconds * 1000 > LATEST_TIME) {
      throw invalid([{ path: '/seconds', message: 'would move the clock beyond the year 9999; use less' }]);
    }
  }
}

/** One call under way. */
class Advance {
  readonly #options: ClockAdvanceOptions;
  readonly #env: number;
  readonly #deadline: AbortSignal;
  readonly #limitMs: number;
  #left_ms = 0;
  #steps = 0;

  constructor(options: ClockAdvanceOptions, env: number, limitMs: number) {
    this.#options = options;
    this.#env = env;
    this.#limitMs = limitMs;
    this.#deadline = AbortSignal.timeout(limitMs);
  }

  async play(seconds: number): Promise<ClockAdvancedObject> {
    this.#left_ms = Math.round(seconds * 1000);
    for (;;) {
      const due = await this.#nextDue();
      const wait = due === null ? null : due - this.#options.clocks.now(this.#env);
      if (wait === null || wait > this.#left_ms) break;
      this.#steps++;
      // The wall clock may have reached the moment by itself meanwhile.
      if (wait > 0) await this.#move(wait);
    }
    if (this.#left_ms > 0) await this.#move(this.#left_ms);
    await this.#settled();
    return {
      now: new Date(this.#options.clocks.now(this.#env)).toISOString(),
      offset_ms: this.#options.clocks.offset(this.#env),
      advanced_seconds: seconds,
      steps: this.#steps,
    };
  }

  /** On disk first: after a crash no event may be ahead of its environment's clock. */
  async #move(by_ms: number): Promise<void> {
    const { clock_offset_ms } = await this.#options.store.advanceClock(this.#env, by_ms);
    this.#left_ms -= by_ms;
    this.#options.clocks.setOffset(this.#env, clock_offset_ms);
  }

  /** The next due moment that lies ahead, once everything before it has settled; null when there is none. */
  async #nextDue(): Promise<number | null> {
    for (let look = 0; look < LOOKS; look++) {
      await this.#settled();
      const due = await this.#earliest();
      if (due === null || due > this.#options.clocks.now(this.#env)) return due;
      // Its owner has not heard of it yet: the notice of the commit is on its way.
      await sleep(LOOK_PAUSE_MS);
    }
    this.#options.log.warn({ env: this.#env }, 'something due is taken up by nobody; the clock moves on');
    return null;
  }

  async #earliest(): Promise<number | null> {
    const all = await Promise.all(
      this.#options.participants.map(async (one) => this.#inTime(one.nextDueAt(this.#env))),
    );
    return all.reduce((a, b) => (a === null || (b !== null && b < a) ? b : a), null);
  }

  /** What one participant finishes may be work for another, so all of them must be idle at once. */
  async #settled(): Promise<void> {
    const { participants } = this.#options;
    do {
      for (const one of participants) await this.#inTime(one.idle(this.#env));
      await nextTurn();
    } while (!participants.every((one) => one.isIdle(this.#env)));
  }

  async #inTime<T>(work: Promise<T>): Promise<T> {
    if (this.#deadline.aborted) throw this.#tooLong();
    let tooLong = (): void => undefined;
    const late = new Promise<never>((_resolve, reject) => {
      tooLong = () => reject(this.#tooLong());
      this.#deadline.addEventListener('abort', tooLong, { once: true });
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      this.#deadline.removeEventListener('abort', tooLong);
    }
  }

  #tooLong(): PostriderError {
    const now = new Date(this.#options.clocks.now(this.#env)).toISOString();
    return new PostriderError(
      'conflict',
      `The clock stopped at ${now}: what was due did not settle within ${this.#limitMs / 1000} s. ` +
        `Advance by the ${this.#left_ms / 1000} seconds that are left to go on.`,
    );
  }
}
