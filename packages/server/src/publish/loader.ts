/**
 * Brings deliveries from the store into the lanes' windows: fresh ones when a parked lane has drained, retries when
 * their time has come on the environment's clock.
 */

import type { EnvironmentClocks } from '../base/clock.ts';
import { Backoff } from '../base/backoff.ts';
import type { Logger } from '../base/logger.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { DueDelivery } from '../domain/delivery.ts';
import type { LaneLoad } from '../store/ports.ts';
import type { Lane, WindowTotals } from './lane.ts';
import { isUnavailable } from './settler.ts';
import { WINDOW_BYTES, WINDOW_ENTRIES } from './settings.ts';

export interface LoadStore {
  loadFresh(lane: number, after: number, limit: number): Promise<LaneLoad>;
  loadRetries(lane: number, now: number, limit: number): Promise<LaneLoad>;
  nextRetryAt(lane: number, after: number): Promise<number | null>;
  parkLane(lane: number): void;
}

const RETRIES_PER_LOAD = 64;
/** How soon a parked lane looks for retries again when all it hears is that something waits. */
const PARKED_LOOK_MS = 1_000;

export interface LoaderParts {
  store: LoadStore;
  clocks: EnvironmentClocks;
  wheel: TimerWheel;
  log: Logger;
  totals: WindowTotals;
  /** The lane may have something to send now. */
  ready: (lane: Lane) => void;
}

export class Loader {
  readonly #store: LoadStore;
  readonly #clocks: EnvironmentClocks;
  readonly #wheel: TimerWheel;
  readonly #log: Logger;
  readonly #totals: WindowTotals;
  readonly #ready: (lane: Lane) => void;
  readonly #backoff = new Backoff(100, 5_000);
  readonly #looks = new Set<Lane>();
  #stopped = false;

  constructor(parts: LoaderParts) {
    this.#store = parts.store;
    this.#clocks = parts.clocks;
    this.#wheel = parts.wheel;
    this.#log = parts.log;
    this.#totals = parts.totals;
    this.#ready = parts.ready;
  }

  stop(): void {
    this.#stopped = true;
  }

  get hasRoom(): boolean {
    return this.#totals.entries < WINDOW_ENTRIES && this.#totals.bytes < WINDOW_BYTES;
  }

  /** New deliveries of a live lane, from a commit notice, in `seq` order. */
  offer(lane: Lane, deliveries: readonly DueDelivery[]): void {
    if (lane.loading) {
      for (const delivery of deliveries) lane.stash.push(delivery);
    } else if (lane.mode === 'live') {
      this.#admit(lane, deliveries);
    }
    // A parked lane reads them from the store in its turn.
  }

  #admit(lane: Lane, deliveries: readonly DueDelivery[]): void {
    for (const delivery of deliveries) {
      if (lane.offer(delivery, this.hasRoom)) continue;
      lane.mode = 'parked';
      this.#store.parkLane(lane.number);
      return;
    }
  }

  /** Something of this lane is only in the store: more of what it is parked on, or a retry. */
  waiting(lane: Lane): void {
    if (lane.mode === 'live' || lane.loading) this.wantRetries(lane);
    else this.#lookSoon(lane);
    this.refill(lane);
  }

  /** A parked lane hears this with every commit, so it looks for retries once a second at most. */
  #lookSoon(lane: Lane): void {
    if (this.#looks.has(lane)) return;
    this.#looks.add(lane);
    this.#wheel.after(PARKED_LOOK_MS, () => {
      if (this.#looks.delete(lane)) this.wantRetries(lane);
    });
  }

  wantRetries(lane: Lane): void {
    if (lane.hold !== null) return;
    if (lane.retryCheck === 'running') lane.moreRetries = true;
    else lane.retryCheck = 'wanted';
    this.refill(lane);
  }

  /** Loads what the lane has room for. */
  refill(lane: Lane): void {
    if (this.#stopped || lane.hold !== null || lane.resting) return;
    if (lane.wantsFresh && (this.hasRoom || lane.depth === 0)) void this.#loadFresh(lane);
    if (lane.moreRetries && lane.retryCheck === 'none' && lane.waitingRetries === 0)
      lane.retryCheck = 'wanted';
    if (lane.retryCheck === 'wanted') void this.#loadRetries(lane);
  }

  async #loadFresh(lane: Lane): Promise<void> {
    const { epoch } = lane;
    const released = lane.beginLoad();
    lane.loading = true;
    const load = await this.#tried(lane, () =>
      this.#store.loadFresh(lane.number, lane.cursor, lane.loadSize),
    );
    lane.loading = false;
    lane.endLoad(released);
    const stash = lane.stash;
    lane.stash = [];
    if (lane.epoch !== epoch || lane.deleted) {
      // The window was thrown away meanwhile; the load may have turned the lane live all the same.
      this.#store.parkLane(lane.number);
    } else if (load !== null) {
      lane.addLoaded(load.deliveries, released);
      if (load.end) {
        lane.mode = 'live';
        this.#admit(lane, stash);
        if (this.#looks.delete(lane)) this.wantRetries(lane);
      }
    }
    this.refill(lane);
    this.#ready(lane);
  }

  async #loadRetries(lane: Lane): Promise<void> {
    const { epoch } = lane;
    const released = lane.beginLoad();
    lane.retryCheck = 'running';
    lane.moreRetries = false;
    const now = this.#clocks.now(lane.env);
    // Those in hand are due in the store too, and come again.
    const limit = lane.heldCount + RETRIES_PER_LOAD;
    const load = await this.#tried(lane, () => this.#store.loadRetries(lane.number, now, limit));
    const next =
      load?.end === true ? await this.#tried(lane, () => this.#store.nextRetryAt(lane.number, now)) : null;
    lane.endLoad(released);
    if (lane.epoch !== epoch || lane.deleted) {
      // A lane that was on hold and is back has asked again.
      if (lane.retryCheck === 'running') lane.retryCheck = lane.hold === null ? 'wanted' : 'none';
    } else {
      lane.retryCheck = 'none';
      if (load !== null) {
        lane.addRetries(load.deliveries, released);
        if (!load.end) lane.moreRetries = true;
      }
      if (next !== null) this.retryAt(lane, next);
    }
    this.refill(lane);
    this.#ready(lane);
  }

  /** A retry of the lane is due at `at` (env time). */
  retryAt(lane: Lane, at: number): void {
    if (lane.hold !== null || this.#stopped || (lane.retryAt !== null && lane.retryAt <= at)) return;
    lane.retryAt = at;
    lane.alarm?.cancel();
    lane.alarm = this.#clocks.wakeAt(lane.env, at, () => {
      lane.alarm = null;
      lane.retryAt = null;
      this.wantRetries(lane);
    });
  }

  /** Null when the store could not answer; then the lane is looked at again after a pause. */
  async #tried<T>(lane: Lane, read: () => Promise<T>): Promise<T | null> {
    try {
      const answer = await read();
      this.#backoff.succeeded();
      return answer;
    } catch (error) {
      if (this.#stopped || lane.deleted) return null;
      const wait = this.#backoff.next();
      const fields = { event: 'lane.load_failed', lane: lane.number, wait_ms: wait, error };
      if (isUnavailable(error)) this.#log.warn(fields, 'store cannot be read');
      else this.#log.error(fields, 'lane cannot be loaded');
      lane.resting = true;
      this.#wheel.after(wait, () => {
        lane.resting = false;
        this.wantRetries(lane);
      });
      return null;
    }
  }
}
