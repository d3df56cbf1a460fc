/**
 * Shares the budget of attempts among the lanes: one turn each, round and round, among those that have something
 * to send and a free slot. An attempt that is slow stops counting against the budget, so that hanging endpoints do
 * not take the others' turns; their own slots hold them. The bound on all slow attempts together (sockets) holds
 * everybody: with the defaults about a thousand endpoints have to hang at once for that.
 */

import type { EnvironmentClocks } from '../base/clock.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { DueDelivery } from '../domain/delivery.ts';
import { Attempt, type AttemptLimits, type AttemptOwner } from './attempt.ts';
import { Fifo } from './fifo.ts';
import type { Lane, LaneClient } from './lane.ts';
import type { SignedRequest } from './signing.ts';

/** What an attempt is for. */
export interface Job {
  lane: Lane;
  delivery: DueDelivery;
  /** What it is sent with: the endpoint as it was at its start. */
  client: LaneClient;
  /** Env time at its start. */
  at: number;
  /** Its place among the attempts under way. */
  place: number;
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
  /** Called once per attempt, while the lane still counts it as under way. */
  finished: (attempt: Attempt<Job>) => void;
  /** The delivery cannot be made into a request; no attempt was started. */
  unsendable: (lane: Lane, delivery: DueDelivery, error: unknown) => void;
  /** The lane's window has become smaller. */
  taken: (lane: Lane) => void;
}

export class Dispatcher implements AttemptOwner<Job> {
  readonly #parts: DispatcherParts;
  readonly #ring = new Fifo<Lane>();
  /**
   * Under way, in no order; each knows its place. An array, because a Set that turns over this fast keeps what it
   * held alive past young collections (its old tables point at the new ones): measured, a third of all CPU time.
   */
  readonly #attempts: Attempt<Job>[] = [];
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
    try {
      while (this.#mayStart()) {
        const lane = this.#ring.shift();
        if (lane === undefined) break;
        lane.queued = false;
        if (lane.canSend()) this.#startOne(lane);
      }
    } finally {
      this.#pumping = false;
    }
  }

  #mayStart(): boolean {
    const { budget, maxSlow } = this.#parts;
    return this.#active < budget && this.#slow < maxSlow && this.#parts.mayStart();
  }

  #startOne(lane: Lane): void {
    const client = this.#parts.client(lane);
    const delivery = client === null ? null : lane.next();
    if (client === null || delivery === null) return;
    const wallNow = this.#parts.clocks.wallNow();
    lane.lastUsed = wallNow;
    const at = this.#parts.clocks.now(lane.env);
    const job = { lane, delivery, client, at, place: this.#attempts.length };
    const signed = this.#sign(job, wallNow);
    if (signed !== null) this.#start(job, signed);
    this.#parts.taken(lane);
    if (lane.canSend() && !lane.queued) {
      lane.queued = true;
      this.#ring.push(lane);
    }
  }

  /** Null when the event cannot be put in the endpoint's dialect. */
  #sign({ lane, delivery, client }: Job, wallNow: number): SignedRequest | null {
    const { event_id, envelope } = delivery.event;
    const item = { event_id, envelope, seq: delivery.seq, attempt: delivery.attempts + 1, test: false };
    try {
      return client.signer.sign(item, wallNow);
    } catch (error) {
      this.#parts.unsendable(lane, delivery, error);
      return null;
    }
  }

  #start(job: Job, signed: SignedRequest): void {
    const { wheel, limits } = this.#parts;
    const { lane, client } = job;
    const request = {
      path: client.path,
      headers: signed.headers,
      body: signed.body,
      timeout_ms: lane.endpoint.timeout_ms,
    };
    const attempt = new Attempt(job, request, client.connections, wheel, limits, this);
    lane.inFlight++;
    this.#active++;
    this.#attempts.push(attempt);
    attempt.start();
  }

  slow(): void {
    this.#active--;
    this.#slow++;
    this.pump();
  }

  finished(attempt: Attempt<Job>): void {
    const { lane } = attempt.job;
    this.#remove(attempt);
    if (attempt.isSlow) this.#slow--;
    else this.#active--;
    this.#parts.finished(attempt);
    lane.inFlight--;
    this.ready(lane);
  }

  #remove(attempt: Attempt<Job>): void {
    const last = this.#attempts.pop() as Attempt<Job>;
    if (last === attempt) return;
    const { place } = attempt.job;
    this.#attempts[place] = last;
    last.job.place = place;
  }

  /** No further attempt starts. */
  stop(): void {
    this.#stopped = true;
  }

  /** Ends attempts without an outcome: all, or those of one lane. */
  cancel(lane: Lane | null): void {
    const chosen = this.#attempts.filter(({ job }) => lane === null || job.lane === lane);
    for (const attempt of chosen) attempt.cancel();
  }
}
