/**
 * The queue of one endpoint as it stands in memory: its window on the store's queue, and how much of it may be
 * under way at once. Decides; the publisher acts.
 *
 * live: new deliveries come with the commit notices. parked: the window was full; more is read from the store
 * once it has drained. A lane on hold sends nothing (probes apart) and keeps nothing in memory.
 */

import type { Alarm } from '../base/clock.ts';
import type { DueDelivery } from '../domain/delivery.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { Settlement } from '../store/ports.ts';
import { Breaker } from './breaker.ts';
import type { Connections } from './connections.ts';
import type { LaneState } from './endpoint-view.ts';
import { Hand } from './hand.ts';
import { LANE_TRANSITIONS, type LaneHold, type LanePhase } from './lane-phase.ts';
import { Pacer } from './pacer.ts';
import type { Signer } from './signing.ts';
import { runOf, Window, type WindowTotals } from './window.ts';

/** What a lane that has not proven itself may have in flight, so that hundreds of hanging endpoints cost little. */
const UNPROVEN_SLOTS = 2;
/** Failures in a row after which a lane counts as failing. */
export const FAILURE_STREAK = 3;
/** What a lane that keeps failing may hold in memory. */
const FAILING_WINDOW = 64;
const SMALLEST_LOAD = 16;
/** Enough reading ahead per slot that a round trip to the store is not waited for. */
const LOAD_PER_SLOT = 8;
/** A failed batch is retried in smaller ones, so that what spoils it stands alone from the fourth attempt on. */
const ATTEMPTS_UNTIL_ALONE = 3;

/** How much of all windows' memory is there for bursts, and how many windows a lane may take of it. */
const SPARE_BYTES = 16 * 2 ** 20;
const BURST_WINDOWS = 16;

/** How a lane sends; null fields of the lane until the first request needs them. */
export interface LaneClient {
  signer: Signer;
  connections: Connections;
}

export class Lane {
  readonly number: number;
  readonly env: number;
  endpoint: Endpoint;
  deleted = false;
  client: LaneClient | null = null;
  /** Where it waits for its turn; null when it does not. */
  ring: object | null = null;
  inFlight = 0;
  lastUsed = 0;
  readonly window: Window;
  readonly breaker = new Breaker();
  /** The delivery of a probe that is under way, or not settled yet. */
  probing: number | null = null;
  /** Null when nothing slows the lane down. */
  pacer: Pacer | null = null;

  /** A load of fresh deliveries is under way; what notices bring meanwhile waits in `stash`. */
  loading = false;
  stash: DueDelivery[] = [];
  /** Moves when the window is thrown away: a load from before then is void. */
  epoch = 0;

  /** The store could not answer; it is asked again in a while. */
  resting = false;
  retryCheck: 'none' | 'wanted' | 'running' = 'none';
  urgentCheck: 'none' | 'wanted' | 'running' = 'none';
  /** More was due than the last look at the retries took. */
  moreRetries = false;
  /** More was urgent than the last look took. */
  moreUrgent = false;
  /** Env time of the earliest known retry in the store. */
  retryAt: number | null = null;
  alarm: Alarm | null = null;

  readonly #totals: WindowTotals;
  readonly #windowSize: number;
  #phase: LanePhase;
  #slots = UNPROVEN_SLOTS;
  #proven = false;
  /** Of a strict lane: the request under way, or failed and not yet on disk. */
  #inHand: Hand | null = null;

  constructor(endpoint: Endpoint, windowSize: number, totals: WindowTotals) {
    this.number = endpoint.lane;
    this.env = endpoint.env;
    this.endpoint = endpoint;
    this.#windowSize = windowSize;
    this.#totals = totals;
    this.window = new Window(totals);
    this.pacer = Pacer.of(endpoint);
    this.#phase = endpoint.status === 'disabled' ? 'disabled' : 'parked';
  }

  /** Throws on a step that the table does not have: a defect. */
  enter(phase: LanePhase): void {
    if (phase === this.#phase) return;
    if (!LANE_TRANSITIONS[this.#phase].includes(phase)) {
      throw new Error(`Lane ${this.number} cannot go from ${this.#phase} to ${phase}.`);
    }
    this.#phase = phase;
  }

  get isLive(): boolean {
    return this.#phase === 'live';
  }

  get isParked(): boolean {
    return this.#phase === 'parked';
  }

  /** Why it sends nothing; null when it does. */
  get hold(): LaneHold | null {
    return this.#phase === 'live' || this.#phase === 'parked' ? null : this.#phase;
  }

  get isStrict(): boolean {
    return this.endpoint.ordering === 'strict';
  }

  get isFailing(): boolean {
    return this.breaker.streak >= FAILURE_STREAK;
  }

  /** Its last request was answered with a 2xx, and in time. */
  get isProven(): boolean {
    return this.#proven;
  }

  get capacity(): number {
    return this.isStrict ? 1 : Math.min(this.#slots, this.endpoint.max_in_flight);
  }

  canSend(clocks: { now(env: number): number }): boolean {
    if (this.hold !== null || this.inFlight >= this.capacity || this.window.depth === 0) return false;
    if (!this.isStrict) return true;
    return this.#inHand === null && this.probing === null && !this.#waitsForHead(clocks.now(this.env));
  }

  /** How many fresh deliveries the next load should bring. */
  get loadSize(): number {
    const perRequest = this.endpoint.batch?.max_events ?? 1;
    const wanted = Math.max(this.capacity * perRequest * LOAD_PER_SLOT, SMALLEST_LOAD);
    return Math.min(wanted, Math.max(this.#windowSize, perRequest));
  }

  /** Whether a parked lane has drained so far that it should read on. */
  get wantsFresh(): boolean {
    const perRequest = this.endpoint.batch?.max_events ?? 1;
    const low = Math.max(this.loadSize / 4, perRequest - 1);
    if (!this.isParked || this.loading || this.window.freshCount > low) return false;
    // What is in hand in a strict lane may go back to the front: nothing is read past it.
    return !this.isStrict || this.#inHand === null;
  }

  /** A lane that gets on may hold a burst while memory is plenty: reading it back costs a tenth of a delivery. */
  get #limit(): number {
    if (this.isFailing) return Math.min(FAILING_WINDOW, this.#windowSize);
    const spare = this.#totals.bytes < SPARE_BYTES && this.#slots > UNPROVEN_SLOTS;
    return spare ? this.#windowSize * BURST_WINDOWS : this.#windowSize;
  }

  /** Takes a new delivery into the window; false when there is no room for it. In `seq` order. */
  offer(delivery: DueDelivery, room: boolean): boolean {
    if (delivery.seq <= this.window.cursor) return true;
    if (!room || this.window.freshCount >= this.#limit) return false;
    this.window.offer(delivery, this.endpoint.ordering !== 'strict');
    return true;
  }

  /** The deliveries of the next request: one, or a batch of those that have as many attempts behind them. */
  take(): DueDelivery[] {
    const first = this.window.next();
    if (first === null) return [];
    const taken = [first];
    const { batch } = this.endpoint;
    const most = batch === null ? 1 : batchSize(batch.max_events, runOf(first));
    while (taken.length < most) {
      const more = this.window.nextLike(first);
      if (more === null) break;
      taken.push(more);
    }
    if (this.isStrict) this.#inHand = new Hand(this.epoch, taken);
    return taken;
  }

  /**
   * A result is on disk. In a strict lane what failed goes back to the front, once all of its request are settled;
   * what was delivered has let the next one go already.
   */
  settled(settlement: Settlement): void {
    this.window.release(settlement.seq);
    if (this.probing === settlement.seq) this.probing = null;
    const hand = this.#inHand;
    if (hand === null || !hand.settled(settlement)) return;
    this.#inHand = null;
    if (hand.epoch === this.epoch) this.window.putBack(hand.returning);
  }

  /** A request got its 2xx. Slots grow only while they are what holds the lane back. */
  succeeded(): void {
    this.#proven = true;
    this.#inHand = null;
    if (this.inFlight >= this.#slots && this.window.depth > 0) {
      this.#slots = Math.min(this.#slots + 1, this.endpoint.max_in_flight);
    }
  }

  /** `unanswered`: no response head came, so that the slot was held for nothing. */
  failed(unanswered: boolean): void {
    if (this.isFailing) this.#slots = UNPROVEN_SLOTS;
    else if (unanswered) this.#slots = Math.max(UNPROVEN_SLOTS, this.#slots >> 1);
    if (unanswered || this.isFailing) this.#proven = false;
  }

  /** An attempt takes long. */
  slowed(): void {
    this.#proven = false;
  }

  /** Begins small again: what comes back after a failure is not to be run over. */
  rampUp(): void {
    this.#slots = UNPROVEN_SLOTS;
  }

  /** Forgets what waits in the window: it is in the store, and is read again from there. */
  dropWindow(): void {
    this.epoch++;
    if (this.isLive) this.enter('parked');
    this.stash = [];
    this.window.drop(this.isStrict);
    this.retryCheck = 'none';
    this.urgentCheck = 'none';
    this.moreRetries = false;
    this.moreUrgent = false;
    this.retryAt = null;
    this.alarm?.cancel();
    this.alarm = null;
  }

  /** For its statistics. */
  get state(): LaneState {
    const { breaker, inFlight } = this;
    return {
      in_flight: inFlight,
      breaker: breaker.isOpen ? (inFlight > 0 ? 'half_open' : 'open') : 'closed',
      failing_since: this.isFailing || breaker.isOpen ? breaker.failingSince : null,
      next_probe_at: breaker.probeAt,
      secret_mismatch: breaker.looksLikeSecretMismatch,
    };
  }

  /** Env time of its next retry or probe; null when none waits. */
  get nextDueAt(): number | null {
    return this.hold === 'failing' ? this.breaker.probeAt : this.retryAt;
  }

  /** Nothing under way, nothing due at `now` (env time) that is known of. A lane on hold waits for its probe alone. */
  isIdle(now: number): boolean {
    if (this.inFlight > 0 || this.window.heldCount > 0) return false;
    if (this.hold !== null) return this.hold !== 'failing' || this.breaker.isResting(now);
    if (this.loading || this.isParked) return this.isStrict && this.#waitsForHead(now);
    if (this.retryCheck !== 'none' || this.urgentCheck !== 'none') return false;
    if (this.window.depth > 0) return this.isStrict && this.#waitsForHead(now);
    return this.retryAt === null || this.retryAt > now;
  }

  #waitsForHead(now: number): boolean {
    const { head } = this.window;
    return head !== undefined && head.due_at > now;
  }
}

function batchSize(most: number, run: number): number {
  if (run >= ATTEMPTS_UNTIL_ALONE) return 1;
  return Math.ceil(most ** (1 - run / ATTEMPTS_UNTIL_ALONE));
}
