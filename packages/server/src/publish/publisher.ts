/**
 * Pushes events to endpoints: one lane per endpoint, signed requests, retries, dead letters. Everything it knows it
 * can read again from the store; what it holds in memory is a window, and what it has not settled is attempted again
 * after a restart (at least once).
 */

import type { EnvironmentClocks } from '../base/clock.ts';
import type { Random } from '../base/backoff.ts';
import type { Logger } from '../base/logger.ts';
import { TimerWheel } from '../base/timer-wheel.ts';
import type { DueDelivery, DueEvent } from '../domain/delivery.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { CommitNotice, Settlement } from '../store/ports.ts';
import { Attempt } from './attempt.ts';
import { Connections } from './connections.ts';
import { Disabler, type DisableStore } from './disabler.ts';
import { Dispatcher, type Job } from './dispatch.ts';
import type { Guard } from './guard.ts';
import { IdleWaiters } from './idle.ts';
import { Lane, type LaneClient, type LaneHold, type WindowTotals } from './lane.ts';
import { Loader, type LoadStore } from './loader.ts';
import { NO_METRICS, type PublishGauges, type PublishMetrics } from './metrics.ts';
import { Observer } from './observer.ts';
import { Outcomes } from './outcomes.ts';
import { attemptLimits, SLOW_PER_BUDGET, UNSETTLED_PER_BUDGET, type PublishSettings } from './settings.ts';
import { Settler, type SettleStore } from './settler.ts';
import { Signer, type Opener, type ToSign } from './signing.ts';

export interface PublisherStore extends LoadStore, SettleStore, DisableStore {
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
}

/** Idle connections are closed this often; more often than that they are still useful. */
const TRIM_MS = 30_000;
/** Attempts that are under way at `stop` get this long to end by themselves. */
const STOP_MS = 4_000;
/** And their results this long to reach the disk. */
const STOP_SETTLE_MS = 1_500;

export class Publisher {
  readonly #parts: PublisherParts;
  readonly #outcomes: Outcomes;
  readonly #disabler: Disabler;
  readonly #observer: Observer;
  readonly #wheel = new TimerWheel();
  readonly #lanes = new Map<number, Lane>();
  readonly #totals: WindowTotals = { entries: 0, bytes: 0 };
  readonly #settler: Settler;
  readonly #loader: Loader;
  readonly #dispatcher: Dispatcher;
  readonly #idle = new IdleWaiters((env) => this.isIdle(env));
  #trimTimer: NodeJS.Timeout | null = null;
  #stopped = false;

  constructor(parts: PublisherParts) {
    this.#parts = parts;
    const { store, clocks, log, settings } = parts;
    this.#disabler = new Disabler(store, clocks, this.#wheel, log);
    this.#outcomes = new Outcomes(clocks, parts.random);
    this.#observer = new Observer(clocks, parts.metrics ?? NO_METRICS, parts.logAttempts ? log : null);
    this.#settler = new Settler(
      store,
      log,
      (lane, settlement) => this.#settled(lane, settlement),
      this.#batchDone,
    );
    this.#dispatcher = new Dispatcher({
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
    this.#loader = new Loader({
      store,
      clocks,
      wheel: this.#wheel,
      log,
      totals: this.#totals,
      ready: (lane) => {
        this.#dispatcher.ready(lane);
        this.#idle.check();
      },
    });
  }

  /** Takes up every endpoint that exists. Commit notices may come before, during and after. */
  async start(): Promise<void> {
    for (const { endpoint, pending } of await this.#parts.store.allEndpoints()) {
      if (!this.#lanes.has(endpoint.lane)) this.#addLane(endpoint, pending > 0);
    }
    this.#trimTimer = setInterval(() => this.#trim(), TRIM_MS);
    this.#trimTimer.unref();
  }

  /** To be called with every commit notice, in commit order. */
  onCommit(notice: CommitNotice): void {
    for (const endpoint of notice.endpoints) this.#endpointChanged(endpoint);
    for (const { lane: number, items } of notice.lanes) {
      const lane = this.#lanes.get(number);
      if (lane === undefined || lane.hold !== null) continue;
      this.#loader.offer(lane, dueDeliveries(items, notice.events));
      this.#dispatcher.ready(lane);
    }
    for (const number of notice.waiting) {
      const lane = this.#lanes.get(number);
      if (lane !== undefined) this.#loader.waiting(lane);
    }
  }

  /** Lets attempts under way end, for `patience` ms at most, and their results reach the disk. */
  async stop(patience = STOP_MS): Promise<void> {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#dispatcher.stop();
    this.#loader.stop();
    if (this.#trimTimer !== null) clearInterval(this.#trimTimer);
    for (const lane of this.#lanes.values()) lane.alarm?.cancel();
    const cancel = setTimeout(() => this.#dispatcher.cancel(null), patience);
    await this.#idle.until(() => this.#dispatcher.inFlight === 0);
    clearTimeout(cancel);
    const giveUp = setTimeout(() => this.#settler.giveUp(), STOP_SETTLE_MS);
    await this.#settler.drained();
    clearTimeout(giveUp);
    for (const lane of this.#lanes.values()) lane.client?.connections.destroy(new Error('stopped'));
    this.#wheel.stop();
  }

  /** Whether nothing of this environment is under way, and nothing is due now that can be attempted. */
  isIdle(env: number): boolean {
    const now = this.#parts.clocks.now(env);
    for (const lane of this.#lanes.values()) if (lane.env === env && !lane.isIdle(now)) return false;
    return true;
  }

  /** Resolves once `isIdle`. */
  idle(env: number): Promise<void> {
    return this.#idle.forEnv(env);
  }

  /** Env time of the earliest retry of this environment; null when none waits. */
  async nextDueAt(env: number): Promise<number | null> {
    await this.idle(env);
    let earliest: number | null = null;
    for (const lane of this.#lanes.values()) {
      if (lane.env !== env || lane.retryAt === null) continue;
      if (earliest === null || lane.retryAt < earliest) earliest = lane.retryAt;
    }
    return earliest;
  }

  /** Endpoints of an environment. */
  laneCount(env: number): number {
    let count = 0;
    for (const lane of this.#lanes.values()) if (lane.env === env) count++;
    return count;
  }

  /** Sends one request outside the lane, as the endpoint is now: for samples. Never retried, never stored. */
  sendOnce(endpoint: Endpoint, item: ToSign): Promise<Attempt<null>> {
    const { seal, guard, settings, clocks } = this.#parts;
    const url = new URL(endpoint.url);
    const connections = new Connections(url, guard);
    const signed = new Signer(endpoint, seal, settings.user_agent).sign(item, clocks.wallNow());
    const request = { ...signed, path: url.pathname + url.search, timeout_ms: endpoint.timeout_ms };
    return new Promise((resolve) => {
      const finished = (attempt: Attempt<null>): void => {
        connections.destroy(new Error('sample sent'));
        resolve(attempt);
      };
      const owner = { slow: () => {}, finished };
      new Attempt(null, request, connections, this.#wheel, attemptLimits(settings), owner).start();
    });
  }

  /** What a lane has under way, for its statistics. */
  inFlight(lane: number): number {
    return this.#lanes.get(lane)?.inFlight ?? 0;
  }

  gauges(): PublishGauges {
    const lanes = [...this.#lanes.values()];
    return {
      in_flight: this.#dispatcher.inFlight,
      slow: this.#dispatcher.slowCount,
      lanes: lanes.length,
      lanes_held: lanes.filter((lane) => lane.hold !== null).length,
      lanes_parked: lanes.filter((lane) => lane.mode === 'parked').length,
      window_entries: this.#totals.entries,
      window_bytes: this.#totals.bytes,
      unsettled: this.#settler.size,
    };
  }

  #addLane(endpoint: Endpoint, hasPending: boolean): Lane {
    const lane = new Lane(endpoint, this.#parts.settings.window, this.#totals);
    this.#lanes.set(lane.number, lane);
    if (hasPending) this.#loader.wantRetries(lane);
    this.#loader.refill(lane);
    return lane;
  }

  #endpointChanged(endpoint: Endpoint & { deleted: boolean }): void {
    const lane = this.#lanes.get(endpoint.lane);
    if (endpoint.deleted) {
      if (lane !== undefined) this.#removeLane(lane);
    } else if (lane === undefined) {
      this.#addLane(endpoint, false);
    } else {
      lane.endpoint = endpoint;
      // A new URL, secret, dialect or header: requests under way end on the old connections.
      lane.client?.connections.close();
      lane.client = null;
      if (endpoint.status === 'disabled') this.#hold(lane, 'disabled');
      else this.#resume(lane);
    }
  }

  #removeLane(lane: Lane): void {
    this.#lanes.delete(lane.number);
    lane.deleted = true;
    this.#hold(lane, 'disabled');
    this.#dispatcher.cancel(lane);
    lane.client?.connections.destroy(new Error('endpoint deleted'));
  }

  #hold(lane: Lane, hold: LaneHold): void {
    const wasSending = lane.hold === null;
    lane.hold = hold;
    if (!wasSending) return;
    lane.dropWindow();
    this.#parts.store.parkLane(lane.number);
    this.#idle.check();
  }

  #resume(lane: Lane): void {
    if (lane.hold === null) return;
    lane.hold = null;
    this.#loader.wantRetries(lane);
    this.#loader.refill(lane);
  }

  #client(lane: Lane): LaneClient | null {
    if (lane.client !== null) return lane.client;
    const { seal, guard, settings, log } = this.#parts;
    try {
      const url = new URL(lane.endpoint.url);
      lane.client = {
        path: url.pathname + url.search,
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
    const { lane, delivery, client } = attempt.job;
    if (attempt.cancelled) {
      lane.release(delivery.seq);
    } else {
      const verdict = this.#outcomes.verdict(attempt);
      this.#settler.add(lane, this.#outcomes.settlement(attempt, verdict));
      if (attempt.error === null) lane.succeeded();
      else lane.failed(attempt.status === 0);
      // A request from before the endpoint was changed says nothing about it as it is now.
      if (verdict.gone && client === lane.client) this.#gone(lane);
      this.#observer.attempt(attempt, verdict);
    }
    this.#idle.check();
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
    lane.release(settlement.seq);
    if (settlement.next_at !== null && !lane.deleted) this.#loader.retryAt(lane, settlement.next_at);
  }

  #batchDone = (): void => {
    this.#dispatcher.pump();
    this.#idle.check();
  };

  /** 410: the endpoint asks not to be called again. Its deliveries are held until its owner enables it. */
  #gone(lane: Lane): void {
    if (lane.hold !== null) return;
    this.#hold(lane, 'gone');
    void this.#disabler.gone(lane);
  }

  #trim(): void {
    const before = this.#parts.clocks.wallNow() - TRIM_MS;
    for (const lane of this.#lanes.values()) {
      if (lane.inFlight === 0 && lane.lastUsed < before) lane.client?.connections.trim();
    }
  }
}

function dueDeliveries(
  items: readonly { seq: number; log: number; event: number }[],
  events: readonly DueEvent[],
): DueDelivery[] {
  return items.map(({ seq, log, event }) => ({
    seq,
    log,
    attempts: 0,
    base: 0,
    event: events[event] as DueEvent,
  }));
}
