/**
 * Carries results to the store, one call at a time: what finishes while a call is under way forms the next one,
 * so that the batches grow by themselves when commits are slow. Nothing is dropped when the store cannot commit.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { Backoff } from '../base/backoff.ts';
import type { Logger } from '../base/logger.ts';
import { PostriderError } from '../domain/errors.ts';
import type { Settlement } from '../store/ports.ts';
import type { Lane } from './lane.ts';

/** Keeps one call's share of a transaction small. */
const MAX_BATCH = 1000;
const RETRY_FIRST_MS = 50;
const RETRY_MOST_MS = 5_000;

export interface SettleStore {
  settle(settlements: Settlement[]): Promise<void>;
}

export class Settler {
  readonly #store: SettleStore;
  readonly #log: Logger;
  readonly #settled: (lane: Lane, settlement: Settlement) => void;
  readonly #batchDone: () => void;
  readonly #backoff = new Backoff(RETRY_FIRST_MS, RETRY_MOST_MS);
  readonly #stopping = new AbortController();
  #lanes: Lane[] = [];
  #settlements: Settlement[] = [];
  #flying = 0;
  #running: Promise<void> | null = null;

  /** `settled` is called for each result on disk, `batchDone` once after all of a call's. */
  constructor(
    store: SettleStore,
    log: Logger,
    settled: (lane: Lane, settlement: Settlement) => void,
    batchDone: () => void,
  ) {
    this.#store = store;
    this.#log = log;
    this.#settled = settled;
    this.#batchDone = batchDone;
  }

  /** Results that are not on disk yet. */
  get size(): number {
    return this.#settlements.length + this.#flying;
  }

  add(lane: Lane, settlement: Settlement): void {
    this.#lanes.push(lane);
    this.#settlements.push(settlement);
    this.#running ??= this.#run();
  }

  /** Resolves when everything added is on disk; after `giveUp`, when the last try has failed. */
  async drained(): Promise<void> {
    while (this.#running !== null) await this.#running;
  }

  /** Waits for no further try after the present one: the process ends, and what is unsettled is attempted again. */
  giveUp(): void {
    this.#stopping.abort();
  }

  async #run(): Promise<void> {
    // What finishes in the same turn of the event loop goes along.
    await new Promise(setImmediate);
    while (this.#settlements.length > 0) {
      const lanes = this.#lanes.splice(0, MAX_BATCH);
      const settlements = this.#settlements.splice(0, MAX_BATCH);
      this.#flying = settlements.length;
      if (!(await this.#settle(lanes, settlements))) break;
    }
    this.#running = null;
  }

  /** False when it was given up. */
  async #settle(lanes: Lane[], settlements: Settlement[]): Promise<boolean> {
    for (;;) {
      try {
        await this.#store.settle(settlements);
      } catch (error) {
        if (!isUnavailable(error)) return this.#settleEach(lanes, settlements, error);
        if (!(await this.#pause(error))) return false;
        continue;
      }
      this.#backoff.succeeded();
      this.#landed(lanes, settlements);
      return true;
    }
  }

  #landed(lanes: Lane[], settlements: Settlement[]): void {
    // First, because what is told next may ask how much is unsettled.
    this.#flying -= settlements.length;
    for (let i = 0; i < lanes.length; i++) this.#settled(lanes[i] as Lane, settlements[i] as Settlement);
    this.#batchDone();
  }

  /** A batch that the store refuses for any other reason must not take its neighbours with it. */
  async #settleEach(lanes: Lane[], settlements: Settlement[], error: unknown): Promise<boolean> {
    if (settlements.length === 1) {
      const { lane, seq } = settlements[0] as Settlement;
      this.#log.error({ event: 'delivery.unsettled', lane, seq, error }, 'result refused by the store');
      // Still pending in the store, and attempted again after the next start.
      this.#landed(lanes, settlements);
      return true;
    }
    for (let i = 0; i < settlements.length; i++) {
      if (!(await this.#settle([lanes[i] as Lane], [settlements[i] as Settlement]))) return false;
    }
    return true;
  }

  async #pause(error: unknown): Promise<boolean> {
    const wait = this.#backoff.next();
    this.#log.warn(
      { event: 'delivery.settle_retry', unsettled: this.size, wait_ms: wait, error },
      'store cannot commit',
    );
    try {
      await sleep(wait, undefined, { signal: this.#stopping.signal });
      return true;
    } catch {
      // The sleep was cut short by `giveUp`.
      return false;
    }
  }
}

export function isUnavailable(error: unknown): boolean {
  return error instanceof PostriderError && error.status === 503;
}
