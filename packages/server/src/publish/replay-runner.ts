/**
 * Carries replays out: finds slice after slice, puts each into the lane in one transaction with the replay's position,
 * and waits while enough of it is in the lane. Everything it knows is in the store, so a restart goes on where the last
 * commit was: nothing is skipped, nothing queued twice.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff } from '../base/backoff.ts';
import type { Logger } from '../base/logger.ts';
import { PostriderError } from '../domain/errors.ts';
import type { Replay, ReplayQuery, ReplaySlice, ReplayStatus } from '../store/ports.ts';
import { isUnavailable } from './settler.ts';

export interface ReplayRunStore {
  unfinishedReplays(): Promise<Replay[]>;
  getReplay(env: number, replay_id: string): Promise<Replay | null>;
  findReplayable(
    env: number,
    lane: number,
    query: ReplayQuery,
    after: number,
    end: number,
    limit: number,
  ): Promise<ReplaySlice>;
  queueReplay(replay_id: string, from: number, slice: ReplaySlice): Promise<Replay>;
  endReplay(
    replay_id: string,
    status: Exclude<ReplayStatus, 'running'>,
    error: string | null,
  ): Promise<Replay>;
  withdrawReplay(replay_id: string, limit: number): Promise<number>;
}

export interface ReplayRunnerParts {
  store: ReplayRunStore;
  log: Logger;
}

/** Deliveries of one replay that may be pending in its lane; the rest is not queued yet. */
const MAX_PENDING = 2_000;
/** Deliveries in one transaction: about 10 ms of the writer. */
const CHUNK = 250;
/** How often to look whether there is room, or whether all has arrived; slower while nothing moves. */
const LOOK_MS = 50;
const LOOK_AT_MOST_MS = 2_000;
/** Slices without a match before the position is committed all the same. */
const LOOKS = 50;
/** Of a rate, what may be made up for after a pause. */
const SAVED_MS = 200;

export class ReplayRunner {
  readonly #store: ReplayRunStore;
  readonly #log: Logger;
  readonly #stopped = new AbortController();
  readonly #running = new Map<string, Promise<void>>();
  /** Ends the pause of a replay that waits. */
  readonly #pauses = new Map<string, AbortController>();

  constructor({ store, log }: ReplayRunnerParts) {
    this.#store = store;
    this.#log = log;
  }

  /** Goes on with what was under way. */
  async start(): Promise<void> {
    for (const replay of await this.#store.unfinishedReplays()) this.take(replay);
  }

  /** Carries a replay out, or takes a cancelled one back; at once, also when it is in hand and waits. */
  take({ replay_id, env }: Replay): void {
    if (this.#stopped.signal.aborted) return;
    this.#pauses.get(replay_id)?.abort();
    if (this.#running.has(replay_id)) return;
    this.#running.set(replay_id, this.#runToEnd(env, replay_id));
  }

  /** Ends after the transactions under way. */
  async stop(): Promise<void> {
    this.#stopped.abort();
    await Promise.all(this.#running.values());
  }

  /** Never rejects: nobody would hear of it. */
  async #runToEnd(env: number, replay_id: string): Promise<void> {
    try {
      await this.#run(env, replay_id);
    } catch (error) {
      const fields = { event: 'replay.run_failed', replay_id, error };
      this.#log.error(fields, 'replay stands still until it is taken again');
    } finally {
      this.#running.delete(replay_id);
    }
  }

  /** While the store cannot answer, it is asked again. */
  async #run(env: number, replay_id: string): Promise<void> {
    const backoff = new Backoff(100, 5_000);
    const pace = new Pace();
    let idle = LOOK_MS;
    while (!this.#stopped.signal.aborted) {
      try {
        const replay = await this.#store.getReplay(env, replay_id);
        if (replay === null || !(await this.#isUnfinished(replay))) return;
        const wait = replay.status === 'running' ? await this.#step(replay, pace) : 0;
        backoff.succeeded();
        idle = wait === null ? Math.min(idle * 2, LOOK_AT_MOST_MS) : LOOK_MS;
        if (wait !== 0) await this.#pause(replay_id, wait ?? idle);
      } catch (error) {
        const wait = backoff.next();
        const fields = { event: 'replay.step_failed', replay_id, wait_ms: wait, error };
        if (isUnavailable(error)) this.#log.warn(fields, 'replay waits for the store');
        else this.#log.error(fields, 'replay cannot go on');
        await this.#pause(replay_id, wait);
      }
    }
  }

  /** A cancelled one is taken back here, as far as it is in its lane. */
  async #isUnfinished({ replay_id, status }: Replay): Promise<boolean> {
    if (status === 'running') return true;
    if (status !== 'cancelled') return false;
    return (await this.#store.withdrawReplay(replay_id, CHUNK)) === CHUNK;
  }

  /** Returns how long to wait for the next step, in ms; null when that depends on the lane. */
  async #step(replay: Replay, pace: Pace): Promise<number | null> {
    const { replay_id, query, position, end } = replay;
    const pending = replay.queued - replay.delivered - replay.failed - replay.discarded;
    if (position >= end) return pending > 0 ? null : this.#complete(replay_id);
    if (MAX_PENDING - pending < CHUNK) return null;
    const limit = Math.min(CHUNK, pace.allowed(query.rate));
    if (limit < 1) return pace.wait(query.rate);
    const slice = await this.#find(replay, limit);
    if (slice === null) return 0;
    const after = await this.#store.queueReplay(replay_id, position, slice);
    pace.took(after.queued - replay.queued);
    return 0;
  }

  async #complete(replay_id: string): Promise<number> {
    const { status, queued, failed } = await this.#store.endReplay(replay_id, 'completed', null);
    this.#log.info({ event: 'replay.ended', replay_id, status, queued, failed }, 'replay ended');
    return 0;
  }

  /**
   * The next slice that has something in it: stretches of the log without a match are not worth a commit each. Null when
   * the endpoint is gone: the replay has failed then.
   */
  async #find(replay: Replay, limit: number): Promise<ReplaySlice | null> {
    const { replay_id, env, lane, query, position, end } = replay;
    try {
      let slice: ReplaySlice = { items: [], through: position };
      for (let looks = 0; looks < LOOKS && slice.items.length === 0 && slice.through < end; looks++)
        slice = await this.#store.findReplayable(env, lane, query, slice.through, end, limit);
      return slice;
    } catch (error) {
      if (!(error instanceof PostriderError) || error.code !== 'not_found') throw error;
      await this.#store.endReplay(replay_id, 'failed', 'The endpoint was deleted.');
      return null;
    }
  }

  async #pause(replay_id: string, ms: number): Promise<void> {
    const pause = new AbortController();
    this.#pauses.set(replay_id, pause);
    const signal = AbortSignal.any([this.#stopped.signal, pause.signal]);
    try {
      await sleep(ms, undefined, { signal, ref: false });
    } catch (error) {
      if (!signal.aborted) throw error;
    } finally {
      this.#pauses.delete(replay_id);
    }
  }
}

/**
 * Keeps a rate in events per second of wall time. What was not used is not saved up beyond a moment, so that a lane
 * that was full is not flooded afterwards. It measures with the monotonic clock: the time of day may jump.
 */
class Pace {
  #credit = 1;
  #at = performance.now();

  allowed(rate: number | null): number {
    if (rate === null) return Number.MAX_SAFE_INTEGER;
    const now = performance.now();
    const most = Math.max(1, (rate * SAVED_MS) / 1000);
    this.#credit = Math.min(most, this.#credit + ((now - this.#at) * rate) / 1000);
    this.#at = now;
    return Math.floor(this.#credit);
  }

  took(count: number): void {
    this.#credit -= count;
  }

  /** Until one more is allowed, or a few. */
  wait(rate: number | null): number {
    return rate === null
      ? 0
      : Math.min(LOOK_AT_MOST_MS, Math.max(LOOK_MS, ((1 - this.#credit) / rate) * 1000));
  }
}
