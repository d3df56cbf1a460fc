/**
 * Shares the budget of attempts among the lanes: one turn each, round and round, among those that have something
 * to send and a free slot. An attempt that is slow stops counting against the budget, so that no number of
 * hanging endpoints takes the others' turns; their own slots and a bound on sockets hold them.
 */

import type { EnvironmentClocks } from '../base/clock.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { DueDelivery } from '../domain/delivery.ts';
import { Attempt, type AttemptLimits, type AttemptOwner } from './attempt.ts';
import { Fifo } from './fifo.ts';
import type { Lane, LaneClient } from './lane.ts';

/** What an attempt is for. */
export interface Job {
  lane: Lane;
  delivery: DueDelivery;
  /** Env time at its start. */
  at: number;
}

export interface DispatcherParts {
  clocks: EnvironmentClocks;
  wheel: TimerWheel;
  limits: AttemptLimits;
  budget: number;
  maxSlow: number;
  /** False while too many results wait for the disk. */
  mayStart: () => boolean;
  /** Null when the lane cannot send; it has been put on hold then. */
  client: (lane: Lane) => LaneClient | null;
  /** Called once per attempt, after the lane's slot is free again. */
  finished: (attempt: Attempt<Job>) => void;
  /** The lane's window has become smaller. */
  taken: (lane: Lane) => void;
}

export class Dispatcher implements AttemptOwner<Job> {
  readonly #parts: DispatcherParts;
  readonly #ring = new Fifo<Lane>();
  readonly #attempts = new Set<Attempt<Job>>();
  #active = 0;
  #slow = 0;
  #pumping = false;
  #stopped = false;

  constructor(parts: DispatcherParts) {
    this.#parts = parts;
  }

  get inFlight(): number {
    return this.#active + this.#slow;
  }

  get slowCount(): number {
    return this.#slow;
  }

  /** The lane may have something to send. */
  ready(lane: Lane): void {
    if (!lane.queued && lane.canSend()) {
      lane.queued = true;
      this.#ring.push(lane);
    }
    this.pump();
  }

  /** Starts as many attempts as there is room for. */
  pump(): void {
    if (this.#pumping || this.#stopped) return;
    this.#pumping = true;
    while (this.#mayStart()) {
      const lane = this.#ring.shift();
      if (lane === undefined) break;
      lane.queued = false;
      if (lane.canSend()) this.#startOne(lane);
    }
    this.#pumping = false;
  }

  #mayStart(): boolean {
    const { budget, maxSlow } = this.#parts;
    return this.#active < budget && this.#slow < maxSlow && this.#parts.mayStart();
  }

  #startOne(lane: Lane): void {
    const client = this.#parts.client(lane);
    const delivery = client === null ? null : lane.next();
    if (client === null || delivery === null) return;
    lane.inFlight++;
    this.#active++;
    this.#start(lane, client, delivery);
    this.#parts.taken(lane);
    if (lane.canSend() && !lane.queued) {
      lane.queued = true;
      this.#ring.push(lane);
    }
  }

  #start(lane: Lane, client: LaneClient, delivery: DueDelivery): void {
    const { clocks, wheel, limits } = this.#parts;
    const { event, seq, attempts } = delivery;
    const wallNow = clocks.wallNow();
    const signed = client.signer.sign(event.event_id, event.envelope, seq, attempts + 1, wallNow);
    const request = {
      path: client.path,
      headers: signed.headers,
      body: signed.body,
      timeout_ms: lane.endpoint.timeout_ms,
    };
    const job = { lane, delivery, at: clocks.now(lane.env) };
    const attempt = new Attempt(job, request, client.connections, wheel, limits, this);
    this.#attempts.add(attempt);
    attempt.start();
  }

  slow(): void {
    this.#active--;
    this.#slow++;
    this.pump();
  }

  finished(attempt: Attempt<Job>): void {
    const { lane } = attempt.job;
    this.#attempts.delete(attempt);
    if (attempt.isSlow) this.#slow--;
    else this.#active--;
    this.#parts.finished(attempt);
    lane.inFlight--;
    this.ready(lane);
  }

  /** No further attempt starts. */
  stop(): void {
    this.#stopped = true;
  }

  /** Ends attempts without an outcome: all, or those of one lane. */
  cancel(lane: Lane | null): void {
    for (const attempt of this.#attempts) {
      if (lane === null || attempt.job.lane === lane) attempt.cancel();
    }
  }
}
