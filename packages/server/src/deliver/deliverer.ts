/**
 * Due recipients to their transports. Everything waits in the store: this process holds only what is in
 * flight, at most `concurrency` recipients, and learns of work by commit notices and the environments' clocks.
 */

import { Backoff } from '../base/backoff.ts';
import type { Alarm } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import { PostriderError } from '../domain/errors.ts';
import type { OutgoingRecipient } from '../domain/message.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { Environment } from '../domain/tenancy.ts';
import { OutgoingLane } from './outgoing-lane.ts';
import type { Transport } from './transport.ts';

export interface DeliverStore {
  listEnvironments(): Promise<Environment[]>;
  claimOutgoing(env: number, now: number, limit: number): Promise<OutgoingRecipient[]>;
  nextOutgoingAt(env: number): Promise<number | null>;
}

export interface DelivererOptions {
  store: DeliverStore;
  clocks: { now(env: number): number; wakeAt(env: number, at: number, wake: () => void): Alarm };
  /** The way out for a recipient; null = there is none now, so it stays queued. */
  pick: (environment: Environment, item: OutgoingRecipient) => Transport | null;
  /** Puts an outcome on disk; resolves to the env time at which the recipient is due again, if at all. */
  record: (item: OutgoingRecipient, attempt: number, outcome: Outcome) => Promise<{ next_at: number | null }>;
  /** Recipients in flight at once, over all environments. */
  concurrency: number;
  log: Logger;
  /** Told of each attempt; for metrics. */
  onOutcome?: (transport: string, kind: Outcome['kind']) => void;
}

const NO_TRANSPORT_WAIT_MS = 60_000;
/** Puts a recipient back as it was. */
const RELEASE: Outcome = { kind: 'later', after_ms: 0, counts: false };

export class Deliverer {
  readonly #options: DelivererOptions;
  readonly #lanes = new Map<number, OutgoingLane>();
  /** Lanes that wait for room, longest first. */
  readonly #hungry = new Set<OutgoingLane>();
  /** Recipients in flight or asked for. */
  #taken = 0;
  #feeding: NodeJS.Immediate | null = null;
  #stopping = false;
  /** Ends the waits between tries to record; see `stop`. */
  readonly #giveUp = new AbortController();

  constructor(options: DelivererOptions) {
    this.#options = options;
  }

  /** Recipients claimed whose outcome is not on disk yet; for metrics. */
  get inFlight(): number {
    let sum = 0;
    for (const lane of this.#lanes.values()) sum += lane.inFlight;
    return sum;
  }

  /** Picks up everything pending of every environment. */
  async start(): Promise<void> {
    for (const environment of await this.#options.store.listEnvironments()) {
      const lane = this.#lane(environment.env);
      lane.environment = environment;
      this.#kick(lane);
    }
  }

  /** A commit queued recipients of `env`, the earliest due at `next_at` (env time). */
  onQueued(env: number, next_at: number): void {
    if (this.#stopping) return;
    const lane = this.#lane(env);
    if (next_at <= this.#options.clocks.now(env)) this.#kick(lane);
    else this.#note(lane, next_at);
  }

  /**
   * Claims nothing more and resolves when the outcomes of what is in flight are on disk. After `graceMs` an
   * outcome that the store does not take is given up: its recipient is claimed again by the next process.
   */
  async stop(graceMs = 5_000): Promise<void> {
    this.#stopping = true;
    if (this.#feeding !== null) clearImmediate(this.#feeding);
    for (const lane of this.#hungry) lane.hungry = false;
    this.#hungry.clear();
    const grace = setTimeout(() => this.#giveUp.abort(), graceMs);
    for (const lane of this.#lanes.values()) {
      lane.disarm();
      lane.settled();
    }
    await Promise.all([...this.#lanes.values()].map((lane) => lane.untilQuiet()));
    clearTimeout(grace);
  }

  /** Nothing of `env` is in flight and nothing known is due. */
  isIdle(env: number): boolean {
    const lane = this.#lanes.get(env);
    if (lane === undefined) return true;
    return lane.quiet && (lane.next === null || lane.next > this.#options.clocks.now(env));
  }

  /** Resolves once nothing of `env` is in flight and nothing in the store is due. */
  async idle(env: number): Promise<void> {
    const lane = this.#lane(env);
    while (!this.#stopping) {
      await lane.untilQuiet();
      const next = await this.#options.store.nextOutgoingAt(env);
      const due = next !== null && next <= this.#options.clocks.now(env);
      if (!due && lane.quiet) return;
      this.#kick(lane);
    }
  }

  /** Env time of the earliest recipient that waits; null when there is none. */
  async nextDueAt(env: number): Promise<number | null> {
    return this.#options.store.nextOutgoingAt(env);
  }

  #lane(env: number): OutgoingLane {
    let lane = this.#lanes.get(env);
    if (lane === undefined) {
      lane = new OutgoingLane(env);
      this.#lanes.set(env, lane);
    }
    return lane;
  }

  #kick(lane: OutgoingLane): void {
    if (this.#stopping) return;
    if (lane.claiming) lane.again = true;
    else void this.#claim(lane);
  }

  /** Something of this lane is due at `at`: makes sure that the lane looks by then. */
  #note(lane: OutgoingLane, at: number): void {
    if (this.#stopping || (lane.next !== null && lane.next <= at)) return;
    lane.alarm?.cancel();
    lane.next = at;
    lane.alarm = this.#options.clocks.wakeAt(lane.env, at, () => {
      lane.alarm = null;
      lane.next = null;
      this.#kick(lane);
    });
  }

  /** Claims until nothing more is due or no room is left. */
  async #claim(lane: OutgoingLane): Promise<void> {
    lane.disarm();
    lane.claiming = true;
    try {
      lane.environment ??= await this.#environment(lane.env);
      let more = true;
      while (more && !this.#stopping) more = await this.#claimSome(lane, lane.environment);
      lane.backoff.succeeded();
    } catch (error) {
      this.#retryLater(lane, error);
    }
    lane.claiming = false;
    lane.settled();
  }

  /** One claim. Resolves to whether to claim again at once. */
  async #claimSome(lane: OutgoingLane, environment: Environment): Promise<boolean> {
    lane.again = false;
    lane.hungry = false;
    this.#hungry.delete(lane);
    // Lanes that wait share what room there is.
    const asked = Math.ceil((this.#options.concurrency - this.#taken) / (this.#hungry.size + 1));
    if (asked <= 0) {
      lane.hungry = true;
      this.#hungry.add(lane);
      return false;
    }
    const { store, clocks } = this.#options;
    this.#taken += asked;
    let items: OutgoingRecipient[] = [];
    try {
      items = await store.claimOutgoing(lane.env, clocks.now(lane.env), asked);
    } finally {
      this.#release(asked - items.length);
    }
    lane.inFlight += items.length;
    for (const item of items) void this.#handle(lane, environment, item);
    if (items.length === asked || lane.again) return true;
    const next = await store.nextOutgoingAt(lane.env);
    if (next !== null) this.#note(lane, next);
    return lane.again;
  }

  #retryLater(lane: OutgoingLane, error: unknown): void {
    const wait = lane.backoff.next();
    this.#options.log.error({ err: error, env: lane.env, retry_ms: wait }, 'outgoing recipients not claimed');
    if (this.#stopping) return;
    lane.retry = setTimeout(() => {
      lane.retry = null;
      this.#kick(lane);
    }, wait);
    lane.retry.unref();
  }

  async #environment(env: number): Promise<Environment> {
    const found = (await this.#options.store.listEnvironments()).find((one) => one.env === env);
    if (found === undefined) throw new Error(`environment ${env} has recipients but does not exist`);
    return found;
  }

  /** The way of one claimed recipient, from the transport to the disk. Never rejects. */
  async #handle(lane: OutgoingLane, environment: Environment, item: OutgoingRecipient): Promise<void> {
    const attempt = item.attempts + 1;
    const outcome = this.#stopping ? RELEASE : await this.#attempt(environment, item, attempt);
    const next_at = await this.#record(item, attempt, outcome);
    if (next_at !== null) this.#note(lane, next_at);
    lane.inFlight--;
    this.#release(1);
    lane.settled();
  }

  async #attempt(environment: Environment, item: OutgoingRecipient, attempt: number): Promise<Outcome> {
    const { clocks, pick, log } = this.#options;
    const refused = refusal(item, clocks.now(item.env));
    if (refused !== null) return refused;
    const about = { message_id: item.message_id, recipient: item.recipient, env: item.env, attempt };
    const transport = pick(environment, item);
    if (transport === null) {
      log.warn(about, 'no transport for a queued recipient');
      return { kind: 'later', after_ms: NO_TRANSPORT_WAIT_MS, counts: false };
    }
    let outcome: Outcome;
    try {
      outcome = await transport.send(item, attempt);
    } catch (error) {
      log.error({ ...about, transport: transport.name, err: error }, 'transport failed');
      outcome = { kind: 'deferred', ...INTERNAL_FAULT };
    }
    log.debug({ ...about, transport: transport.name, outcome: outcome.kind }, 'recipient attempted');
    this.#options.onOutcome?.(transport.name, outcome.kind);
    return outcome;
  }

  /** Tries until the outcome is on disk: a recipient whose outcome is lost would be sent to twice. */
  async #record(item: OutgoingRecipient, attempt: number, outcome: Outcome): Promise<number | null> {
    const backoff = new Backoff(FIRST_RECORD_RETRY_MS, MOST_RECORD_RETRY_MS);
    for (;;) {
      try {
        return (await this.#options.record(item, attempt, outcome)).next_at;
      } catch (error) {
        const wait = backoff.next();
        const gone = error instanceof PostriderError && GONE.has(error.code);
        const about = { err: error, message_id: item.message_id, recipient: item.recipient, env: item.env };
        this.#options.log.error({ ...about, retry_ms: gone ? null : wait }, 'outcome not recorded');
        if (gone || !(await pause(wait, this.#giveUp.signal))) return null;
      }
    }
  }

  #release(count: number): void {
    this.#taken -= count;
    if (this.#hungry.size === 0 || this.#feeding !== null || count === 0) return;
    // Outcomes of one commit free their places in the same turn: one claim then takes them all.
    this.#feeding = setImmediate(() => {
      this.#feeding = null;
      this.#feed();
    });
  }

  #feed(): void {
    for (const lane of this.#hungry) {
      if (this.#taken >= this.#options.concurrency) return;
      this.#hungry.delete(lane);
      lane.hungry = false;
      this.#kick(lane);
    }
  }
}

const FIRST_RECORD_RETRY_MS = 100;
const MOST_RECORD_RETRY_MS = 10_000;
/** The store says that there is nothing to record this outcome for. */
const GONE: ReadonlySet<string> = new Set(['not_found', 'conflict']);

/** A fault of our own, as a temporary local error (RFC 3463 X.3.0). */
const INTERNAL_FAULT = {
  smtp_code: null,
  enhanced_code: '4.3.0',
  smtp_message: 'The transport failed before the recipient was handed over',
};

/** Why a claimed recipient is not to be sent after all: the last look before the transaction. */
function refusal(item: OutgoingRecipient, now: number): Outcome | null {
  return item.expires_at !== null && item.expires_at <= now ? { kind: 'dropped', reason: 'expired' } : null;
}

/** Resolves to false when `signal` ended the wait. */
async function pause(ms: number, signal: AbortSignal): Promise<boolean> {
  if (signal.aborted) return false;
  return new Promise((resolve) => {
    const end = (): void => {
      clearTimeout(timer);
      resolve(false);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', end);
      resolve(true);
    }, ms);
    signal.addEventListener('abort', end, { once: true });
  });
}
