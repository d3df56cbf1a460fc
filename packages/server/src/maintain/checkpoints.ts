/**
 * Checkpoints of lanes. One ends with the hour of the environment's clock, or with 100,000 events; which hour an event
 * is of is the latest that its lane has seen up to it, so that the rows alone decide. It is sealed once its hour is
 * over, and before retention deletes anything of it.
 */

import { createHash } from 'node:crypto';
import { checkpointText } from '@postrider/contract/checkpoint';
import type { CheckpointObject } from '@postrider/contract/schemas/feed';
import type { Endpoint } from '../domain/endpoint.ts';
import { notFound } from '../domain/errors.ts';
import type { Environment } from '../domain/tenancy.ts';
import type { Checkpoint, FeedEvent, LanePart, Page } from '../store/ports.ts';

export interface CheckpointStore {
  getEndpoint(env: number, endpoint_id: string): Promise<Endpoint | null>;
  lanesOf(env: number): Promise<number[]>;
  readLane(lane: number, after: number, limit: number): Promise<LanePart<Omit<FeedEvent, 'envelope'>>>;
  lastCheckpoint(lane: number): Promise<Checkpoint | null>;
  listCheckpoints(lane: number, after: number, limit: number): Promise<Checkpoint[]>;
  addCheckpoints(lane: number, checkpoints: readonly Checkpoint[]): Promise<void>;
}

export interface CheckpointsParts {
  store: CheckpointStore;
  clocks: { now(env: number): number };
}

const HOUR_MS = 3_600_000;
/** Events in one checkpoint at most. */
const MAX_EVENTS = 100_000;
/** Events read at a time: a few ms of a reader. */
const SLICE = 1_000;
/** After an hour, for what was stamped within it and is still on its way to the disk. */
const GRACE_MS = 300_000;

export class Checkpoints {
  readonly #store: CheckpointStore;
  readonly #clocks: CheckpointsParts['clocks'];
  /** Runs under way, by lane. */
  readonly #sealing = new Map<number, Promise<Checkpoint | null>>();

  constructor({ store, clocks }: CheckpointsParts) {
    this.#store = store;
    this.#clocks = clocks;
  }

  /** Seals what is complete in all lanes of an environment. To be called before retention; `signal` ends it between two. */
  async seal(env: number, signal?: AbortSignal): Promise<void> {
    for (const lane of await this.#store.lanesOf(env)) {
      if (signal?.aborted === true) return;
      if (await this.#isDue(env, lane)) await this.#sealLane(env, lane);
    }
  }

  /** Whether something can be sealed: most lanes are asked this far more often than once an hour. */
  async #isDue(env: number, lane: number): Promise<boolean> {
    const last = await this.#store.lastCheckpoint(lane);
    const sealed = last?.to_seq ?? 0;
    const { items, last_seq, purged_through } = await this.#store.readLane(lane, sealed, 1);
    if (last_seq - sealed >= MAX_EVENTS || sealed < purged_through) return true;
    const [first] = items;
    if (first === undefined) return false;
    const hour = Math.max(last?.hour ?? 0, Math.floor(first.at / HOUR_MS));
    return this.#isOver(env, hour);
  }

  #isOver(env: number, hour: number): boolean {
    return (hour + 1) * HOUR_MS + GRACE_MS <= this.#clocks.now(env);
  }

  /** Oldest first; the one that still grows comes last. */
  async list(
    environment: Environment,
    endpoint_id: string,
    { after, limit }: { after: number; limit: number },
  ): Promise<Page<CheckpointObject>> {
    const { env } = environment;
    const endpoint = await this.#store.getEndpoint(env, endpoint_id);
    if (endpoint === null) throw notFound('endpoint', endpoint_id);
    const growing = await this.#sealLane(env, endpoint.lane);
    const sealed = await this.#store.listCheckpoints(endpoint.lane, after, limit + 1);
    const data = sealed.map((one) => checkpointObject(one, true));
    if (growing !== null && growing.from_seq > after) data.push(checkpointObject(growing, false));
    const kept = data.slice(0, limit);
    const last = kept.at(-1);
    return {
      data: kept,
      next_cursor: data.length > limit && last !== undefined ? String(last.from_seq) : null,
    };
  }

  /**
   * Resolves to the one that is not complete yet; null when there is nothing after the last complete one. It is put
   * together from all its events, so that whoever asks meanwhile gets the same.
   */
  #sealLane(env: number, lane: number): Promise<Checkpoint | null> {
    let run = this.#sealing.get(lane);
    if (run === undefined) {
      run = this.#sealOnce(env, lane).finally(() => this.#sealing.delete(lane));
      this.#sealing.set(lane, run);
    }
    return run;
  }

  async #sealOnce(env: number, lane: number): Promise<Checkpoint | null> {
    const last = await this.#store.lastCheckpoint(lane);
    const growing = new Growing(last);
    const done: Checkpoint[] = [];
    let at = last?.to_seq ?? 0;
    for (;;) {
      const { items, purged_through } = await this.#store.readLane(lane, at, SLICE);
      if (at < purged_through) {
        // Somebody else sealed this meanwhile, and it is gone by now.
        if (growing.current !== null || done.length > 0) return this.#sealOnce(env, lane);
        at = purged_through;
        continue;
      }
      for (const item of items) done.push(...growing.add(item));
      at = items.at(-1)?.seq ?? at;
      if (items.length < SLICE) break;
    }
    if (this.#isOver(env, growing.hour)) done.push(...growing.end());
    if (done.length > 0) await this.#store.addCheckpoints(lane, done);
    return growing.current;
  }
}

/** The checkpoint that is being put together. */
class Growing {
  #hash = createHash('sha256');
  #from = 0;
  #to = 0;
  #hour: number;

  constructor(last: Checkpoint | null) {
    this.#hour = last?.hour ?? 0;
  }

  /** Gives the checkpoint that ends before this event, or with it. */
  add({ seq, at, event_id }: { seq: number; at: number; event_id: string }): Checkpoint[] {
    const hour = Math.max(this.#hour, Math.floor(at / HOUR_MS));
    const ended = hour > this.#hour ? this.end() : [];
    this.#hour = hour;
    if (this.#from === 0) this.#from = seq;
    this.#to = seq;
    this.#hash.update(checkpointText([event_id]));
    if (this.#to - this.#from + 1 === MAX_EVENTS) ended.push(...this.end());
    return ended;
  }

  /** Of its newest event. */
  get hour(): number {
    return this.#hour;
  }

  get current(): Checkpoint | null {
    if (this.#from === 0) return null;
    const digest = this.#hash.copy().digest('hex');
    return { from_seq: this.#from, to_seq: this.#to, hour: this.#hour, digest };
  }

  /** Gives it, unless it is empty. */
  end(): Checkpoint[] {
    const ended = this.current;
    this.#hash = createHash('sha256');
    this.#from = 0;
    return ended === null ? [] : [ended];
  }
}

function checkpointObject(
  { from_seq, to_seq, hour, digest }: Checkpoint,
  complete: boolean,
): CheckpointObject {
  return {
    from_seq,
    to_seq,
    count: to_seq - from_seq + 1,
    digest,
    hour: new Date(hour * HOUR_MS).toISOString(),
    complete,
  };
}
