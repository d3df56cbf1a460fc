/** Runs handlers on what the store has queued: so many at a time, each within its time, again later when one fails. */

import { factsOf, stateOf, type FactSet } from '@postrider/contract/state';
import { handlerFor, Unrecoverable, type Handler, type HandlerContext, type Handlers } from './handlers.ts';
import type { Job, ReceiverStore, StateKey, TransactionalStore } from './store.ts';

export interface RetryPolicy {
  /** Attempts in all; the event is a dead letter after the last. */
  attempts: number;
  /** Milliseconds to wait after the n-th failed attempt. */
  delay: (attempt: number) => number;
}

/** What happened to a job, for logs and metrics. */
export interface Outcome {
  job: Job;
  /** `lost`: the lease went to another before the result was kept; that one's result counts. */
  result: 'done' | 'retry' | 'dead' | 'lost';
  error: unknown;
  milliseconds: number;
}

export interface WorkerOptions<Tx> {
  store: ReceiverStore | TransactionalStore<Tx>;
  consumers: Readonly<Record<string, Handlers<Tx>>>;
  transactional: boolean;
  concurrency: number;
  ordered: boolean;
  timeLimit: number;
  lease: number;
  retry: RetryPolicy;
  pollInterval: number;
  now: () => number;
  onOutcome: (outcome: Outcome) => void;
  onError: (error: unknown) => void;
}

const MAX_REASON = 1_000;

export class Worker<Tx> {
  readonly #options: WorkerOptions<Tx>;
  readonly #running = new Set<Promise<void>>();
  readonly #aborts = new Set<AbortController>();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #pumping: Promise<void> | null = null;
  #again = false;
  #started = false;

  constructor(options: WorkerOptions<Tx>) {
    this.#options = options;
  }

  start(): void {
    this.#started = true;
    this.wake();
  }

  /** Something may be due. */
  wake(): void {
    if (!this.#started) return;
    this.#again = true;
    this.#pumping ??= this.#pump().finally(() => {
      this.#pumping = null;
      if (this.#again) this.wake();
      else this.#arm();
    });
  }

  /** Takes no more and waits for what runs; what runs still after `milliseconds` is aborted, and taken again after its lease. */
  async stop(milliseconds: number): Promise<void> {
    this.#started = false;
    clearTimeout(this.#timer);
    await this.#pumping;
    const abort = setTimeout(
      () => this.#aborts.forEach((one) => one.abort(new Error('The receiver stops.'))),
      milliseconds,
    );
    await Promise.all(this.#running);
    clearTimeout(abort);
  }

  /** Runs what is due until nothing is, without the loop: for runtimes where nothing runs after the response. */
  async drain(): Promise<void> {
    for (;;) {
      await this.#fill();
      if (this.#running.size === 0) return;
      await Promise.race(this.#running);
    }
  }

  async #pump(): Promise<void> {
    while (this.#again && this.#started) {
      this.#again = false;
      try {
        await this.#fill();
      } catch (error) {
        this.#options.onError(error);
      }
    }
  }

  #arm(): void {
    if (!this.#started) return;
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.wake(), this.#options.pollInterval);
  }

  async #fill(): Promise<void> {
    const { store, consumers, concurrency, ordered, lease, now } = this.#options;
    const limit = concurrency - this.#running.size;
    if (limit <= 0) return;
    const at = now();
    const names = Object.keys(consumers);
    const jobs = await store.take({ limit, now: at, leaseUntil: at + lease, consumers: names, ordered });
    for (const job of jobs) {
      const run = this.#run(job).finally(() => {
        this.#running.delete(run);
        this.wake();
      });
      this.#running.add(run);
    }
  }

  async #run(job: Job): Promise<void> {
    const { now, onOutcome, onError } = this.#options;
    const start = now();
    let error: unknown = null;
    let result: Outcome['result'];
    try {
      try {
        result = await this.#attempt(job);
      } catch (thrown) {
        error = thrown;
        result = await this.#failed(job, thrown);
      }
      onOutcome({ job, result, error, milliseconds: now() - start });
    } catch (thrown) {
      // The result could not be kept: the job is taken again after its lease.
      onError(thrown);
    }
  }

  async #attempt(job: Job): Promise<Outcome['result']> {
    const { store, consumers, transactional, retry, now } = this.#options;
    // Its last attempt ended with the process, which it may well have caused.
    if (job.attempt > retry.attempts) throw new Unrecoverable('No attempt came to an end.');
    const handler = handlerFor(consumers[job.consumer] as Handlers<Tx>, job.event.event_type);
    const state = stateUpdate(job);
    if (handler === undefined) return (await store.done(job, now(), state)) ? 'done' : 'lost';
    const kept = await this.#limited(async (signal) => {
      if (transactional)
        return (store as TransactionalStore<Tx>).transaction(job, {
          now: now(),
          state,
          signal,
          run: (tx, known) => call(handler, contextOf(job, known, signal, tx)),
        });
      const known = state === null ? 0 : await store.facts(state.key);
      await call(handler, contextOf(job, known, signal, undefined as Tx));
      signal.throwIfAborted();
      return store.done(job, now(), state);
    });
    return kept ? 'done' : 'lost';
  }

  async #failed(job: Job, error: unknown): Promise<Outcome['result']> {
    const { store, retry, now } = this.#options;
    const reason = String(error instanceof Error ? error.message : error).slice(0, MAX_REASON);
    if (error instanceof Unrecoverable || job.attempt >= retry.attempts)
      return (await store.deadLetter(job, now(), reason)) ? 'dead' : 'lost';
    const delay = retry.delay(job.attempt);
    return (await store.retryLater(job, now() + delay, reason)) ? 'retry' : 'lost';
  }

  async #limited<T>(work: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const abort = new AbortController();
    this.#aborts.add(abort);
    const { timeLimit } = this.#options;
    const timer = setTimeout(
      () => abort.abort(new Error(`The handler took longer than ${timeLimit} ms.`)),
      timeLimit,
    );
    const aborted = new Promise<never>((_, reject) => {
      abort.signal.addEventListener('abort', () => reject(abort.signal.reason as Error), { once: true });
    });
    try {
      return await Promise.race([work(abort.signal), aborted]);
    } finally {
      clearTimeout(timer);
      this.#aborts.delete(abort);
    }
  }
}

/** Doubling from one second up to five minutes, each up to a tenth longer, so that failures do not come back together. */
export const defaultRetry: RetryPolicy = {
  attempts: 10,
  delay: (attempt) => Math.min(1_000 * 2 ** (attempt - 1), 300_000) * (1 + Math.random() / 10),
};

/** The facts the event adds; null when it is about no message, or says nothing about delivery. */
function stateUpdate({ consumer, event }: Job): { key: StateKey; facts: FactSet } | null {
  const facts = factsOf(event);
  if (facts === 0 || event.message_id === null) return null;
  return { key: { consumer, messageId: event.message_id, recipient: event.recipient ?? '' }, facts };
}

function contextOf<Tx>(job: Job, known: FactSet, signal: AbortSignal, tx: Tx): HandlerContext<never, Tx> {
  const { event, attempt, replay } = job;
  const previous = stateOf(known);
  const state = stateOf(known | factsOf(event));
  return { event: event as HandlerContext<never>['event'], state, previous, attempt, replay, signal, tx };
}

/** Not `async`: what a handler throws at once is thrown at once, and a synchronous handler stays one. */
function call<Tx>(handler: Handler<never, Tx>, context: HandlerContext<never, Tx>): void | Promise<void> {
  return handler(context);
}
