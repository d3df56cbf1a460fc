/**
 * A store in memory: for tests, and where a restart may lose what was acknowledged. Bounded: past `maxJobs` unfinished
 * jobs it refuses, and the sender is asked to come back.
 */

import type { FactSet } from '@postrider/contract/state';
import type {
  DeadLetter,
  DeadLetterQuery,
  Job,
  NewJob,
  ReceiverStore,
  StateKey,
  TakeOptions,
} from './store.ts';

interface Row {
  job: NewJob;
  status: 'ready' | 'taken' | 'done' | 'dead';
  attempt: number;
  dueAt: number;
  reason: string;
  at: number;
  raw: string | null;
}

const DEFAULT_MAX_JOBS = 100_000;
const MAX_PAGE = 100;

export function memoryStore({ maxJobs = DEFAULT_MAX_JOBS }: { maxJobs?: number } = {}): ReceiverStore {
  return new MemoryStore(maxJobs);
}

class MemoryStore implements ReceiverStore {
  readonly #rows = new Map<string, Row>();
  /** Unfinished ones, in order of arrival. */
  readonly #open = new Map<string, Row>();
  readonly #guards = new Map<string, number>();
  readonly #facts = new Map<string, { facts: FactSet; at: number }>();
  readonly #lanes = new Map<string, string>();
  readonly #maxJobs: number;

  constructor(maxJobs: number) {
    this.#maxJobs = maxJobs;
  }

  async enqueue(jobs: readonly NewJob[], now: number, guard?: string): Promise<NewJob[]> {
    if (guard !== undefined && this.#guards.has(guard)) return [];
    const fresh = new Map<string, NewJob>();
    for (const job of jobs)
      if (!this.#rows.has(rowKey(job)) && !fresh.has(rowKey(job))) fresh.set(rowKey(job), job);
    if (this.#open.size + fresh.size > this.#maxJobs)
      throw new Error(
        `The memory store holds ${this.#open.size} unfinished jobs of at most ${this.#maxJobs}.`,
      );
    if (guard !== undefined) this.#guards.set(guard, now);
    for (const [key, job] of fresh) {
      const row: Row = { job, status: 'ready', attempt: 0, dueAt: now, reason: '', at: now, raw: null };
      this.#rows.set(key, row);
      this.#open.set(key, row);
    }
    return [...fresh.values()];
  }

  async take({ limit, now, leaseUntil, consumers, ordered }: TakeOptions): Promise<Job[]> {
    const taken: Job[] = [];
    const ahead = new Set<string>();
    for (const row of this.#open.values()) {
      if (taken.length >= limit) break;
      if (!consumers.includes(row.job.consumer)) continue;
      const lane = row.job.orderKey === null ? null : JSON.stringify([row.job.consumer, row.job.orderKey]);
      const blocked = ordered && lane !== null && ahead.has(lane);
      if (lane !== null) ahead.add(lane);
      if (blocked || row.dueAt > now) continue;
      row.status = 'taken';
      row.attempt++;
      row.dueAt = leaseUntil;
      taken.push({ ...row.job, attempt: row.attempt });
    }
    return taken;
  }

  async facts(key: StateKey): Promise<FactSet> {
    return this.#facts.get(stateKey(key))?.facts ?? 0;
  }

  async done(job: Job, now: number, state: { key: StateKey; facts: FactSet } | null): Promise<boolean> {
    const row = this.#leased(job);
    if (row === null) return false;
    this.#finish(row, 'done', now, '');
    if (state !== null) {
      const key = stateKey(state.key);
      this.#facts.set(key, { facts: (this.#facts.get(key)?.facts ?? 0) | state.facts, at: now });
    }
    return true;
  }

  async retryLater(job: Job, dueAt: number, reason: string): Promise<boolean> {
    const row = this.#leased(job);
    if (row === null) return false;
    Object.assign(row, { status: 'ready', dueAt, reason });
    return true;
  }

  async deadLetter(job: Job, now: number, reason: string): Promise<boolean> {
    const row = this.#leased(job);
    if (row === null) return false;
    this.#finish(row, 'dead', now, reason);
    return true;
  }

  async keepUnusable(
    { id, reason, raw }: { id: string; reason: string; raw: string },
    now: number,
  ): Promise<void> {
    const job = { id, consumer: '', orderKey: null, replay: null, lane: '' } as unknown as NewJob;
    if (this.#rows.has(rowKey(job))) return;
    this.#rows.set(rowKey(job), { job, status: 'dead', attempt: 0, dueAt: 0, reason, at: now, raw });
  }

  async deadLetters({ consumer, limit = MAX_PAGE, after }: DeadLetterQuery = {}): Promise<DeadLetter[]> {
    const letters = [...this.#rows.values()]
      .filter((row) => row.status === 'dead' && (consumer === undefined || row.job.consumer === consumer))
      .map(letterOf)
      .sort(newestFirst);
    const start = after === undefined ? 0 : letters.findIndex((letter) => newestFirst(after, letter) < 0);
    return start < 0 ? [] : letters.slice(start, start + limit);
  }

  async redrive(letters: readonly { id: string; consumer: string }[], now: number): Promise<number> {
    let count = 0;
    for (const letter of letters) {
      const row = this.#rows.get(rowKey(letter));
      if (row?.status !== 'dead' || row.raw !== null) continue;
      Object.assign(row, { status: 'ready', attempt: 0, dueAt: now, reason: '' });
      this.#open.set(rowKey(letter), row);
      count++;
    }
    return count;
  }

  async discard(letters: readonly { id: string; consumer: string }[]): Promise<number> {
    let count = 0;
    for (const letter of letters) {
      const row = this.#rows.get(rowKey(letter));
      if (row?.status !== 'dead') continue;
      row.status = 'done';
      count++;
    }
    return count;
  }

  async seqs(
    lane: string,
    { from, to, limit }: { from: number; to: number; limit: number },
  ): Promise<number[]> {
    const found = new Set<number>();
    for (const { job } of this.#rows.values())
      if (job.lane === lane && job.event?.seq && job.event.seq >= from && job.event.seq <= to)
        found.add(job.event.seq);
    return [...found].sort((a, b) => a - b).slice(0, limit);
  }

  async lane(lane: string): Promise<string | null> {
    return this.#lanes.get(lane) ?? null;
  }

  async setLane(lane: string, text: string): Promise<void> {
    this.#lanes.set(lane, text);
  }

  async prune(before: { done: number; dead: number; states: number }): Promise<number> {
    let count = 0;
    for (const [key, row] of this.#rows)
      if ((row.status === 'done' && row.at < before.done) || (row.status === 'dead' && row.at < before.dead))
        count += Number(this.#rows.delete(key));
    for (const [key, { at }] of this.#facts) if (at < before.states) count += Number(this.#facts.delete(key));
    for (const [key, at] of this.#guards) if (at < before.done) count += Number(this.#guards.delete(key));
    return count;
  }

  async counts(): Promise<{ ready: number; taken: number; dead: number }> {
    const counts = { ready: 0, taken: 0, dead: 0 };
    for (const { status } of this.#rows.values()) if (status !== 'done') counts[status]++;
    return counts;
  }

  async close(): Promise<void> {
    // Nothing is held but memory.
  }

  #leased(job: Job): Row | null {
    const row = this.#open.get(rowKey(job));
    return row?.status === 'taken' && row.attempt === job.attempt ? row : null;
  }

  #finish(row: Row, status: 'done' | 'dead', now: number, reason: string): void {
    Object.assign(row, { status, at: now, reason });
    this.#open.delete(rowKey(row.job));
  }
}

function rowKey({ id, consumer }: { id: string; consumer: string }): string {
  return JSON.stringify([id, consumer]);
}

function stateKey({ consumer, messageId, recipient }: StateKey): string {
  return JSON.stringify([consumer, messageId, recipient]);
}

function letterOf({ job, reason, attempt, at, raw }: Row): DeadLetter {
  return {
    id: job.id,
    consumer: job.consumer,
    reason,
    attempts: attempt,
    at,
    event: raw === null ? job.event : null,
    raw,
  };
}

type Place = Pick<DeadLetter, 'at' | 'id' | 'consumer'>;

function newestFirst(a: Place, b: Place): number {
  if (a.at !== b.at) return b.at - a.at;
  const [x, y] = [rowKey(a), rowKey(b)];
  if (x === y) return 0;
  return x < y ? 1 : -1;
}
