/** A thread that publishes, as the main thread sees it. */

import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import type { PublishGauges, PublishMetrics } from '../metrics.ts';
import { Calls, outcomeOf } from './calls.ts';
import type { FromShard, Question, ShardOptions, ToShard } from './protocol.ts';

export interface ShardParts {
  options: ShardOptions;
  /** Calls the store for it. */
  call: (method: string, args: unknown[]) => unknown;
  parkLane: (lane: number) => void;
  metrics: PublishMetrics;
  /** The thread is gone: only a restart of the process helps. */
  onDeath: (error: Error) => void;
}

/** Attempts keep next to nothing between two turns of the event loop: a small nursery serves them. */
const LIMITS = { maxYoungGenerationSizeMb: 16 } as const;

export class Shard {
  readonly #worker: Worker;
  readonly #parts: ShardParts;
  readonly #calls = new Calls();
  #stopping = false;
  gauges: PublishGauges | null = null;

  constructor(parts: ShardParts) {
    this.#parts = parts;
    this.#worker = new Worker(new URL('./shard-thread.ts', import.meta.url), {
      workerData: parts.options,
      resourceLimits: LIMITS,
    });
    this.#worker.on('message', (message: FromShard) => this.#heard(message));
    this.#worker.on('error', (error) => this.#died(error as Error));
    this.#worker.on('exit', (code) => {
      if (!this.#stopping) this.#died(new Error(`A publishing thread ended with code ${code}.`));
    });
  }

  ask(question: Question): Promise<unknown> {
    return this.#calls.make((id) => this.tell({ kind: 'ask', id, question }));
  }

  tell(message: ToShard): void {
    this.#worker.postMessage(message);
  }

  async stop(patience: number): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    const ended = once(this.#worker, 'exit');
    this.tell({ kind: 'stop', patience });
    await ended;
  }

  #heard(message: FromShard): void {
    if (message.kind === 'call') {
      const { id, method, args } = message;
      void outcomeOf(() => this.#parts.call(method, args)).then((outcome) =>
        this.tell({ kind: 'answer', id, outcome }),
      );
    } else if (message.kind === 'park') {
      this.#parts.parkLane(message.lane);
    } else if (message.kind === 'reply') {
      this.#calls.answered(message.id, message.outcome);
    } else if (message.kind === 'figures') {
      this.gauges = message.gauges;
      const { metrics } = this.#parts;
      for (const [outcome, latency_ms] of message.attempts) metrics.attempt(outcome, latency_ms);
      for (const lag of message.lags) metrics.lag(lag);
    }
  }

  #died(error: Error): void {
    this.#calls.fail(error);
    if (!this.#stopping) this.#parts.onDeath(error);
  }
}
