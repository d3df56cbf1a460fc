/** Calls to the reader thread. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { PostriderError } from '../../domain/errors.ts';
import { WORKER_LIMITS } from './worker-limits.ts';
import { fromWireError, type ReaderMessage, type ReaderReply } from './protocol.ts';
import type { QueryArgs, QueryName, QueryResult } from './queries.ts';
import type { ReaderOptions } from './reader-thread.ts';

/** Queries waiting beyond this are refused: a reader that cannot keep up must not fill the memory. */
const MAX_WAITING = 1000;

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

export class Reader {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #lastId = 0;
  #dead: Error | null = null;
  #closing = false;
  /** The thread is gone: nothing can be read any more. */
  onDeath: (error: Error) => void = () => {};

  private constructor(worker: Worker) {
    this.#worker = worker;
    worker.on('message', ({ id, outcome }: ReaderReply) => {
      const waiting = this.#waiting.get(id);
      this.#waiting.delete(id);
      if (outcome.ok) waiting?.resolve(outcome.value);
      else waiting?.reject(fromWireError(outcome.error));
    });
    worker.on('error', (error) => this.#died(error as Error));
    worker.on('exit', (code) => {
      if (!this.#closing) this.#died(new Error(`The reader thread ended with code ${code}.`));
    });
  }

  static async start(options: ReaderOptions): Promise<Reader> {
    const worker = new Worker(new URL('./reader-thread.ts', import.meta.url), {
      workerData: options,
      resourceLimits: WORKER_LIMITS,
    });
    await once(worker, 'message');
    return new Reader(worker);
  }

  query<N extends QueryName>(name: N, args: QueryArgs<N>): Promise<QueryResult<N>> {
    if (this.#dead !== null || this.#closing) {
      return Promise.reject(
        new PostriderError('storage_unavailable', this.#dead?.message ?? 'The store is closed.', {
          retryAfterSeconds: 5,
        }),
      );
    }
    if (this.#waiting.size >= MAX_WAITING) {
      return Promise.reject(
        new PostriderError('overloaded', 'Too many reads are waiting.', { retryAfterSeconds: 1 }),
      );
    }
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      this.#waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
      const message: ReaderMessage = { kind: 'call', id, call: { name, args } };
      this.#worker.postMessage(message);
    });
  }

  #died(error: Error): void {
    // An error is followed by the end of the thread.
    if (this.#dead !== null) return;
    this.#dead = error;
    for (const { reject } of this.#waiting.values()) {
      reject(
        new PostriderError('storage_unavailable', error.message, { retryAfterSeconds: 5, cause: error }),
      );
    }
    this.#waiting.clear();
    this.onDeath(error);
  }

  async close(): Promise<void> {
    this.#closing = true;
    if (this.#dead !== null) return;
    const ended = once(this.#worker, 'exit');
    this.#worker.postMessage({ kind: 'close' } satisfies ReaderMessage);
    await ended;
  }
}
