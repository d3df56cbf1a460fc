/**
 * The queue of one endpoint as it stands in memory: a window on the store's queue, and how much of it may be
 * under way at once. Decides; the publisher acts.
 *
 * live: new deliveries come with the commit notices. parked: the window was full; more is read from the store
 * once it has drained. A lane on hold sends nothing and keeps nothing in memory.
 */

import type { Alarm } from '../base/clock.ts';
import type { DueDelivery } from '../domain/delivery.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { Connections } from './connections.ts';
import { Fifo } from './fifo.ts';
import type { Signer } from './signing.ts';

/** disabled: by its owner. gone: it answered 410. broken: its secret cannot be opened. */
export type LaneHold = 'disabled' | 'gone' | 'broken';

/** What a lane that has not proven itself may have in flight, so that hundreds of hanging endpoints cost little. */
const UNPROVEN_SLOTS = 2;
const FAILURE_STREAK = 3;
/** What a lane that keeps failing may hold in memory. */
const FAILING_WINDOW = 64;
const SMALLEST_LOAD = 16;
/** Enough reading ahead per slot that a round trip to the store is not waited for. */
const LOAD_PER_SLOT = 8;

/** How much of all windows' memory is there for bursts, and how many windows a lane may take of it. */
const SPARE_BYTES = 16 * 2 ** 20;
const BURST_WINDOWS = 16;

/** What all lanes together hold in their windows. */
export interface WindowTotals {
  entries: number;
  bytes: number;
}

/** How a lane sends; null fields of the lane until the first request needs them. */
export interface LaneClient {
  path: string;
  signer: Signer;
  connections: Connections;
}

export class Lane {
  readonly number: number;
  readonly env: number;
  endpoint: Endpoint;
  hold: LaneHold | null = null;
  deleted = false;
  mode: 'live' | 'parked' = 'parked';
  client: LaneClient | null = null;
  /** In the scheduler's ring. */
  queued = false;
  inFlight = 0;
  lastUsed = 0;

  /** A load of fresh deliveries is under way; what notices bring meanwhile waits in `stash`. */
  loading = false;
  stash: DueDelivery[] = [];
  /** Moves when the window is thrown away: a load from before then is void. */
  epoch = 0;
  readonly #loads = new Set<Set<number>>();

  /** The store could not answer; it is asked again in a while. */
  resting = false;
  retryCheck: 'none' | 'wanted' | 'running' = 'none';
  /** More was due than the last look at the retries took. */
  moreRetries = false;
  /** Env time of the earliest known retry in the store. */
  retryAt: number | null = null;
  alarm: Alarm | null = null;

  readonly #fresh = new Fifo<DueDelivery>();
  readonly #retries = new Fifo<DueDelivery>();
  /** Deliveries being attempted or waiting to be settled, and loaded retries: not to be loaded again. */
  readonly #held = new Set<number>();
  readonly #totals: WindowTotals;
  readonly #window: number;
  /** Highest `seq` that has been in the window. */
  #cursor = 0;
  #slots = UNPROVEN_SLOTS;
  #failures = 0;
  #retryTurn = true;

  constructor(endpoint: Endpoint, window: number, totals: WindowTotals) {
    this.number = endpoint.lane;
    this.env = endpoint.env;
    this.endpoint = endpoint;
    this.#window = window;
    this.#totals = totals;
    if (endpoint.status === 'disabled') this.hold = 'disabled';
  }

  get cursor(): number {
    return this.#cursor;
  }

  /** Deliveries in the window. */
  get depth(): number {
    return this.#fresh.length + this.#retries.length;
  }

  get waitingRetries(): number {
    return this.#retries.length;
  }

  /** Deliveries that a load could bring again although they are in hand. */
  get heldCount(): number {
    return this.#held.size;
  }

  get isFailing(): boolean {
    return this.#failures >= FAILURE_STREAK;
  }

  get capacity(): number {
    return Math.min(this.#slots, this.endpoint.max_in_flight);
  }

  canSend(): boolean {
    return this.hold === null && this.inFlight < this.capacity && this.depth > 0;
  }

  /** How many fresh deliveries the next load should bring. */
  get loadSize(): number {
    return Math.min(Math.max(this.capacity * LOAD_PER_SLOT, SMALLEST_LOAD), this.#window);
  }

  /** Whether a parked lane has drained so far that it should read on. */
  get wantsFresh(): boolean {
    const low = this.loadSize / 4;
    return this.hold === null && this.mode === 'parked' && !this.loading && this.#fresh.length <= low;
  }

  /** A lane that gets on may hold a burst while memory is plenty: reading it back costs a tenth of a delivery. */
  get #limit(): number {
    if (this.isFailing) return Math.min(FAILING_WINDOW, this.#window);
    const spare = this.#totals.bytes < SPARE_BYTES && this.#slots > UNPROVEN_SLOTS;
    return spare ? this.#window * BURST_WINDOWS : this.#window;
  }

  /** Takes a new delivery into the window; false when there is no room for it. In `seq` order. */
  offer(delivery: DueDelivery, room: boolean): boolean {
    if (delivery.seq <= this.#cursor) return true;
    if (!room || this.#fresh.length >= this.#limit) return false;
    this.#cursor = delivery.seq;
    this.#pushFresh(delivery);
    return true;
  }

  /**
   * To be called before the store is asked for deliveries. The set collects what is released meanwhile: what the
   * load brings of that may be from before it was settled.
   */
  beginLoad(): Set<number> {
    const released = new Set<number>();
    this.#loads.add(released);
    return released;
  }

  endLoad(released: Set<number>): void {
    this.#loads.delete(released);
  }

  /** Takes what a load brought, which the store counts as handed over whatever its number. */
  addLoaded(deliveries: readonly DueDelivery[], released: ReadonlySet<number>): void {
    for (const delivery of deliveries) {
      if (delivery.seq <= this.#cursor) continue;
      this.#cursor = delivery.seq;
      if (!this.#held.has(delivery.seq) && !released.has(delivery.seq)) this.#pushFresh(delivery);
    }
  }

  addRetries(deliveries: readonly DueDelivery[], released: ReadonlySet<number>): void {
    for (const delivery of deliveries) {
      if (this.#held.has(delivery.seq) || released.has(delivery.seq)) continue;
      this.#held.add(delivery.seq);
      this.#retries.push(delivery);
      this.#count(delivery, 1);
    }
  }

  #pushFresh(delivery: DueDelivery): void {
    this.#fresh.push(delivery);
    this.#count(delivery, 1);
  }

  /** The next delivery to attempt. Retries and fresh ones take turns, so that neither waits for all of the other. */
  next(): DueDelivery | null {
    this.#retryTurn = !this.#retryTurn;
    const first = this.#retryTurn ? this.#retries : this.#fresh;
    const delivery = first.shift() ?? (this.#retryTurn ? this.#fresh : this.#retries).shift();
    if (delivery === undefined) return null;
    this.#held.add(delivery.seq);
    this.#count(delivery, -1);
    return delivery;
  }

  /** The delivery's outcome is on disk, or it was given up without one. */
  release(seq: number): void {
    this.#held.delete(seq);
    for (const released of this.#loads) released.add(seq);
  }

  /** A request got its 2xx. Slots grow only while they are what holds the lane back. */
  succeeded(): void {
    this.#failures = 0;
    if (this.inFlight >= this.#slots && this.depth > 0) {
      this.#slots = Math.min(this.#slots + 1, this.endpoint.max_in_flight);
    }
  }

  /** `unanswered`: no response head came, so that the slot was held for nothing. */
  failed(unanswered: boolean): void {
    this.#failures++;
    if (this.isFailing) this.#slots = UNPROVEN_SLOTS;
    else if (unanswered) this.#slots = Math.max(UNPROVEN_SLOTS, this.#slots >> 1);
  }

  /** Forgets what waits in the window: it is in the store, and is read again from there. */
  dropWindow(): void {
    this.epoch++;
    this.mode = 'parked';
    this.stash = [];
    const first = this.#fresh.peek();
    if (first !== undefined) this.#cursor = first.seq - 1;
    for (let dropped = this.#fresh.shift(); dropped !== undefined; dropped = this.#fresh.shift()) {
      this.#count(dropped, -1);
    }
    for (let dropped = this.#retries.shift(); dropped !== undefined; dropped = this.#retries.shift()) {
      this.#held.delete(dropped.seq);
      this.#count(dropped, -1);
    }
    this.retryCheck = 'none';
    this.moreRetries = false;
    this.retryAt = null;
    this.alarm?.cancel();
    this.alarm = null;
  }

  /** Nothing under way, nothing due at `now` (env time) that is known of. A lane on hold waits for nothing. */
  isIdle(now: number): boolean {
    if (this.inFlight > 0 || this.#held.size > 0) return false;
    if (this.hold !== null) return true;
    if (this.depth > 0 || this.loading || this.mode === 'parked' || this.retryCheck !== 'none') return false;
    return this.retryAt === null || this.retryAt > now;
  }

  #count(delivery: DueDelivery, sign: 1 | -1): void {
    this.#totals.entries += sign;
    this.#totals.bytes += sign * delivery.event.envelope.length;
  }
}
