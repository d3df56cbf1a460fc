/**
 * Brings deliveries from the store into the lanes' windows: fresh ones when a parked lane has drained, retries when
 * their time has come on the environment's clock, and urgent ones past what is not.
 */

import type { EnvironmentClocks } from '../base/clock.ts';
import { Backoff } from '../base/backoff.ts';
import type { Logger } from '../base/logger.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { DueDelivery } from '../domain/delivery.ts';
import { isUrgent } from '../domain/urgency.ts';
import type { LaneLoad } from '../store/ports.ts';
import type { Lane } from './lane.ts';
import { isUnavailable } from './settler.ts';
import type { WindowTotals } from './window.ts';

export interface LoadStore {
  loadFresh(lane: number, after: number, limit: number): Promise<LaneLoad>;
  loadInOrder(lane: number, after: number, limit: number): Promise<LaneLoad>;
  loadRetries(lane: number, now: number, limit: number): Promise<LaneLoad>;
  loadUrgent(lane: number, after: number, limit: number): Promise<LaneLoad>;
  loadHead(lane: number): Promise<DueDelivery | null>;
  nextRetryAt(lane: number, after: number): Promise<number | null>;
  parkLane(lane: number): void;
}

const RETRIES_PER_LOAD = 64;
const URGENT_PER_LOAD = 64;
/** How soon a parked lane looks for retries again when all it hears is that something waits. */
const PARKED_LOOK_MS = 1_000;

export interface LoaderParts {
  store: LoadStore;
  clocks: EnvironmentClocks;
  wheel: TimerWheel;
  log: Logger;
  totals: WindowTotals;
  /** What they may come to, beyond the smallest load each lane is always granted. */
  limits: WindowTotals;
  /** The lane may have something to send now. */
  ready: (lane: Lane) => void;
}

export class Loader {
  readonly #store: LoadStore;
  readonly #clocks: EnvironmentClocks;
  readonly #wheel: TimerWheel;
  readonly #log: Logger;
  readonly #totals: WindowTotals;
  readonly #limits: WindowTotals;
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
    this.#limits = parts.limits;
    this.#ready = parts.ready;
  }

  stop(): void {
    this.#stopped = true;
  }

  get hasRoom(): boolean {
    const { entries, bytes } = this.#limits;
    return this.#totals.entries < entries && this.#totals.bytes < bytes;
  }

  /** The lane has a backlog in the store, of every kind. */
  begin(lane: Lane): void {
    this.wantUrgent(lane);
    this.wantRetries(lane);
  }

  /** New deliveries of a live lane, from a commit notice, in `seq` order. */
  offer(lane: Lane, deliveries: readonly DueDelivery[]): void {
    if (lane.loading) {
      for (const delivery of deliveries) lane.stash.push(delivery);
    } else if (lane.isLive) {
      this.#admit(lane, deliveries);
    } else if (deliveries.some(({ event }) => isUrgent(event.event_type))) {
      this.wantUrgent(lane);
    }
    // A parked lane reads the others from the store in their turn.
  }

  #admit(lane: Lane, deliveries: readonly DueDelivery[]): void {
    for (const delivery of deliveries) {
      if (lane.offer(delivery, this.hasRoom)) continue;
      lane.enter('parked');
      this.#store.parkLane(lane.number);
      // With an empty window nothing else would ever read on: all windows together are full, not this one.
      this.refill(lane);
      return;
    }
  }

  /** What no longer waits for an earlier one of its message: due now, like a retry. */
  released(lane: Lane, deliveries: readonly DueDelivery[]): void {
    if (!this.hasRoom || lane.isStrict) {
      this.wantRetries(lane);
      return;
    }
    lane.window.addRetries(deliveries, new Set());
    this.#ready(lane);
  }

  /** Something of this lane is only in the store: more of what it is parked on, or what was put back. */
  waiting(lane: Lane): void {
    if (lane.hold !== null) return;
    if (lane.isParked && !lane.loading) this.#lookSoon(lane);
    else this.wantRetries(lane);
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

  /** Something urgent waits in the store beyond the window. */
  wantUrgent(lane: Lane): void {
    if (!lane.isParked || lane.isStrict) return;
    if (lane.urgentCheck === 'none') lane.urgentCheck = 'wanted';
    else if (lane.urgentCheck === 'running') lane.moreUrgent = true;
    this.refill(lane);
  }

  /** Loads what the lane has room for. */
  refill(lane: Lane): void {
    if (this.#stopped || lane.hold !== null || lane.resting) return;
    if (lane.wantsFresh && (this.hasRoom || lane.window.depth === 0)) void this.#loadFresh(lane);
    const { window } = lane;
    if (lane.moreRetries && lane.retryCheck === 'none' && window.retryCount === 0) lane.retryCheck = 'wanted';
    if (lane.retryCheck === 'wanted') void (lane.isStrict ? this.#checkHead(lane) : this.#loadRetries(lane));
    if (lane.moreUrgent && lane.urgentCheck === 'none' && window.urgentCount === 0)
      lane.urgentCheck = 'wanted';
    if (lane.urgentCheck === 'wanted') void this.#loadUrgent(lane);
  }

  async #loadFresh(lane: Lane): Promise<void> {
    const { epoch, window } = lane;
    const released = window.beginLoad();
    lane.loading = true;
    const load = await this.#tried(lane, () => this.#readFresh(lane));
    lane.loading = false;
    window.endLoad(released);
    const stash = lane.stash;
    lane.stash = [];
    if (lane.epoch !== epoch || lane.deleted) {
      // The window was thrown away meanwhile; the load may have turned the lane live all the same.
      this.#store.parkLane(lane.number);
    } else if (load !== null) {
      window.addLoaded(load.deliveries, released);
      if (load.end) this.#turnLive(lane, stash);
    }
    this.#watchHead(lane);
    this.refill(lane);
    this.#ready(lane);
  }

  #readFresh(lane: Lane): Promise<LaneLoad> {
    const { number, loadSize } = lane;
    const { cursor } = lane.window;
    if (lane.isStrict) return this.#store.loadInOrder(number, cursor, loadSize);
    return this.#store.loadFresh(number, cursor, loadSize);
  }

  #turnLive(lane: Lane, stash: readonly DueDelivery[]): void {
    lane.enter('live');
    lane.moreUrgent = false;
    this.#admit(lane, stash);
    if (this.#looks.delete(lane)) this.wantRetries(lane);
  }

  /** In a strict lane nothing goes before the first in line, and that may have to wait. */
  #watchHead(lane: Lane): void {
    const { head } = lane.window;
    if (lane.isStrict && head !== undefined && head.due_at > this.#clocks.now(lane.env)) {
      this.retryAt(lane, head.due_at);
    }
  }

  /** What was put back in a strict lane goes before what was read already: then everything is read again. */
  async #checkHead(lane: Lane): Promise<void> {
    const { epoch, window } = lane;
    lane.retryCheck = 'running';
    lane.moreRetries = false;
    const load = await this.#tried(lane, () => this.#store.loadHead(lane.number));
    if (lane.retryCheck === 'running') lane.retryCheck = 'none';
    const isCurrent = lane.epoch === epoch && !lane.deleted && lane.hold === null;
    if (isCurrent && load !== null && !window.isHeld(load.seq) && load.seq < window.front) {
      lane.dropWindow();
      this.#store.parkLane(lane.number);
    }
    this.refill(lane);
    this.#ready(lane);
  }

  async #loadRetries(lane: Lane): Promise<void> {
    const { epoch, window } = lane;
    const released = window.beginLoad();
    lane.retryCheck = 'running';
    lane.moreRetries = false;
    const now = this.#clocks.now(lane.env);
    // Those in hand are due in the store too, and come again.
    const limit = window.heldCount + RETRIES_PER_LOAD;
    const load = await this.#tried(lane, () => this.#store.loadRetries(lane.number, now, limit));
    const next =
      load?.end === true ? await this.#tried(lane, () => this.#store.nextRetryAt(lane.number, now)) : null;
    window.endLoad(released);
    if (lane.epoch !== epoch || lane.deleted) {
      // A lane that was on hold and is back has asked again.
      if (lane.retryCheck === 'running') lane.retryCheck = lane.hold === null ? 'wanted' : 'none';
    } else {
      lane.retryCheck = 'none';
      if (load !== null) {
        window.addRetries(load.deliveries, released);
        if (!load.end) lane.moreRetries = true;
      }
      if (next !== null) this.retryAt(lane, next);
    }
    this.refill(lane);
    this.#ready(lane);
  }

  async #loadUrgent(lane: Lane): Promise<void> {
    const { epoch, window } = lane;
    const released = window.beginLoad();
    lane.urgentCheck = 'running';
    lane.moreUrgent = false;
    // Those in hand are in the store too, and come again.
    const limit = window.heldCount + URGENT_PER_LOAD;
    const load = await this.#tried(lane, () => this.#store.loadUrgent(lane.number, window.cursor, limit));
    window.endLoad(released);
    if (lane.epoch !== epoch || lane.deleted) {
      if (lane.urgentCheck === 'running') lane.urgentCheck = lane.hold === null ? 'wanted' : 'none';
    } else {
      lane.urgentCheck = 'none';
      if (load !== null) {
        window.addUrgent(load.deliveries, released);
        if (!load.end) lane.moreUrgent = true;
      }
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
        this.begin(lane);
      });
      return null;
    }
  }
}
