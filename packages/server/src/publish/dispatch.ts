/**
 * Shares the budget of attempts among the lanes: one turn each, round and round, among those that have something
 * to send and a free slot. An attempt that is slow stops counting against the budget, so that hanging endpoints do
 * not take the others' turns; their own slots hold them. Lanes that have not proven themselves have a ring of their
 * own with half of the budget, and are the first to wait when slow attempts pile up. So have the many lanes that one
 * event goes to, with a quarter: the others do not wait for all of them.
 */

import type { EnvironmentClocks } from '../base/clock.ts';
import { newId } from '../base/ids.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { DueDelivery } from '../domain/delivery.ts';
import { Attempt, type AttemptLimits, type AttemptOwner } from './attempt.ts';
import type { Job } from './job.ts';
import type { Lane, LaneClient } from './lane.ts';
import type { Pacer } from './pacer.ts';
import { Ring } from './ring.ts';
import type { SignedRequest, ToSign } from './signing.ts';

export interface DispatcherParts {
  clocks: EnvironmentClocks;
  wheel: TimerWheel;
  limits: AttemptLimits;
  budget: number;
  /** Slow attempts beyond which unproven lanes start none; proven ones may go on to twice as many. */
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
  readonly #proven: Ring<Lane>;
  readonly #unproven: Ring<Lane>;
  readonly #crowd: Ring<Lane>;
  readonly #rings: readonly Ring<Lane>[];
  #turn = 0;
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
    const { budget, maxSlow } = parts;
    this.#proven = new Ring(budget, maxSlow * 2);
    this.#unproven = new Ring(Math.ceil(budget / 2), maxSlow);
    this.#crowd = new Ring(Math.ceil(budget / 4), maxSlow * 2, true);
    this.#rings = [this.#proven, this.#unproven, this.#crowd];
  }

  get inFlight(): number {
    return this.#active + this.#slow;
  }

  get slowCount(): number {
    return this.#slow;
  }

  /** The lane may have something to send. */
  ready(lane: Lane): void {
    this.#enqueue(lane);
    this.pump();
  }

  /** The same for many lanes that one event goes to. */
  readyAmongMany(lane: Lane): void {
    this.#enqueue(lane, this.#crowd);
    this.pump();
  }

  #enqueue(lane: Lane, ring = lane.isProven ? this.#proven : this.#unproven): void {
    // What comes to a lane of a crowd by itself lets it go on.
    if (lane.ring !== null && (lane.ring !== this.#crowd || ring === this.#crowd)) return;
    if (!lane.canSend(this.#parts.clocks)) return;
    if (lane.pacer !== null && this.#mustWait(lane, lane.pacer)) return;
    ring.add(lane);
  }

  #mustWait(lane: Lane, pacer: Pacer): boolean {
    const isBehind = lane.isParked && !lane.loading;
    const wait = pacer.wait(lane.window, isBehind, performance.now());
    if (wait <= 0) return false;
    if (!pacer.waiting) {
      pacer.waiting = true;
      setTimeout(() => {
        pacer.waiting = false;
        this.ready(lane);
      }, wait).unref();
    }
    return true;
  }

  /** Starts as many attempts as there is room for. */
  pump(): void {
    if (this.#pumping || this.#stopped) return;
    this.#pumping = true;
    try {
      while (this.#active < this.#parts.budget && this.#parts.mayStart()) {
        if (!this.#giveTurn()) break;
      }
    } finally {
      this.#pumping = false;
    }
  }

  /** One lane of the next ring that has any. */
  #giveTurn(): boolean {
    for (let tries = 0; tries < this.#rings.length; tries++) {
      this.#turn = (this.#turn + 1) % this.#rings.length;
      const ring = this.#rings[this.#turn] as Ring<Lane>;
      const lane = ring.take(this.#slow);
      if (lane === undefined) continue;
      if (lane.canSend(this.#parts.clocks)) this.#startOne(lane, ring);
      return true;
    }
    return false;
  }

  #startOne(lane: Lane, ring: Ring<Lane>): void {
    const client = this.#parts.client(lane);
    const deliveries = client === null ? [] : lane.take();
    if (client === null || deliveries.length === 0) return;
    lane.pacer?.sent(performance.now());
    this.#start(this.#job(lane, client, deliveries, ring, false));
    this.#parts.taken(lane);
    this.#enqueue(lane);
  }

  /** Sends one delivery past the rings and the budget: a lane that is on hold is tried. */
  probe(lane: Lane, delivery: DueDelivery): void {
    const client = this.#stopped ? null : this.#parts.client(lane);
    if (client === null) return;
    lane.window.hold(delivery.seq);
    lane.probing = delivery.seq;
    this.#start(this.#job(lane, client, [delivery], this.#unproven, true));
  }

  #job(lane: Lane, client: LaneClient, deliveries: DueDelivery[], ring: Ring<Lane>, isProbe: boolean): Job {
    const at = this.#parts.clocks.now(lane.env);
    return { lane, client, deliveries, at, ring, isProbe, place: 0 };
  }

  #start(job: Job): void {
    const { wheel, limits, clocks } = this.#parts;
    const { lane, client } = job;
    lane.lastUsed = clocks.wallNow();
    const signed = this.#sign(job, lane.lastUsed);
    if (signed === null) return;
    const request = {
      headers: signed.headers,
      body: signed.body,
      timeout_ms: lane.endpoint.timeout_ms,
    };
    const attempt = new Attempt(job, request, client.connections, wheel, limits, this);
    job.place = this.#attempts.length;
    lane.inFlight++;
    this.#active++;
    job.ring.active++;
    this.#attempts.push(attempt);
    attempt.start();
  }

  /** Null when none of the job's events can be put in the endpoint's dialect. */
  #sign(job: Job, wallNow: number): SignedRequest | null {
    const { client, lane, deliveries } = job;
    try {
      if (lane.endpoint.batch === null || job.isProbe) {
        return client.signer.sign(toSign(deliveries[0] as DueDelivery), wallNow);
      }
      return client.signer.signBatch(newId('bat'), deliveries.map(toSign), wallNow);
    } catch (error) {
      return this.#signOthers(job, wallNow, error);
    }
  }

  /** Leaves out what cannot be sent, and takes the rest along. */
  #signOthers(job: Job, wallNow: number, error: unknown): SignedRequest | null {
    const { client, lane, deliveries } = job;
    job.deliveries = deliveries.filter((delivery) => {
      if (deliveries.length > 1 && canSign(client, delivery, wallNow)) return true;
      this.#parts.unsendable(lane, delivery, error);
      return false;
    });
    if (job.deliveries.length === 0 || job.deliveries.length === deliveries.length) return null;
    return client.signer.signBatch(newId('bat'), job.deliveries.map(toSign), wallNow);
  }

  slow(attempt: Attempt<Job>): void {
    this.#active--;
    this.#slow++;
    attempt.job.ring.active--;
    attempt.job.lane.slowed();
    this.pump();
  }

  finished(attempt: Attempt<Job>): void {
    const { lane, ring } = attempt.job;
    this.#remove(attempt);
    if (attempt.isSlow) {
      this.#slow--;
    } else {
      this.#active--;
      ring.active--;
    }
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

function toSign({ event, seq, attempts, replay_id }: DueDelivery): ToSign {
  const { event_id, envelope } = event;
  return { event_id, envelope, seq, attempt: attempts + 1, replay_id, test: false };
}

function canSign(client: LaneClient, delivery: DueDelivery, wallNow: number): boolean {
  try {
    client.signer.sign(toSign(delivery), wallNow);
    return true;
  } catch {
    // Said by the caller, for the delivery it is about.
    return false;
  }
}
