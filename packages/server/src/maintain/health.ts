/** Whether this process can do its work, in facts: the store commits, the disk has room, the event loop turns. */

import { statfs } from 'node:fs/promises';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { StoreHealth } from '../store/ports.ts';

export interface HealthOptions {
  store: { health(): Promise<StoreHealth> };
  /** Folder whose disk is looked at. */
  dataDir: string;
  /** Free bytes under which nothing new is to be accepted. */
  minFreeBytes: number;
  /** Why memory lets nothing new in; null = it does. */
  memory?: () => string | null;
  /** Commands waiting for a commit above which the process counts as behind. */
  maxCommitQueue: number;
  /** Milliseconds; a loop that is late by more in 99 of 100 samples serves nobody in time. */
  maxLoopDelayMs?: number;
  /** How long facts are good for, ms: a probe of the store is a commit, and anybody may ask. */
  freshMs?: number;
  /** Replaced in tests. */
  freeBytes?: (dir: string) => Promise<number>;
  loopDelay?: LoopDelay;
  now?: () => number;
}

/** 99th percentile of the event loop's delay since the last reading. */
export interface LoopDelay {
  p99Ms(): number;
  stop(): void;
}

export interface HealthFacts {
  store: StoreHealth;
  disk_free_bytes: number;
  loop_delay_p99_ms: number;
}

export interface Readiness {
  ready: boolean;
  /** One sentence for each thing that keeps the process from serving; empty when ready. */
  reasons: string[];
}

const DEFAULT_MAX_LOOP_DELAY_MS = 2_000;
const DEFAULT_FRESH_MS = 1_000;

export class Health {
  readonly #options: HealthOptions;
  readonly #loop: LoopDelay;
  readonly #now: () => number;
  #known: { at: number; facts: HealthFacts } | null = null;
  #looking: Promise<HealthFacts> | null = null;

  constructor(options: HealthOptions) {
    this.#options = options;
    this.#loop = options.loopDelay ?? watchEventLoop();
    this.#now = options.now ?? (() => performance.now());
  }

  /** At most as old as `freshMs`; callers at the same time share one look. */
  async facts(): Promise<HealthFacts> {
    const fresh = this.#options.freshMs ?? DEFAULT_FRESH_MS;
    if (this.#known !== null && this.#now() - this.#known.at < fresh) return this.#known.facts;
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null;
    });
    return this.#looking;
  }

  /** Never rejects: what cannot be found out is a reason. */
  async readiness(): Promise<Readiness> {
    let reasons: string[];
    try {
      reasons = this.#reasons(await this.facts());
    } catch (error) {
      reasons = [`The state of the store and its disk cannot be read: ${String(error)}`];
    }
    return { ready: reasons.length === 0, reasons };
  }

  stop(): void {
    this.#loop.stop();
  }

  async #look(): Promise<HealthFacts> {
    const free = this.#options.freeBytes ?? freeBytes;
    const [store, disk_free_bytes] = await Promise.all([
      this.#options.store.health(),
      free(this.#options.dataDir),
    ]);
    const facts = { store, disk_free_bytes, loop_delay_p99_ms: this.#loop.p99Ms() };
    this.#known = { at: this.#now(), facts };
    return facts;
  }

  #reasons({ store, disk_free_bytes, loop_delay_p99_ms }: HealthFacts): string[] {
    const { minFreeBytes, maxCommitQueue, maxLoopDelayMs = DEFAULT_MAX_LOOP_DELAY_MS } = this.#options;
    const reasons: string[] = [];
    if (!store.writable) reasons.push(`The store cannot commit: ${store.last_error ?? 'unknown reason'}`);
    if (store.commit_queue > maxCommitQueue) {
      reasons.push(`${store.commit_queue} commands wait for a commit; the limit is ${maxCommitQueue}.`);
    }
    if (disk_free_bytes < minFreeBytes) {
      reasons.push(
        `The disk of the data folder has ${disk_free_bytes} bytes left; ${minFreeBytes} are needed.`,
      );
    }
    const memory = this.#options.memory?.() ?? null;
    if (memory !== null) reasons.push(memory);
    if (loop_delay_p99_ms > maxLoopDelayMs) {
      reasons.push(`The event loop is late by ${Math.round(loop_delay_p99_ms)} ms.`);
    }
    return reasons;
  }
}

/** Bytes an unprivileged process may still write there. */
async function freeBytes(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}

const LOOP_RESOLUTION_MS = 20;

function watchEventLoop(): LoopDelay {
  const histogram = monitorEventLoopDelay({ resolution: LOOP_RESOLUTION_MS });
  histogram.enable();
  return {
    p99Ms() {
      // A sample is the time between two looks; what is beyond the pause between them is the delay.
      const delay = histogram.count === 0 ? 0 : histogram.percentile(99) / 1e6 - LOOP_RESOLUTION_MS;
      histogram.reset();
      return Math.max(0, delay);
    },
    stop() {
      histogram.disable();
    },
  };
}
