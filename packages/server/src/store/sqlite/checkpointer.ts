/** When to checkpoint: in the background as the log grows, and in a quiet moment when it grows too long. */

import { once } from 'node:events';
import { statSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import type { CheckpointOptions, CheckpointTask } from './checkpoint-thread.ts';
import { WORKER_LIMITS } from './worker-limits.ts';
import { fromWireError, type Outcome } from './protocol.ts';

/** A log shorter than this is left alone: moving few pages often costs more than many at once. */
const WORTH_IT_BYTES = 4 * 1024 * 1024;

export class Checkpointer {
  readonly #worker: Worker;
  readonly #walPath: string;
  readonly #limitBytes: number;
  readonly #quietly: (work: () => Promise<void>) => Promise<void>;
  readonly #timer: NodeJS.Timeout;
  #busy: Promise<unknown> = Promise.resolve();
  #running = false;
  #closing = false;
  #dead: Error | null = null;
  readonly #died = Promise.withResolvers<never>();
  /** The thread is gone: the log grows without end, and nothing can be backed up. */
  onDeath: (error: Error) => void = () => {};
  lastError: string | null = null;

  private constructor(
    worker: Worker,
    path: string,
    limitBytes: number,
    quietly: (work: () => Promise<void>) => Promise<void>,
  ) {
    this.#worker = worker;
    this.#walPath = `${path}-wal`;
    this.#limitBytes = limitBytes;
    this.#quietly = quietly;
    // Most of the time nobody waits for it.
    this.#died.promise.catch(() => undefined);
    worker.on('error', (error) => this.#die(error as Error));
    worker.on('exit', (code) => {
      if (!this.#closing) this.#die(new Error(`The checkpointing thread ended with code ${code}.`));
    });
    this.#timer = setInterval(() => void this.#look(), 250);
    this.#timer.unref();
  }

  /** `limitBytes`: a log longer than this gets the writer's quiet moment, so that it can start over. */
  static async start(
    path: string,
    limitBytes: number,
    quietly: (work: () => Promise<void>) => Promise<void>,
  ): Promise<Checkpointer> {
    const options: CheckpointOptions = { path };
    const worker = new Worker(new URL('./checkpoint-thread.ts', import.meta.url), {
      workerData: options,
      resourceLimits: WORKER_LIMITS,
    });
    await once(worker, 'message');
    return new Checkpointer(worker, path, limitBytes, quietly);
  }

  get walBytes(): number {
    return statSync(this.#walPath, { throwIfNoEntry: false })?.size ?? 0;
  }

  backup(to: string): Promise<number> {
    return this.#alone(() => this.#ask({ kind: 'backup', to })) as Promise<number>;
  }

  /** A failed checkpoint loses nothing, the log merely stays long; it is tried again and shown in health. */
  async #look(): Promise<void> {
    if (this.#running || this.#dead !== null) return;
    const bytes = this.walBytes;
    if (bytes < WORTH_IT_BYTES) return;
    this.#running = true;
    try {
      await this.#alone(() => this.#checkpoint(bytes));
      this.lastError = null;
    } catch (error) {
      this.lastError = (error as Error).message;
    } finally {
      this.#running = false;
    }
  }

  async #checkpoint(walBytes: number): Promise<void> {
    await this.#ask({ kind: 'checkpoint' });
    // Most pages are moved now. The rest takes a moment without commits, after which the log starts over.
    if (walBytes > this.#limitBytes)
      await this.#quietly(async () => void (await this.#ask({ kind: 'checkpoint' })));
  }

  /** One piece of work at a time: the writer's quiet moment must wait neither for a backup nor for the close. */
  #alone<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#busy.then(work);
    this.#busy = result.catch(() => undefined);
    return result;
  }

  async #ask(task: CheckpointTask): Promise<unknown> {
    const answered = once(this.#worker, 'message');
    this.#worker.postMessage(task);
    const [outcome] = (await Promise.race([answered, this.#died.promise])) as [Outcome];
    if (!outcome.ok) throw fromWireError(outcome.error);
    return outcome.value;
  }

  #die(error: Error): void {
    // An error is followed by the end of the thread.
    if (this.#dead !== null) return;
    this.#dead = error;
    this.lastError = error.message;
    this.#died.reject(error);
    this.onDeath(error);
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#busy;
    this.#closing = true;
    if (this.#dead !== null) return;
    const ended = once(this.#worker, 'exit');
    this.#worker.postMessage({ kind: 'close' } satisfies CheckpointTask);
    await ended;
  }
}
