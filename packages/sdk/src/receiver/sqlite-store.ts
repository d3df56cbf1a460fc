/**
 * A store in one SQLite file (node:sqlite), for one process: write-ahead log, every commit synced, commits shared.
 *
 * Transactional mode: a handler writes through `tx`, which is this store's connection, and has to be synchronous: while it
 * runs, nothing else does, and what it wrote commits with the done mark. Asynchronous work belongs in a store of its own.
 */

import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import type { FactSet } from '@postrider/contract/state';
import { GroupCommit } from './group-commit.ts';
import { Unrecoverable } from './handlers.ts';
import { letterOf, MAX_LETTERS, type LetterRow } from './letter-row.ts';
import { SQLITE_SCHEMA } from './sqlite-schema.ts';
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

export interface SqliteStore extends TransactionalStore<DatabaseSync> {
  /** The store's connection: for tables of one's own that transactional handlers write. */
  readonly database: DatabaseSync;
}

const BUSY_TIMEOUT_MS = 1_000;
/** Rows that one `prune` step deletes, so that no commit takes long. */
const PRUNE_STEP = 5_000;

export function sqliteStore(path: string): SqliteStore {
  return new Store(path);
}

type Values = Record<string, SQLInputValue>;
type StateUpdate = { key: StateKey; facts: FactSet } | null;

class Store implements SqliteStore {
  readonly database: DatabaseSync;
  readonly #commits: GroupCommit;
  readonly #statements = new Map<string, StatementSync>();

  constructor(path: string) {
    this.database = new DatabaseSync(path, { timeout: BUSY_TIMEOUT_MS });
    this.database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    this.database.exec(SQLITE_SCHEMA);
    this.#commits = new GroupCommit(this.database);
  }

  enqueue(jobs: readonly NewJob[], now: number, guard?: string): Promise<NewJob[]> {
    return this.#commits.write(() => {
      if (guard !== undefined && this.#run(INSERT_GUARD, { id: guard, at: now }) === 0) return [];
      return jobs.filter((job) => this.#run(INSERT_JOB, valuesOf(job, now)) === 1);
    });
  }

  take({ limit, now, leaseUntil, consumers, ordered }: TakeOptions): Promise<Job[]> {
    const due = { now, limit, consumers: JSON.stringify(consumers) };
    // Mostly nothing is due: then there is nothing to commit.
    if (this.#all(ordered ? DUE_ORDERED : DUE, { ...due, limit: 1 }).length === 0) return Promise.resolve([]);
    return this.#commits.write(() => {
      const rows = this.#all(ordered ? DUE_ORDERED : DUE, due) as unknown as JobRow[];
      return rows.map((row) => {
        this.#run(TAKE, { position: row.position, due_at: leaseUntil });
        return jobOf(row);
      });
    });
  }

  facts(key: StateKey): Promise<FactSet> {
    return Promise.resolve(this.#facts(key));
  }

  done(job: Job, now: number, state: StateUpdate): Promise<boolean> {
    return this.#commits.write(() => this.#done(job, now, state));
  }

  retryLater({ id, consumer, attempt }: Job, dueAt: number, reason: string): Promise<boolean> {
    return this.#commits.write(
      () => this.#run(RETRY, { id, consumer, attempt, due_at: dueAt, reason }) === 1,
    );
  }

  deadLetter({ id, consumer, attempt }: Job, now: number, reason: string): Promise<boolean> {
    return this.#commits.write(() => this.#run(BURY, { id, consumer, attempt, at: now, reason }) === 1);
  }

  async keepUnusable({ id, reason, raw }: Unusable, now: number): Promise<void> {
    await this.#commits.write(() => this.#run(INSERT_UNUSABLE, { id, at: now, reason, raw }));
  }

  deadLetters({ consumer, limit = MAX_LETTERS, after }: DeadLetterQuery = {}): Promise<DeadLetter[]> {
    const rows = this.#all(LETTERS, {
      wanted: consumer ?? null,
      limit,
      at: after?.at ?? null,
      id: after?.id ?? null,
      consumer: after?.consumer ?? null,
    });
    return Promise.resolve((rows as unknown as LetterRow[]).map(letterOf));
  }

  redrive(letters: readonly { id: string; consumer: string }[], now: number): Promise<number> {
    return this.#commits.write(() =>
      letters.reduce((count, { id, consumer }) => count + this.#run(REDRIVE, { id, consumer, now }), 0),
    );
  }

  discard(letters: readonly { id: string; consumer: string }[]): Promise<number> {
    return this.#commits.write(() =>
      letters.reduce((count, { id, consumer }) => count + this.#run(DISCARD, { id, consumer }), 0),
    );
  }

  seqs(lane: string, range: { from: number; to: number; limit: number }): Promise<number[]> {
    return Promise.resolve(this.#all(SEQS, { lane, ...range }).map(({ seq }) => Number(seq)));
  }

  lane(lane: string): Promise<string | null> {
    const [row] = this.#all('SELECT state FROM postrider_lanes WHERE lane = :lane', { lane });
    return Promise.resolve(row === undefined ? null : String(row['state']));
  }

  async setLane(lane: string, text: string): Promise<void> {
    await this.#commits.write(() => this.#run(SET_LANE, { lane, state: text }));
  }

  async prune(before: { done: number; dead: number; states: number }): Promise<number> {
    const values: Values = { ...before, step: PRUNE_STEP };
    let total = 0;
    for (const [sql, name] of PRUNES) {
      let count: number;
      do {
        const step = { before: values[name] as SQLInputValue, step: PRUNE_STEP };
        count = await this.#commits.write(() => this.#run(sql, step));
        total += count;
      } while (count === PRUNE_STEP);
    }
    return total;
  }

  counts(): Promise<{ ready: number; taken: number; dead: number }> {
    const counts = { ready: 0, taken: 0, dead: 0 };
    for (const row of this.#all(COUNTS, {}))
      counts[row['status'] as keyof typeof counts] = Number(row['count']);
    return Promise.resolve(counts);
  }

  transaction(job: Job, { now, state, run, signal }: TransactionWork<DatabaseSync>): Promise<boolean> {
    return this.#commits.write(() => {
      // While others' writes were committed, its time may have passed.
      signal.throwIfAborted();
      if (!this.#done(job, now, null)) return false;
      const result = run(this.database, state === null ? 0 : this.#facts(state.key));
      if (isThenable(result)) {
        Promise.resolve(result).catch(() => undefined);
        throw new Unrecoverable('With sqliteStore a transactional handler has to be synchronous, not async.');
      }
      this.#keepFacts(now, state);
      return true;
    });
  }

  async close(): Promise<void> {
    if (!this.database.isOpen) return;
    this.#commits.close();
    this.database.close();
  }

  #done({ id, consumer, attempt }: Job, now: number, state: StateUpdate): boolean {
    if (this.#run(DONE, { id, consumer, attempt, at: now }) === 0) return false;
    this.#keepFacts(now, state);
    return true;
  }

  #keepFacts(now: number, state: StateUpdate): void {
    if (state !== null) this.#run(KEEP_FACTS, { ...keyValues(state.key), facts: state.facts, at: now });
  }

  #facts(key: StateKey): FactSet {
    const [row] = this.#all(FACTS, keyValues(key));
    return row === undefined ? 0 : Number(row['facts']);
  }

  #run(sql: string, values: Values): number {
    return Number(this.#statement(sql).run(values).changes);
  }

  #all(sql: string, values: Values): Record<string, unknown>[] {
    return this.#statement(sql).all(values);
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) this.#statements.set(sql, (statement = this.database.prepare(sql)));
    return statement;
  }
}

interface JobRow {
  position: number;
  id: string;
  consumer: string;
  attempt: number;
  lane: string;
  order_key: string | null;
  replay: string | null;
  event: string;
}

const INSERT_GUARD = 'INSERT INTO postrider_guards (id, at) VALUES (:id, :at) ON CONFLICT DO NOTHING';
const INSERT_JOB = `INSERT INTO postrider_jobs (id, consumer, status, due_at, at, lane, seq, order_key, replay, event)
  VALUES (:id, :consumer, 'ready', :at, :at, :lane, :seq, :order_key, :replay, :event) ON CONFLICT DO NOTHING`;
const INSERT_UNUSABLE = `INSERT INTO postrider_jobs (id, consumer, status, at, reason, raw)
  VALUES (:id, '', 'dead', :at, :reason, :raw) ON CONFLICT DO NOTHING`;
const DUE = `SELECT * FROM postrider_jobs j WHERE due_at <= :now
  AND consumer IN (SELECT value FROM json_each(:consumers)) ORDER BY due_at, position LIMIT :limit`;
const DUE_ORDERED = DUE.replace(
  ' ORDER BY',
  ` AND (order_key IS NULL OR NOT EXISTS (SELECT 1 FROM postrider_jobs a WHERE a.due_at IS NOT NULL
    AND a.consumer = j.consumer AND a.order_key = j.order_key AND a.position < j.position)) ORDER BY`,
);
const TAKE = `UPDATE postrider_jobs SET status = 'taken', attempt = attempt + 1, due_at = :due_at WHERE position = :position`;
const MINE = `WHERE id = :id AND consumer = :consumer AND attempt = :attempt AND status = 'taken'`;
const DONE = `UPDATE postrider_jobs SET status = 'done', due_at = NULL, at = :at, event = NULL, reason = '' ${MINE}`;
const RETRY = `UPDATE postrider_jobs SET status = 'ready', due_at = :due_at, reason = :reason ${MINE}`;
const BURY = `UPDATE postrider_jobs SET status = 'dead', due_at = NULL, at = :at, reason = :reason ${MINE}`;
const FACTS = `SELECT facts FROM postrider_states
  WHERE consumer = :consumer AND message_id = :message_id AND recipient = :recipient`;
const KEEP_FACTS = `INSERT INTO postrider_states (consumer, message_id, recipient, facts, at)
  VALUES (:consumer, :message_id, :recipient, :facts, :at)
  ON CONFLICT DO UPDATE SET facts = facts | excluded.facts, at = excluded.at`;
const LETTERS = `SELECT id, consumer, reason, attempt, at, event, raw FROM postrider_jobs WHERE status = 'dead' AND due_at IS NULL
  AND (:wanted IS NULL OR consumer = :wanted) AND (:at IS NULL OR (at, id, consumer) < (:at, :id, :consumer))
  ORDER BY at DESC, id DESC, consumer DESC LIMIT :limit`;
const REDRIVE = `UPDATE postrider_jobs SET status = 'ready', attempt = 0, due_at = :now, reason = ''
  WHERE id = :id AND consumer = :consumer AND status = 'dead' AND event IS NOT NULL`;
const DISCARD = `UPDATE postrider_jobs SET status = 'done', event = NULL, raw = NULL
  WHERE id = :id AND consumer = :consumer AND status = 'dead'`;
const SEQS = `SELECT DISTINCT seq FROM postrider_jobs WHERE lane = :lane AND seq BETWEEN :from AND :to ORDER BY seq LIMIT :limit`;
const SET_LANE = `INSERT INTO postrider_lanes (lane, state) VALUES (:lane, :state) ON CONFLICT DO UPDATE SET state = excluded.state`;
const COUNTS = `SELECT status, count(*) AS count FROM postrider_jobs WHERE due_at IS NOT NULL GROUP BY status
  UNION ALL SELECT 'dead', count(*) FROM postrider_jobs WHERE status = 'dead' AND due_at IS NULL`;
const PRUNES = [
  [pruneJobs('done'), 'done'],
  [pruneJobs('dead'), 'dead'],
  [
    'DELETE FROM postrider_guards WHERE id IN (SELECT id FROM postrider_guards WHERE at < :before LIMIT :step)',
    'done',
  ],
  [
    `DELETE FROM postrider_states WHERE (consumer, message_id, recipient) IN
      (SELECT consumer, message_id, recipient FROM postrider_states WHERE at < :before LIMIT :step)`,
    'states',
  ],
] as const;

function pruneJobs(status: 'done' | 'dead'): string {
  return `DELETE FROM postrider_jobs WHERE position IN (SELECT position FROM postrider_jobs
    WHERE status = '${status}' AND due_at IS NULL AND at < :before LIMIT :step)`;
}

function valuesOf(job: NewJob, now: number): Values {
  const { id, consumer, lane, orderKey, replay, event } = job;
  return {
    id,
    consumer,
    at: now,
    lane,
    seq: event.seq,
    order_key: orderKey,
    replay,
    event: JSON.stringify(event),
  };
}

function keyValues({ consumer, messageId, recipient }: StateKey): Values {
  return { consumer, message_id: messageId, recipient };
}

/** The row is as it was before it was taken. */
function jobOf(row: JobRow): Job {
  const { id, consumer, lane, replay, order_key: orderKey } = row;
  const event = JSON.parse(row.event) as Job['event'];
  return { id, consumer, lane, replay, orderKey, event, attempt: row.attempt + 1 };
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | undefined)?.then === 'function';
}
