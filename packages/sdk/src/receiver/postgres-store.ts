/**
 * A store in PostgreSQL, for any number of processes: `INSERT … ON CONFLICT`, and `FOR UPDATE SKIP LOCKED` so that each takes
 * what the others do not. It is given a pool of the `pg` package, or anything with the same two methods.
 *
 * Transactional mode: a handler writes through `tx`, the client whose transaction ends with the done mark.
 */

import type { FactSet } from '@postrider/contract/state';
import { letterOf, MAX_LETTERS, type LetterRow } from './letter-row.ts';
import * as sql from './postgres-sql.ts';
import type {
  DeadLetter,
  DeadLetterQuery,
  Job,
  NewJob,
  StateKey,
  TakeOptions,
  TransactionalStore,
  TransactionWork,
  Unusable,
} from './store.ts';

export interface PostgresQueries {
  query(
    text: string,
    values?: unknown[],
  ): Promise<{ rows: Record<string, unknown>[]; rowCount: number | null }>;
}

export interface PostgresClient extends PostgresQueries {
  /** With `true` the connection is closed, not used again. */
  release(destroy?: boolean): void;
}

export interface PostgresPool extends PostgresQueries {
  connect(): Promise<PostgresClient>;
}

export interface PostgresStore extends TransactionalStore<PostgresQueries> {
  /** Creates the tables where they are missing. Call it once before the first request; it may run in several processes. */
  migrate(): Promise<void>;
}

/** The pool stays the application's: `close` does not end it. */
export function postgresStore(pool: PostgresPool): PostgresStore {
  return new Store(pool);
}

type StateUpdate = { key: StateKey; facts: FactSet } | null;
type LetterId = { id: string; consumer: string };

class Store implements PostgresStore {
  readonly #pool: PostgresPool;

  constructor(pool: PostgresPool) {
    this.#pool = pool;
  }

  async migrate(): Promise<void> {
    await this.#transaction(async (tx) => {
      // CREATE … IF NOT EXISTS fails when two do it at the same time.
      await tx.query(sql.LOCK, ['postrider-receiver-migrate']);
      await tx.query(sql.SCHEMA);
    });
  }

  async enqueue(jobs: readonly NewJob[], now: number, guard?: string): Promise<NewJob[]> {
    if (guard === undefined) return insert(this.#pool, jobs, now);
    return this.#transaction(async (tx) => {
      const { rowCount } = await tx.query(sql.INSERT_GUARD, [guard, now]);
      return rowCount === 0 ? [] : insert(tx, jobs, now);
    });
  }

  async take({ limit, now, leaseUntil, consumers, ordered }: TakeOptions): Promise<Job[]> {
    const values = [now, leaseUntil, consumers, limit];
    if (!ordered) return jobsOf(await this.#pool.query(sql.TAKE, values));
    // Mostly nothing is due: then there is no need to wait for the others.
    const { rows } = await this.#pool.query(sql.ANY_DUE, [now, consumers]);
    if (rows.length === 0) return [];
    return this.#transaction(async (tx) => {
      // Two who take at the same time could see, each, another of one message's events first.
      await tx.query(sql.LOCK, ['postrider-receiver-take']);
      return jobsOf(await tx.query(sql.TAKE_ORDERED, values));
    });
  }

  facts(key: StateKey): Promise<FactSet> {
    return factsOf(this.#pool, key);
  }

  async done(job: Job, now: number, state: StateUpdate): Promise<boolean> {
    if (state === null) return markDone(this.#pool, job, now);
    return this.#transaction((tx) => finish(tx, job, now, state));
  }

  async retryLater(job: Job, dueAt: number, reason: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(sql.RETRY, [...mine(job), dueAt, clean(reason)]);
    return rowCount === 1;
  }

  async deadLetter(job: Job, now: number, reason: string): Promise<boolean> {
    const { rowCount } = await this.#pool.query(sql.BURY, [...mine(job), now, clean(reason)]);
    return rowCount === 1;
  }

  async keepUnusable({ id, reason, raw }: Unusable, now: number): Promise<void> {
    await this.#pool.query(sql.INSERT_UNUSABLE, [id, now, clean(reason), clean(raw)]);
  }

  async deadLetters({ consumer, limit = MAX_LETTERS, after }: DeadLetterQuery = {}): Promise<DeadLetter[]> {
    const place = [after?.at ?? null, after?.id ?? null, after?.consumer ?? null];
    const { rows } = await this.#pool.query(sql.LETTERS, [consumer ?? null, ...place, limit]);
    return (rows as unknown as LetterRow[]).map(letterOf);
  }

  async redrive(letters: readonly LetterId[], now: number): Promise<number> {
    const { rowCount } = await this.#pool.query(sql.REDRIVE, [...columns(letters), now]);
    return rowCount ?? 0;
  }

  async discard(letters: readonly LetterId[]): Promise<number> {
    const { rowCount } = await this.#pool.query(sql.DISCARD, columns(letters));
    return rowCount ?? 0;
  }

  async seqs(
    lane: string,
    { from, to, limit }: { from: number; to: number; limit: number },
  ): Promise<number[]> {
    const { rows } = await this.#pool.query(sql.SEQS, [lane, from, to, limit]);
    return rows.map(({ seq }) => Number(seq));
  }

  async lane(lane: string): Promise<string | null> {
    const { rows } = await this.#pool.query('SELECT state FROM postrider_lanes WHERE lane = $1', [lane]);
    return rows[0] === undefined ? null : String(rows[0]['state']);
  }

  async setLane(lane: string, text: string): Promise<void> {
    await this.#pool.query(sql.SET_LANE, [lane, text]);
  }

  async prune(before: { done: number; dead: number; states: number }): Promise<number> {
    let total = 0;
    for (const [text, name] of sql.PRUNES) {
      let count: number;
      do {
        count = (await this.#pool.query(text, [before[name], sql.PRUNE_STEP])).rowCount ?? 0;
        total += count;
      } while (count === sql.PRUNE_STEP);
    }
    return total;
  }

  async counts(): Promise<{ ready: number; taken: number; dead: number }> {
    const counts = { ready: 0, taken: 0, dead: 0 };
    const { rows } = await this.#pool.query(sql.COUNTS);
    for (const row of rows) counts[row['status'] as keyof typeof counts] = Number(row['count']);
    return counts;
  }

  transaction(job: Job, { now, state, run, signal }: TransactionWork<PostgresQueries>): Promise<boolean> {
    return this.#transaction(async (tx) => {
      // First of all, so that another process with the same job waits for this one, and then sees that it is done.
      if (!(await markDone(tx, job, now))) return false;
      await run(tx, state === null ? 0 : await factsOf(tx, state.key));
      if (state !== null) await keepFacts(tx, state, now);
      return true;
    }, signal);
  }

  async close(): Promise<void> {
    // The pool is the application's.
  }

  /** Rolled back when `work` throws, or when the time is over: a handler that hangs must not keep its connection. */
  async #transaction<T>(work: (tx: PostgresQueries) => Promise<T>, signal?: AbortSignal): Promise<T> {
    const client = await this.#pool.connect();
    let released = false;
    const release = (destroy: boolean): void => {
      if (!released) client.release(destroy);
      released = true;
    };
    const abort = (): void => release(true);
    signal?.addEventListener('abort', abort, { once: true });
    try {
      signal?.throwIfAborted();
      await client.query('BEGIN');
      const result = await work(client);
      signal?.throwIfAborted();
      signal?.removeEventListener('abort', abort);
      await client.query('COMMIT');
      release(false);
      return result;
    } catch (error) {
      await rollback(client, released, release);
      throw error;
    } finally {
      signal?.removeEventListener('abort', abort);
    }
  }
}

/** The error that led here is the one to tell; a connection that cannot even roll back is closed, which does it too. */
async function rollback(
  client: PostgresClient,
  released: boolean,
  release: (destroy: boolean) => void,
): Promise<void> {
  if (released) return;
  try {
    await client.query('ROLLBACK');
    release(false);
  } catch {
    release(true);
  }
}

/** In the order of ids, so that two with the same events never wait for one another in a circle; positions keep theirs. */
async function insert(on: PostgresQueries, jobs: readonly NewJob[], now: number): Promise<NewJob[]> {
  const { rows } = await on.query(sql.INSERT_JOBS, [
    jobs.map(({ id }) => id),
    jobs.map(({ consumer }) => consumer),
    jobs.map(({ lane }) => lane),
    jobs.map(({ event }) => event.seq),
    jobs.map(({ orderKey }) => orderKey),
    jobs.map(({ replay }) => replay),
    jobs.map(({ event }) => JSON.stringify(event)),
    now,
  ]);
  const fresh = new Set(rows.map(({ id, consumer }) => JSON.stringify([id, consumer])));
  return jobs.filter(({ id, consumer }) => fresh.delete(JSON.stringify([id, consumer])));
}

async function finish(
  tx: PostgresQueries,
  job: Job,
  now: number,
  state: NonNullable<StateUpdate>,
): Promise<boolean> {
  if (!(await markDone(tx, job, now))) return false;
  await keepFacts(tx, state, now);
  return true;
}

async function markDone(on: PostgresQueries, job: Job, now: number): Promise<boolean> {
  const { rowCount } = await on.query(sql.DONE, [...mine(job), now]);
  return rowCount === 1;
}

async function keepFacts(
  on: PostgresQueries,
  { key, facts }: NonNullable<StateUpdate>,
  now: number,
): Promise<void> {
  await on.query(sql.KEEP_FACTS, [...keyValues(key), facts, now]);
}

async function factsOf(on: PostgresQueries, key: StateKey): Promise<FactSet> {
  const { rows } = await on.query(sql.FACTS, keyValues(key));
  return Number(rows[0]?.['facts'] ?? 0);
}

function jobsOf({ rows }: { rows: Record<string, unknown>[] }): Job[] {
  // RETURNING gives rows in no order.
  const sorted = (rows as unknown as JobRow[]).sort((a, b) => Number(a.position) - Number(b.position));
  return sorted.map(({ id, consumer, lane, replay, attempt, order_key: orderKey, event }) => ({
    id,
    consumer,
    lane,
    replay,
    attempt,
    orderKey,
    event: JSON.parse(event) as Job['event'],
  }));
}

interface JobRow {
  position: string;
  id: string;
  consumer: string;
  attempt: number;
  lane: string;
  order_key: string | null;
  replay: string | null;
  event: string;
}

function mine({ id, consumer, attempt }: Job): unknown[] {
  return [id, consumer, attempt];
}

function keyValues({ consumer, messageId, recipient }: StateKey): unknown[] {
  return [consumer, messageId, recipient];
}

function columns(letters: readonly LetterId[]): [string[], string[]] {
  return [letters.map(({ id }) => id), letters.map(({ consumer }) => consumer)];
}

/** PostgreSQL's text holds every character but NUL. */
function clean(text: string): string {
  return text.replaceAll('\0', '\uFFFD');
}
