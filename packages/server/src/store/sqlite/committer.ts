/**
 * One transaction in flight. What arrives while it is on its way to the disk (accepts and results alike)
 * forms the next one; callers are answered after their commit. No timer windows: on a fast disk commits are
 * small and quick, on a slow one they grow by themselves. Measured: 38k events/s kept when a commit takes
 * 2 ms more, where one commit per command falls to 482.
 */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { PostriderError } from '../../domain/errors.ts';
import type { ChangeColumns } from './changes.ts';
import type { CommandArgs, CommandName, CommandResult } from './commands.ts';
import { WORKER_LIMITS } from './worker-limits.ts';
import { fromWireError, type Call, type Outcome, type WriteReply, type WriterMessage } from './protocol.ts';
import type { WriterOptions } from './writer-thread.ts';

export interface CommitterLimits {
  /** Rows that wait or are in flight beyond which new work from the doors is refused. */
  queueRows: number;
  /** Bytes likewise: messages are large. */
  queueBytes: number;
}

/** What a command weighs: how much of a transaction, and of memory while it waits. */
export interface Weight {
  rows: number;
  bytes: number;
}

interface Waiting {
  call: Call;
  weight: Weight;
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

/** What a guard of the house answers for. `reason` tells the sender, the code what kind of trouble it is. */
export type RefusedFor = 'disk' | 'memory';
const REFUSALS = {
  disk: { code: 'storage_unavailable', retryAfterSeconds: 30 },
  memory: { code: 'overloaded', retryAfterSeconds: 5 },
} as const satisfies Record<RefusedFor, unknown>;

/** Enough that the cost of a commit is spread thin, small enough that nobody waits long (a few ms of work). */
const ROWS_PER_TRANSACTION = 2000;
const LIGHT: Weight = { rows: 1, bytes: 200 };

export class Committer {
  readonly #worker: Worker;
  readonly #limits: CommitterLimits;
  #waiting: Waiting[] = [];
  #flying: Waiting[] = [];
  #rows = 0;
  #bytes = 0;
  #held: (() => void) | null = null;
  #holding = false;
  #dead: Error | null = null;
  #closing = false;
  #drained: (() => void) | null = null;
  onChanges: (changes: ChangeColumns) => void = () => {};
  onCommit: (milliseconds: number, commands: number) => void = () => {};
  /** The writer thread is gone: nothing can be committed any more. */
  onDeath: (error: Error) => void = () => {};
  lastError: string | null = null;
  /** Why no new work is taken, by who says so; empty = it is. What is under way may still be committed. */
  readonly refusals = new Map<RefusedFor, string>();

  private constructor(worker: Worker, limits: CommitterLimits) {
    this.#worker = worker;
    this.#limits = limits;
    worker.on('message', (reply: WriteReply) => this.#landed(reply));
    worker.on('error', (error) => this.#died(error as Error));
    worker.on('exit', (code) => {
      if (!this.#closing) this.#died(new Error(`The writer thread ended with code ${code}.`));
    });
  }

  /** Rejects with the writer's own error when the database cannot be opened or migrated. */
  static async start(options: WriterOptions, limits: CommitterLimits): Promise<Committer> {
    const worker = new Worker(new URL('./writer-thread.ts', import.meta.url), {
      workerData: options,
      resourceLimits: WORKER_LIMITS,
    });
    await once(worker, 'message');
    return new Committer(worker, limits);
  }

  get queued(): number {
    return this.#waiting.length + this.#flying.length;
  }

  get queuedBytes(): number {
    return this.#bytes;
  }

  /** Work from a door: refused while there are `refusals`, and with `overloaded` when too much is waiting already. */
  admit<N extends CommandName>(name: N, args: CommandArgs<N>, weight: Weight): Promise<CommandResult<N>> {
    for (const [by, reason] of this.refusals) {
      const { code, retryAfterSeconds } = REFUSALS[by];
      return Promise.reject(new PostriderError(code, reason, { retryAfterSeconds }));
    }
    if (
      this.#rows + weight.rows > this.#limits.queueRows ||
      this.#bytes + weight.bytes > this.#limits.queueBytes
    ) {
      // One alone always gets in, however heavy, or it never would.
      if (this.queued > 0) {
        return Promise.reject(
          new PostriderError('overloaded', 'Too much is waiting to be committed.', { retryAfterSeconds: 1 }),
        );
      }
    }
    return this.run(name, args, weight);
  }

  run<N extends CommandName>(
    name: N,
    args: CommandArgs<N>,
    weight: Weight = LIGHT,
  ): Promise<CommandResult<N>> {
    if (this.#dead !== null || this.#closing) {
      return Promise.reject(
        new PostriderError('storage_unavailable', this.#dead?.message ?? 'The store is closed.', {
          retryAfterSeconds: 5,
        }),
      );
    }
    return new Promise((resolve, reject) => {
      this.#rows += weight.rows;
      this.#bytes += weight.bytes;
      this.#waiting.push({
        call: { name, args },
        weight,
        resolve: resolve as (value: unknown) => void,
        reject,
      });
      this.#next();
    });
  }

  /** Runs `work` while no transaction is in flight and none begins: the checkpointer's quiet moment. */
  async quietly(work: () => Promise<void>): Promise<void> {
    this.#holding = true;
    if (this.#flying.length > 0) await new Promise<void>((resolve) => (this.#held = resolve));
    try {
      await work();
    } finally {
      this.#holding = false;
      this.#next();
    }
  }

  #next(): void {
    if (this.#holding || this.#flying.length > 0 || this.#waiting.length === 0) return;
    this.#flying = this.#take();
    const message: WriterMessage = {
      kind: 'transaction',
      calls: this.#flying.map((waiting) => waiting.call),
    };
    this.#worker.postMessage(message);
  }

  #take(): Waiting[] {
    let rows = 0;
    let count = 0;
    for (const { weight } of this.#waiting) {
      if (count > 0 && rows + weight.rows > ROWS_PER_TRANSACTION) break;
      rows += weight.rows;
      count++;
    }
    return this.#waiting.splice(0, count);
  }

  #landed(reply: WriteReply): void {
    const landed = this.#flying.splice(0, reply.outcomes.length);
    // What the transaction had no room for keeps its place.
    if (this.#flying.length > 0) this.#waiting = [...this.#flying, ...this.#waiting];
    this.#flying = [];
    for (const { weight } of landed) {
      this.#rows -= weight.rows;
      this.#bytes -= weight.bytes;
    }
    if (this.#held !== null) {
      this.#held();
      this.#held = null;
    }
    this.#next();
    this.onCommit(reply.commitMs, landed.length);
    for (let i = 0; i < landed.length; i++) this.#answer(landed[i] as Waiting, reply.outcomes[i] as Outcome);
    if (reply.changes !== null) this.onChanges(reply.changes);
    if (this.#flying.length === 0 && this.#waiting.length === 0) this.#drained?.();
  }

  #answer(waiting: Waiting, outcome: Outcome): void {
    if (outcome.ok) {
      this.lastError = null;
      waiting.resolve(outcome.value);
      return;
    }
    if (outcome.error.code === 'storage_unavailable') this.lastError = outcome.error.message;
    waiting.reject(fromWireError(outcome.error));
  }

  #died(error: Error): void {
    this.#dead = error;
    this.lastError = error.message;
    const lost = [...this.#flying, ...this.#waiting];
    this.#flying = [];
    this.#waiting = [];
    // What was in flight may or may not be on disk: the caller must not take it for done.
    for (const waiting of lost) {
      waiting.reject(
        new PostriderError('storage_unavailable', error.message, { retryAfterSeconds: 5, cause: error }),
      );
    }
    this.#drained?.();
    this.onDeath(error);
  }

  /** Commits what is queued, then ends the thread. */
  async close(): Promise<void> {
    if (this.#dead === null && this.queued > 0)
      await new Promise<void>((resolve) => (this.#drained = resolve));
    this.#closing = true;
    if (this.#dead !== null) return;
    const ended = once(this.#worker, 'exit');
    this.#worker.postMessage({ kind: 'close' } satisfies WriterMessage);
    await ended;
  }
}
