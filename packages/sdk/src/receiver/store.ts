/**
 * What the receiver keeps: the durable queue, which is the record of what was seen as well, the dead letters, the state of
 * messages, and what is known of lanes. Times are milliseconds since the epoch and always arguments.
 */

import type { FactSet } from '@postrider/contract/state';
import type { ReceivedEvent } from './event.ts';

/** One event for one consumer. */
export interface NewJob {
  /** What duplicates share: the event's id, and the replay's after an `@` when replays are handled again. */
  id: string;
  consumer: string;
  event: ReceivedEvent;
  /** Jobs that share it can be run one after another: the message's id. */
  orderKey: string | null;
  replay: string | null;
  /** The endpoint whose `seq` the event carries. */
  lane: string;
}

export interface Job extends NewJob {
  /** 1 for the first. A job that was taken again since has a higher one, so it tells whose the lease is. */
  attempt: number;
}

export interface DeadLetter {
  id: string;
  consumer: string;
  reason: string;
  attempts: number;
  at: number;
  /** Null for a request that verified but could not be read; it is in `raw`. */
  event: ReceivedEvent | null;
  raw: string | null;
}

/** A request that verified and cannot be used. `id` is the same for its retries. */
export interface Unusable {
  id: string;
  reason: string;
  /** The body as text, cut to a bound. */
  raw: string;
}

export interface TakeOptions {
  limit: number;
  now: number;
  /** When others may take it again, should no result have come. */
  leaseUntil: number;
  consumers: readonly string[];
  /** Only jobs that no unfinished job of the same consumer and `orderKey` is ahead of. */
  ordered: boolean;
}

export interface DeadLetterQuery {
  consumer?: string;
  limit?: number;
  /** The last one of the page before. */
  after?: { at: number; id: string; consumer: string };
}

/** Which message and recipient a state is about, for one consumer. Null where the event has no state. */
export interface StateKey {
  consumer: string;
  messageId: string;
  recipient: string;
}

export interface ReceiverStore {
  /**
   * Durable when it resolves, all or none. Gives the jobs that were not there before. `guard` is the id of a request that
   * may be used once: when it is known, nothing is queued.
   */
  enqueue(jobs: readonly NewJob[], now: number, guard?: string): Promise<NewJob[]>;
  take(options: TakeOptions): Promise<Job[]>;
  facts(key: StateKey): Promise<FactSet>;
  /** Marks the job done and joins the facts. False when the lease went to another. */
  done(job: Job, now: number, state: { key: StateKey; facts: FactSet } | null): Promise<boolean>;
  retryLater(job: Job, dueAt: number, reason: string): Promise<boolean>;
  deadLetter(job: Job, now: number, reason: string): Promise<boolean>;
  keepUnusable(unusable: Unusable, now: number): Promise<void>;
  /** Newest first. */
  deadLetters(query?: DeadLetterQuery): Promise<DeadLetter[]>;
  /** Queues dead letters again, attempts counted anew; those without an event stay. Gives how many were queued. */
  redrive(letters: readonly { id: string; consumer: string }[], now: number): Promise<number>;
  discard(letters: readonly { id: string; consumer: string }[]): Promise<number>;
  /** Distinct, ascending. */
  seqs(lane: string, range: { from: number; to: number; limit: number }): Promise<number[]>;
  lane(lane: string): Promise<string | null>;
  setLane(lane: string, text: string): Promise<void>;
  /** Forgets what is settled and older. Gives how many rows went. */
  prune(before: { done: number; dead: number; states: number }): Promise<number>;
  counts(): Promise<{ ready: number; taken: number; dead: number }>;
  close(): Promise<void>;
}

/** A store whose transactions handlers can write in. */
export interface TransactionalStore<Tx> extends ReceiverStore {
  /**
   * Runs `work` in a transaction that ends with the done mark, all or none. Rejects with what `work` threw. False, and
   * nothing written, when the lease went to another.
   */
  transaction(job: Job, work: TransactionWork<Tx>): Promise<boolean>;
}

export interface TransactionWork<Tx> {
  now: number;
  state: { key: StateKey; facts: FactSet } | null;
  run: (tx: Tx, known: FactSet) => void | Promise<void>;
  signal: AbortSignal;
}
