/**
 * Outcomes into the store. While one call is in flight the outcomes that finish form the next one, so the
 * size of a batch follows the load and a lone outcome waits for nothing.
 */

import { newId } from '../base/ids.ts';
import { PostriderError } from '../domain/errors.ts';
import type { OutgoingRecipient } from '../domain/message.ts';
import type { Outcome } from '../domain/outcome.ts';
import type { OutcomeRecord } from '../store/ports.ts';
import { outcomeRecord } from './outcome-events.ts';

export interface RecorderStore {
  recordOutcomes(outcomes: OutcomeRecord[]): Promise<void>;
}

export interface RecorderOptions {
  store: RecorderStore;
  clocks: { now(env: number): number };
  /** Seconds to wait after each temporary failure of a transport: n delays, n + 1 attempts. */
  schedule: readonly number[];
  /** Outcomes in one call of the store at most. */
  maxBatch?: number;
}

interface Waiting {
  record: OutcomeRecord;
  resolve: (recorded: Recorded) => void;
  reject: (error: unknown) => void;
}

export interface Recorded {
  /** Env time at which the recipient is due again; null = done with it. */
  next_at: number | null;
}

const DEFAULT_MAX_BATCH = 500;

export class Recorder {
  readonly #store: RecorderStore;
  readonly #clocks: RecorderOptions['clocks'];
  readonly #schedule: readonly number[];
  readonly #maxBatch: number;
  #waiting: Waiting[] = [];
  #writing = false;

  constructor(options: RecorderOptions) {
    this.#store = options.store;
    this.#clocks = options.clocks;
    this.#schedule = options.schedule;
    this.#maxBatch = options.maxBatch ?? DEFAULT_MAX_BATCH;
  }

  /**
   * Records what came of the `attempt`-th try (1 for the first). Settles once it is on disk; a rejection means
   * that nothing of it was kept and the caller, who still holds the recipient, may call again.
   */
  async outcome(item: OutgoingRecipient, attempt: number, outcome: Outcome): Promise<Recorded> {
    const record = outcomeRecord(item, attempt, outcome, {
      now: this.#clocks.now(item.env),
      schedule: this.#schedule,
      newEventId: () => newId('evt'),
    });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ record, resolve, reject });
      if (!this.#writing) void this.#write();
    });
  }

  async #write(): Promise<void> {
    this.#writing = true;
    // One turn of the microtask queue, so that outcomes that finish together go together.
    await Promise.resolve();
    while (this.#waiting.length > 0) await this.#commit(this.#waiting.splice(0, this.#maxBatch));
    this.#writing = false;
  }

  async #commit(batch: Waiting[]): Promise<void> {
    try {
      await this.#store.recordOutcomes(batch.map(({ record }) => record));
    } catch (error) {
      if (batch.length > 1 && !isStoreDown(error)) {
        // One outcome that the store refuses must not hold up its neighbours.
        for (const one of batch) await this.#commit([one]);
      } else {
        for (const { reject } of batch) reject(error);
      }
      return;
    }
    for (const { record, resolve } of batch) resolve({ next_at: record.next_at });
  }
}

/** Nothing of the batch can be kept now, whatever is in it. */
function isStoreDown(error: unknown): boolean {
  return error instanceof PostriderError && error.status === 503;
}
