/**
 * Looks after lanes whose endpoints fail: opens their breakers, probes, holds, and brings them back (DESIGN sections
 * 5.6 and 5.7). What it decides it tells to the store, and stays at it until the store has taken it.
 */

import type { EnvironmentClocks } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { DueDelivery } from '../domain/delivery.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { EndpointChange } from '../store/ports.ts';
import { isEndpointsFault } from './breaker.ts';
import type { Disabler } from './disabler.ts';
import { FAILURE_STREAK, type Lane } from './lane.ts';
import { endpointFailing, endpointRecovered } from './operational.ts';
import { isUnavailable } from './settler.ts';
import type { CareSettings } from './settings.ts';

export interface CareStore {
  updateEndpoint(env: number, endpoint_id: string, change: EndpointChange): Promise<Endpoint>;
  loadHead(lane: number): Promise<DueDelivery | null>;
  hasBlocked(lane: number): Promise<boolean>;
  hastenLane(lane: number, now: number, limit: number): Promise<number>;
  expireHeld(lane: number, before: number, limit: number, now: number): Promise<number>;
}

export interface CareParts {
  store: CareStore;
  clocks: EnvironmentClocks;
  wheel: TimerWheel;
  log: Logger;
  settings: CareSettings;
  disabler: Disabler;
  /** Takes the lane out of service. */
  hold: (lane: Lane) => void;
  /** Puts it back: everything is read from the store again. */
  resume: (lane: Lane) => void;
  probe: (lane: Lane, delivery: DueDelivery) => void;
  /** Something that `isIdle` looks at has changed. */
  changed: () => void;
}

/** Deliveries that one command makes due, or gives up. */
const CHUNK = 500;
/** An endpoint that took nothing for this long was away; less is chance, where some of what it gets fails. */
const AWAY_MS = 10_000;
/** After the store could not answer. */
const AGAIN_MS = 1_000;

export class Care {
  readonly #parts: CareParts;
  readonly #looking = new Set<Lane>();
  #stopped = false;

  constructor(parts: CareParts) {
    this.#parts = parts;
  }

  stop(): void {
    this.#stopped = true;
  }

  /** A lane whose breaker was open when the process ended. */
  takeUp(lane: Lane, delay: number): void {
    const { breaker, endpoint } = lane;
    breaker.isOpen = true;
    breaker.failingSince = endpoint.failing_since ?? this.#now(lane);
    this.#parts.hold(lane);
    this.#schedule(lane, this.#now(lane) + delay);
  }

  /** A request got its 2xx; called for every one, so it costs nothing when nothing was wrong. */
  succeeded(lane: Lane): void {
    const { breaker } = lane;
    if (breaker.streak === 0 && !breaker.isOpen) return;
    const since = breaker.failingSince;
    const wasFailing = breaker.streak >= FAILURE_STREAK && since !== null;
    const wasAway = wasFailing && this.#now(lane) - since >= AWAY_MS;
    breaker.succeeded();
    if (breaker.isOpen) void this.#close(lane, since);
    else if (wasAway) void this.#hasten(lane);
  }

  /** A request failed; the breaker has counted it. */
  failed(lane: Lane): void {
    const { breaker, endpoint } = lane;
    if (breaker.looksLikeSecretMismatch && !breaker.mismatchSaid) {
      breaker.mismatchSaid = true;
      const { endpoint_id } = endpoint;
      const fields = { event: 'endpoint.refuses_signature', endpoint_id, status: breaker.last?.status };
      this.#parts.log.warn(fields, 'endpoint keeps answering 401 or 403: its secret is probably another one');
    }
    if (lane.hold !== null) {
      this.#probeAgain(lane);
      return;
    }
    if (breaker.isDue) this.#open(lane);
    else if (lane.isFailing && endpoint.ordering !== 'none') void this.#openIfBlocking(lane);
  }

  /** The lane has something that is only in the store, to be probed with. */
  waiting(lane: Lane): void {
    if (lane.hold === 'failing' && lane.inFlight === 0) this.#probeAgain(lane);
  }

  /** The endpoint is another one now, or is asked for by hand: the next probe comes at once. */
  probeNow(lane: Lane): void {
    const { breaker } = lane;
    if (breaker.isOpen && lane.hold === 'failing' && !breaker.isBusy) this.#schedule(lane, this.#now(lane));
  }

  /**
   * Whether a failed probe counts as an attempt after all: where an order makes everything wait for one delivery, and
   * the endpoint answers, that delivery itself may be what it cannot take. Its own schedule then goes on.
   */
  counts(lane: Lane, delivery: DueDelivery): boolean {
    const { breaker, endpoint } = lane;
    if (endpoint.ordering === 'none' || breaker.last === null || isEndpointsFault(breaker.last)) return false;
    return delivery.due_at <= this.#now(lane);
  }

  #open(lane: Lane): void {
    const { breaker, endpoint } = lane;
    breaker.isOpen = true;
    breaker.notBefore = this.#now(lane) + this.#probeMs;
    this.#parts.hold(lane);
    this.#schedule(lane, breaker.notBefore);
    const { endpoint_id } = endpoint;
    this.#parts.log.warn({ event: 'endpoint.failing', endpoint_id, ...breaker.last }, 'breaker opened');
    void this.#tell(lane, endpointFailing(endpoint, breaker, this.#now(lane)));
  }

  #probeAgain(lane: Lane): void {
    const { breaker } = lane;
    if (!breaker.isOpen || lane.hold !== 'failing' || breaker.isBusy || breaker.probeAt !== null) return;
    this.#schedule(lane, Math.max(this.#now(lane), breaker.notBefore));
  }

  /** With an order, few deliveries fail and all others wait: a streak of attempts says what 20 deliveries say elsewhere. */
  async #openIfBlocking(lane: Lane): Promise<void> {
    if (this.#looking.has(lane)) return;
    this.#looking.add(lane);
    try {
      const blocks = lane.isStrict
        ? lane.isParked || lane.window.depth > 0
        : hasTriedAll(lane) && (await this.#parts.store.hasBlocked(lane.number));
      if (blocks && lane.hold === null && lane.isFailing && !lane.deleted) this.#open(lane);
    } catch (error) {
      // The next failure looks again.
      this.#parts.log.warn({ event: 'lane.look_failed', lane: lane.number, error }, 'store cannot be read');
    } finally {
      this.#looking.delete(lane);
    }
  }

  /** Closes, makes everything due that waits for a later attempt, and lets the lane begin small. */
  async #close(lane: Lane, since: number | null): Promise<void> {
    const { breaker, endpoint } = lane;
    breaker.isOpen = false;
    breaker.stopProbing();
    breaker.isBusy = true;
    const { endpoint_id } = endpoint;
    this.#parts.log.info({ event: 'endpoint.recovered', endpoint_id, since }, 'breaker closed');
    // Before it is told: a process that ends in between finds the breaker open, and does both again.
    await this.#makeDue(lane);
    await this.#tell(lane, endpointRecovered(endpoint, since, this.#now(lane)));
    breaker.isBusy = false;
    if (lane.hold === 'failing' && !breaker.isOpen) this.#parts.resume(lane);
    this.#parts.changed();
  }

  /** The endpoint is back before its breaker has opened; at most once per interval of probes. */
  async #hasten(lane: Lane): Promise<void> {
    const now = this.#now(lane);
    if (now - lane.breaker.hastenedAt < this.#probeMs) return;
    lane.breaker.hastenedAt = now;
    await this.#makeDue(lane);
    if (lane.hold === null && !lane.deleted) this.#parts.resume(lane);
  }

  async #makeDue(lane: Lane): Promise<void> {
    try {
      for (let made = CHUNK; made === CHUNK && !lane.deleted;) {
        made = await this.#parts.store.hastenLane(lane.number, this.#now(lane), CHUNK);
      }
    } catch (error) {
      // Nothing is lost: they are attempted on their schedule.
      this.#parts.log.warn({ event: 'lane.hasten_failed', lane: lane.number, error }, 'store cannot commit');
    }
  }

  #schedule(lane: Lane, at: number): void {
    const { breaker } = lane;
    breaker.stopProbing();
    if (this.#stopped || lane.deleted) return;
    breaker.probeAt = at;
    breaker.alarm = this.#parts.clocks.wakeAt(lane.env, at, () => void this.#look(lane));
  }

  /** The time of a probe: gives up what was held too long, then tries the endpoint with what is first in line. */
  async #look(lane: Lane): Promise<void> {
    const { breaker } = lane;
    breaker.stopProbing();
    breaker.isBusy = true;
    try {
      await this.#probe(lane);
    } catch (error) {
      this.#parts.log.warn({ event: 'lane.probe_failed', lane: lane.number, error }, 'store cannot be read');
      this.#parts.wheel.after(AGAIN_MS, () => this.probeNow(lane));
    } finally {
      breaker.isBusy = false;
      this.#parts.changed();
    }
  }

  async #probe(lane: Lane): Promise<void> {
    const { breaker } = lane;
    const { store, settings, disabler, probe } = this.#parts;
    const now = this.#now(lane);
    const failingFor = now - (breaker.failingSince ?? now);
    if (settings.disable_after_ms > 0 && failingFor >= settings.disable_after_ms) {
      await disabler.disable(lane, 'failing', failedFor(failingFor));
      return;
    }
    if (failingFor >= settings.max_hold_ms) await this.#expire(lane, now - settings.max_hold_ms);
    const head = await store.loadHead(lane.number);
    if (lane.hold !== 'failing' || lane.deleted || this.#stopped) return;
    breaker.notBefore = now + this.#probeMs;
    // Nothing to probe with: the next delivery is the probe.
    if (head === null) return;
    if (lane.window.isHeld(head.seq)) this.#schedule(lane, breaker.notBefore);
    else probe(lane, head);
  }

  async #expire(lane: Lane, before: number): Promise<void> {
    for (let expired = 1; expired > 0 && !lane.deleted;) {
      expired = await this.#parts.store.expireHeld(lane.number, before, CHUNK, this.#now(lane));
    }
  }

  /** Keeps at it: a breaker that opens and closes while the store cannot commit is told as it is then. */
  async #tell(lane: Lane, event: ReturnType<typeof endpointFailing>): Promise<void> {
    const { store, log } = this.#parts;
    const { breaker } = lane;
    for (;;) {
      const { endpoint_id, updated_at } = lane.endpoint;
      try {
        await store.updateEndpoint(lane.env, endpoint_id, {
          breaker: breaker.isOpen ? 'open' : 'closed',
          failing_since: breaker.isOpen ? breaker.failingSince : null,
          updated_at,
          events: [event],
        });
        return;
      } catch (error) {
        if (lane.deleted || this.#stopped) return;
        log.error({ event: 'endpoint.breaker_untold', endpoint_id, error }, 'breaker could not be stored');
        if (!isUnavailable(error)) return;
        await new Promise<void>((resolve) => void this.#parts.wheel.after(AGAIN_MS, resolve));
      }
    }
  }

  get #probeMs(): number {
    return this.#parts.settings.probe_ms;
  }

  #now(lane: Lane): number {
    return this.#parts.clocks.now(lane.env);
  }
}

/** Nothing is left to try but what has failed, and what waits behind that. */
function hasTriedAll(lane: Lane): boolean {
  return lane.isLive && lane.window.depth === 0 && lane.inFlight <= 1;
}

function failedFor(ms: number): string {
  return `Nothing could be delivered for ${Math.floor(ms / 86_400_000)} days.`;
}
