/** Deletes what is past retention: in small steps with pauses, so that no commit waits for it. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Logger } from '../base/logger.ts';
import type { Environment } from '../domain/tenancy.ts';
import type { RetentionPolicy } from '../store/ports.ts';

export interface RetentionStore {
  listEnvironments(): Promise<Environment[]>;
  /** Deletes at most `limit` rows; resolves to 0 when nothing is left. */
  purge(env: number, policy: RetentionPolicy, limit: number): Promise<number>;
  purgeIdempotency(before: number, limit: number): Promise<number>;
}

/** The settings of `[retention]`. */
export interface RetentionSettings {
  events_days: number;
  dead_letters_days: number;
  raw_days: number;
  idempotency_hours: number;
  interval_seconds: number;
}

export interface RetentionOptions {
  store: RetentionStore;
  clocks: { now(env: number): number; wallNow(): number };
  settings: RetentionSettings;
  log: Logger;
  /** Seals what retention may then delete; ends early when `signal` says so. */
  seal: (env: number, signal: AbortSignal) => Promise<void>;
  /** Rows in one step at most. */
  chunk?: number;
  /** Waits, or rejects when `signal` ends the wait; tests pass their own. */
  wait?: (ms: number, signal: AbortSignal) => Promise<unknown>;
}

const DEFAULT_CHUNK = 200;
/** A step is followed by a pause of this many times its own duration: at most a fifth of the writer's time. */
const PAUSE_FACTOR = 4;
const MIN_PAUSE_MS = 20;
const DAY_MS = 86_400_000;
const HOUR_MS = 3_600_000;

export class Retention {
  readonly #options: RetentionOptions;
  readonly #chunk: number;
  readonly #wait: NonNullable<RetentionOptions['wait']>;
  readonly #stopped = new AbortController();
  #running: Promise<void> | null = null;

  constructor(options: RetentionOptions) {
    this.#options = options;
    this.#chunk = options.chunk ?? DEFAULT_CHUNK;
    this.#wait = options.wait ?? (async (ms, signal) => sleep(ms, undefined, { signal, ref: false }));
  }

  /** One round at each interval, the first one interval from now: the start belongs to the backlog. */
  start(): void {
    this.#running ??= this.#run();
  }

  /** Ends after the step under way. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await this.#running;
  }

  /**
   * One round over all environments; resolves to the number of rows deleted. One that fails keeps no other from its
   * turn; the round rejects at its end.
   */
  async sweep(): Promise<number> {
    const { store, clocks, settings, log } = this.#options;
    let deleted = 0;
    const failed: number[] = [];
    for (const { env } of await store.listEnvironments()) {
      try {
        deleted += await this.#sweepEnvironment(env);
      } catch (error) {
        log.error({ err: error, env }, 'retention of an environment failed');
        failed.push(env);
      }
    }
    const before = clocks.wallNow() - settings.idempotency_hours * HOUR_MS;
    deleted += await this.#drain(() => store.purgeIdempotency(before, this.#chunk));
    if (failed.length > 0)
      throw new Error(`Retention failed in environments ${failed.join(', ')}; ${deleted} rows were deleted.`);
    return deleted;
  }

  async #sweepEnvironment(env: number): Promise<number> {
    const { store, clocks, settings, seal } = this.#options;
    await seal(env, this.#stopped.signal);
    const policy = cutOffs(settings, clocks.now(env));
    return this.#drain(() => store.purge(env, policy, this.#chunk));
  }

  async #run(): Promise<void> {
    const { settings, log } = this.#options;
    while (await this.#paused(settings.interval_seconds * 1000)) {
      try {
        const deleted = await this.sweep();
        if (deleted > 0) log.info({ deleted }, 'retention round');
      } catch (error) {
        // What was deleted stays deleted; the rest is found again by the next round.
        log.error({ err: error }, 'retention round failed');
      }
    }
  }

  async #drain(step: () => Promise<number>): Promise<number> {
    let deleted = 0;
    while (!this.#stopped.signal.aborted) {
      const begun = performance.now();
      const count = await step();
      deleted += count;
      if (count === 0) break;
      const pause = Math.max(MIN_PAUSE_MS, (performance.now() - begun) * PAUSE_FACTOR);
      if (!(await this.#paused(pause))) break;
    }
    return deleted;
  }

  /** Resolves to false when stopped. */
  async #paused(ms: number): Promise<boolean> {
    try {
      await this.#wait(ms, this.#stopped.signal);
    } catch (error) {
      if (!this.#stopped.signal.aborted) throw error;
    }
    return !this.#stopped.signal.aborted;
  }
}

/** `now` is the environment's time: a sandbox whose clock is ahead forgets accordingly. */
function cutOffs(settings: RetentionSettings, now: number): RetentionPolicy {
  return {
    events_before: now - settings.events_days * DAY_MS,
    dead_letters_before: now - settings.dead_letters_days * DAY_MS,
    raw_before: now - settings.raw_days * DAY_MS,
  };
}
