/**
 * Pushes events to endpoints: one lane per endpoint, signed requests, retries, breakers, dead letters. Everything it
 * knows it can read again from the store; what it holds in memory is a window, and what it has not settled is
 * attempted again after a restart (at least once).
 */

import type { Random } from '../base/backoff.ts';
import type { EnvironmentClocks } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { TimerWheel } from '../base/timer-wheel.ts';
import type { DueDelivery } from '../domain/delivery.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { CommitNotice, Settlement } from '../store/ports.ts';
import type { Attempt } from './attempt.ts';
import { Care, type CareStore } from './care.ts';
import { Connections } from './connections.ts';
import { Disabler } from './disabler.ts';
import { Dispatcher } from './dispatch.ts';
import { differsInPace, differsInReach } from './endpoint-change.ts';
import type { Guard } from './guard.ts';
import { IdleWaiters } from './idle.ts';
import type { Job } from './job.ts';
import { Lane, type LaneClient } from './lane.ts';
import type { LaneHold } from './lane-phase.ts';
import type { LaneState } from './endpoint-view.ts';
import { Lanes } from './lanes.ts';
import { Loader, type LoadStore } from './loader.ts';
import { NO_METRICS, type PublishGauges, type PublishMetrics } from './metrics.ts';
import { crowded, dueDeliveries, releasedDeliveries } from './notices.ts';
import { Observer } from './observer.ts';
import { Outcomes } from './outcomes.ts';
import { Pacer } from './pacer.ts';
import {
  attemptLimits,
  careSettings,
  SLOW_PER_BUDGET,
  UNSETTLED_PER_BUDGET,
  windowLimits,
  type PublishSettings,
} from './settings.ts';
import { Settler, type SettleStore } from './settler.ts';
import { Signer, type Opener } from './signing.ts';
import type { WindowTotals } from './window.ts';

export interface PublisherStore extends LoadStore, SettleStore, CareStore {
  allEndpoints(): Promise<{ endpoint: Endpoint; pending: number }[]>;
}

export interface PublisherParts {
  store: PublisherStore;
  clocks: EnvironmentClocks;
  seal: Opener;
  guard: Guard;
  settings: PublishSettings;
  log: Logger;
  /** Whether each attempt gets a line in the log. */
  logAttempts: boolean;
  metrics?: PublishMetrics;
  random?: Random;
  /** Threads that publish, this one among them; 1 when absent. */
  threads?: number;
}

/** Idle connections are closed this often; more often than that they are still useful. */
const TRIM_MS = 30_000;
/** Attempts that are under way at `stop` get this long to end by themselves. */
const STOP_MS = 4_000;
/** And their results this long to reach the disk. */
const STOP_SETTLE_MS = 1_500;
/** Endpoints that were failing when the process ended are tried within this time of its start. */
const TAKE_UP_MS = 5_000;

const NO_LANE: LaneState = {
  in_flight: 0,
  breaker: 'closed',
  failing_since: null,
  next_probe_at: null,
  secret_mismatch: false,
};

export class Publisher {
  readonly #parts: PublisherParts;
  readonly #outcomes: Outcomes;
  readonly #disabler: Disabler;
  readonly #observer: Observer;
  readonly #wheel = new TimerWheel();
  readonly #lanes: Lanes;
  readonly #totals: WindowTotals = { entries: 0, bytes: 0 };
  readonly #settler: Settler;
  readonly #loader: Loader;
  readonly #dispatcher: Dispatcher;
  readonly #care: Care;
  readonly #idle = new IdleWaiters((env) => this.isIdle(env));
  #trimTimer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    const { store, clocks, log } = parts;
    this.#lanes = new Lanes(clocks);
    this.#disabler = new Disabler(store, clocks, this.#wheel, log);
    this.#outcomes = new Outcomes(clocks, parts.random);
    this.#observer = new Observer(clocks, parts.metrics ?? NO_METRICS, parts.logAttempts ? log : null);
    this.#settler = new Settler(
      store,
      log,
      (lane, settlement) => this.#settled(lane, settlement),
      this.#batchDone,
    );
    this.#dispatcher = this.#newDispatcher();
    this.#loader = this.#newLoader();
    this.#care = this.#newCare();
  }

  #newDispatcher(): Dispatcher {
    const { clocks, settings } = this.#parts;
    return new Dispatcher({
      clocks,
      wheel: this.#wheel,
      limits: attemptLimits(settings),
      budget: settings.budget,
      maxSlow: settings.budget * SLOW_PER_BUDGET,
      mayStart: () => this.#settler.size < settings.budget * UNSETTLED_PER_BUDGET,
      client: (lane) => this.#client(lane),
      finished: (attempt) => this.#finished(attempt),
      unsendable: (lane, delivery, error) => this.#unsendable(lane, delivery, error),
      taken: (lane) => this.#loader.refill(lane),
    });
  }

  #newLoader(): Loader {
    const { store, clocks, log } = this.#parts;
    const ready = (lane: Lane): void => {
      this.#dispatcher.ready(lane);
      this.#idle.check();
    };
    const limits = windowLimits(this.#parts.threads ?? 1);
    return new Loader({ store, clocks, wheel: this.#wheel, log, totals: this.#totals, limits, ready });
  }

  #newCare(): Care {
    const { store, clocks, log, settings } = this.#parts;
    return new Care({
      store,
      clocks,
      wheel: this.#wheel,
      log,
      settings: careSettings(settings),
      disabler: this.#disabler,
      hold: (lane) => this.#hold(lane, 'failing'),
      resume: (lane) => this.#resume(lane),
      probe: (lane, delivery) => this.#dispatcher.probe(lane, delivery),
      changed: () => this.#idle.check(),
    });
  }

  /** Takes up every endpoint that exists. Commit notices may come before, during and after. */
  async start(): Promise<void> {
    for (const { endpoint, pending } of await this.#parts.store.allEndpoints()) {
      if (this.#lanes.get(endpoint.lane) === undefined) this.#addLane(endpoint, pending > 0);
    }
    this.#trimTimer = setInterval(() => this.#trim(), TRIM_MS);
    this.#trimTimer.unref();
  }

  /** To be called with every commit notice, in commit order. */
  onCommit(notice: CommitNotice): void {
    for (const endpoint of notice.endpoints) this.#endpointChanged(endpoint);
    const isCrowded = crowded(notice);
    for (const { lane: number, items } of notice.lanes) {
      const lane = this.#lanes.get(number);
      if (lane === undefined) continue;
      if (lane.hold !== null) {
        // The store was not reached when the lane was put on hold, and still hands over what comes.
        this.#parts.store.parkLane(number);
        this.#care.waiting(lane);
        continue;
      }
      this.#loader.offer(lane, dueDeliveries(items, notice.events));
      if (isCrowded(items)) this.#dispatcher.readyAmongMany(lane);
      else this.#dispatcher.ready(lane);
    }
    for (const [number, deliveries] of releasedDeliveries(notice)) {
      const lane = this.#lanes.get(number);
      if (lane !== undefined && lane.hold === null) this.#loader.released(lane, deliveries);
    }
    for (const number of notice.waiting) {
      const lane = this.#lanes.get(number);
      if (lane === undefined) continue;
      this.#loader.waiting(lane);
      this.#care.waiting(lane);
    }
    for (const number of notice.dropped) {
      const lane = this.#lanes.get(number);
      // What was given up may be in its window still.
      if (lane !== undefined && lane.hold === null) this.#reload(lane);
    }
    for (const number of notice.urgent) {
      const lane = this.#lanes.get(number);
      if (lane !== undefined) this.#loader.wantUrgent(lane);
    }
  }

  /** Lets attempts under way end, for `patience` ms at most, and their results reach the disk. */
  async stop(patience = STOP_MS): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#dispatcher.stop();
    this.#loader.stop();
    this.#care.stop();
    if (this.#trimTimer !== null) clearInterval(this.#trimTimer);
    for (const lane of this.#lanes) {
      lane.alarm?.cancel();
      lane.breaker.stopProbing();
    }
    const cancel = setTimeout(() => this.#dispatcher.cancel(null), patience);
    await this.#idle.until(() => this.#dispatcher.inFlight === 0);
    clearTimeout(cancel);
    const giveUp = setTimeout(() => this.#settler.giveUp(), STOP_SETTLE_MS);
    await this.#settler.drained();
    clearTimeout(giveUp);
    for (const lane of this.#lanes) lane.client?.connections.destroy(new Error('stopped'));
    this.#wheel.stop();
  }

  /** Whether nothing of this environment is under way, and nothing is due now that can be attempted. */
  isIdle(env: number): boolean {
    return this.#lanes.isIdle(env);
  }

  /** Resolves once `isIdle`. */
  idle(env: number): Promise<void> {
    return this.#idle.forEnv(env);
  }

  /** Env time of the earliest retry or probe of this environment; null when none waits. */
  async nextDueAt(env: number): Promise<number | null> {
    await this.idle(env);
    return this.#lanes.nextDueAt(env);
  }

  /** Endpoints of an environment. */
  laneCount(env: number): number {
    return this.#lanes.countOf(env);
  }

  /** What of a lane is known only here. */
  laneState(number: number): LaneState {
    const lane = this.#lanes.get(number);
    return lane === undefined ? NO_LANE : lane.state;
  }

  gauges(): PublishGauges {
    return {
      in_flight: this.#dispatcher.inFlight,
      slow: this.#dispatcher.slowCount,
      lanes: this.#lanes.size,
      lanes_held: this.#lanes.count((lane) => lane.hold !== null),
      lanes_failing: this.#lanes.count((lane) => lane.hold === 'failing'),
      lanes_parked: this.#lanes.count((lane) => lane.isParked),
      window_entries: this.#totals.entries,
      window_bytes: this.#totals.bytes,
      unsettled: this.#settler.size,
    };
  }

  #addLane(endpoint: Endpoint, hasPending: boolean): void {
    const lane = new Lane(endpoint, this.#parts.settings.window, this.#totals);
    this.#lanes.add(lane);
    if (lane.hold === null && endpoint.breaker === 'open') {
      const random = this.#parts.random ?? Math.random;
      this.#care.takeUp(lane, Math.floor(random() * TAKE_UP_MS));
      return;
    }
    if (hasPending) this.#loader.begin(lane);
    this.#loader.refill(lane);
  }

  #endpointChanged(endpoint: Endpoint & { deleted: boolean }): void {
    const lane = this.#lanes.get(endpoint.lane);
    if (endpoint.deleted) {
      if (lane !== undefined) this.#removeLane(lane);
      return;
    }
    if (lane === undefined) {
      this.#addLane(endpoint, false);
      return;
    }
    const before = lane.endpoint;
    lane.endpoint = endpoint;
    if (differsInPace(before, endpoint)) lane.pacer = Pacer.of(endpoint);
    const isReachedOtherwise = differsInReach(before, endpoint);
    if (isReachedOtherwise) {
      // A new URL, secret, dialect or header: requests under way end on the old connections.
      lane.client?.connections.close();
      lane.client = null;
    }
    this.#serve(lane, before, isReachedOtherwise);
    this.#dispatcher.ready(lane);
  }

  /** Whether and how the lane goes on after a change of its endpoint. */
  #serve(lane: Lane, before: Endpoint, isReachedOtherwise: boolean): void {
    if (lane.endpoint.status === 'disabled') {
      lane.breaker.stopProbing();
      this.#hold(lane, 'disabled');
    } else if (lane.hold === 'failing') {
      if (isReachedOtherwise) this.#care.probeNow(lane);
    } else if (lane.hold !== null) {
      lane.breaker.reset();
      this.#resume(lane);
    } else if (before.ordering !== lane.endpoint.ordering) {
      this.#reload(lane);
    }
  }

  #removeLane(lane: Lane): void {
    this.#lanes.delete(lane);
    lane.deleted = true;
    lane.breaker.stopProbing();
    this.#hold(lane, 'disabled');
    this.#dispatcher.cancel(lane);
    lane.client?.connections.destroy(new Error('endpoint deleted'));
  }

  #hold(lane: Lane, hold: LaneHold): void {
    const wasSending = lane.hold === null;
    lane.enter(hold);
    if (!wasSending) return;
    lane.dropWindow();
    this.#parts.store.parkLane(lane.number);
    this.#idle.check();
  }

  /** Sends again, from the store's queue, and little at first. */
  #resume(lane: Lane): void {
    const wasHeld = lane.hold !== null;
    if (wasHeld) {
      lane.enter('parked');
      lane.rampUp();
    }
    if (lane.isStrict && !wasHeld) this.#reload(lane);
    else this.#loader.begin(lane);
  }

  #reload(lane: Lane): void {
    lane.dropWindow();
    this.#parts.store.parkLane(lane.number);
    this.#loader.begin(lane);
  }

  #client(lane: Lane): LaneClient | null {
    if (lane.client !== null) return lane.client;
    const { seal, guard, settings, log } = this.#parts;
    try {
      const url = new URL(lane.endpoint.url);
      lane.client = {
        signer: new Signer(lane.endpoint, seal, settings.user_agent),
        connections: new Connections(url, guard),
      };
      return lane.client;
    } catch (error) {
      // The master key was changed, or the row was. Nothing is lost: the lane waits until its endpoint is changed.
      log.error(
        { event: 'lane.broken', endpoint_id: lane.endpoint.endpoint_id, error },
        'endpoint cannot be used',
      );
      this.#hold(lane, 'broken');
      return null;
    }
  }

  #finished(attempt: Attempt<Job>): void {
    const { lane, deliveries, client } = attempt.job;
    if (attempt.cancelled) {
      for (const { seq } of deliveries) lane.window.release(seq);
    } else {
      // A request from before the endpoint was changed says nothing about it as it is now.
      const isCurrent = client === lane.client;
      if (isCurrent) this.#count(attempt);
      const verdict = this.#outcomes.verdict(attempt);
      for (const delivery of deliveries) {
        this.#settler.add(lane, this.#outcomes.settlement(attempt, delivery, verdict));
      }
      this.#observer.attempt(attempt, verdict);
      if (isCurrent) this.#follow(attempt, verdict.gone);
    }
    this.#idle.check();
  }

  /** Before the verdict is given: whether a probe counts depends on what the breaker knows. */
  #count(attempt: Attempt<Job>): void {
    const { lane, deliveries, at } = attempt.job;
    if (attempt.error === null) {
      lane.succeeded();
      return;
    }
    const { status, error, detail } = attempt;
    lane.breaker.failed(deliveries[0] as DueDelivery, at, { status, error, detail });
    lane.failed(status === 0);
    if (attempt.job.isProbe && this.#care.counts(lane, deliveries[0] as DueDelivery)) {
      attempt.job.isProbe = false;
    }
  }

  #follow(attempt: Attempt<Job>, isGone: boolean): void {
    const { lane } = attempt.job;
    if (isGone) this.#gone(lane);
    else if (attempt.error === null) this.#care.succeeded(lane);
    else this.#care.failed(lane);
  }

  #unsendable(lane: Lane, delivery: DueDelivery, error: unknown): void {
    const { endpoint_id } = lane.endpoint;
    this.#parts.log.error(
      { event: 'delivery.unsendable', endpoint_id, seq: delivery.seq, error },
      'event cannot be sent',
    );
    this.#settler.add(lane, this.#outcomes.unsendable(lane, delivery));
  }

  #settled(lane: Lane, settlement: Settlement): void {
    const isProbe = lane.probing === settlement.seq;
    lane.settled(settlement);
    if (lane.deleted) return;
    // The lane sends again since the probe began, and has read past what the probe did not deliver.
    if (isProbe && lane.hold === null && settlement.verdict !== 'delivered') {
      lane.window.rewind(settlement.seq);
      this.#reload(lane);
    }
    if (settlement.next_at !== null) this.#loader.retryAt(lane, settlement.next_at);
    if (lane.isStrict) {
      this.#loader.refill(lane);
      this.#dispatcher.ready(lane);
    }
    this.#care.waiting(lane);
  }

  #batchDone = (): void => {
    this.#dispatcher.pump();
    this.#idle.check();
  };

  /** 410: the endpoint asks not to be called again. Its deliveries are held until its owner enables it. */
  #gone(lane: Lane): void {
    if (lane.hold === 'gone' || lane.hold === 'disabled') return;
    lane.breaker.stopProbing();
    this.#hold(lane, 'gone');
    void this.#disabler.disable(lane, 'gone', 'The endpoint answered 410 Gone.');
  }

  #trim(): void {
    const before = this.#parts.clocks.wallNow() - TRIM_MS;
    for (const lane of this.#lanes) {
      if (lane.inFlight === 0 && lane.lastUsed < before) lane.client?.connections.trim();
    }
  }
}
