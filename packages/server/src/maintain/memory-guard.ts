/**
 * Stops new work before memory runs out. Every queue has a bound of its own (see docs/operate.md); this is for what they
 * do not see together: buffers of sockets, copies between threads, what the allocator keeps. What is accepted already
 * goes on, and going on is what gives the memory back.
 */

import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Logger } from '../base/logger.ts';

/** Bytes. */
export interface MemoryUse {
  /** Resident set of the whole process, all threads. */
  rss: number;
  /** JavaScript heap of the main thread, and where V8 ends the process. */
  heap_used: number;
  heap_limit: number;
}

export interface MemoryGuardOptions {
  /** Resident bytes above which nothing new is accepted; 0 = only the container's and the heap's limits count. */
  maxBytes: number;
  /** Told the reason when new work is to be refused, null when it is welcome again. */
  refuse: (reason: string | null) => void;
  log: Logger;
  /** Replaced in tests. */
  measure?: () => MemoryUse;
  /** Replaced in tests. */
  collect?: () => void;
  /** What the container may use, in bytes; 0 = no limit known. Replaced in tests. */
  containerBytes?: number;
}

/**
 * Looks between two full collections while nothing new is accepted. Nobody allocates then, so nothing else would make V8
 * give back what the refused requests left: measured, 384 MB stayed 384 MB for as long as one watched, and fell to 273
 * at the first collection. One takes 0.1 to 0.25 s.
 */
const LOOKS_PER_COLLECTION = 30;
/** 125 MB/s, a full gigabit, grow by 12 MB between two looks. */
const INTERVAL_MS = 100;
/** Opens again only with this much less, so that it does not flap at the edge. */
const REOPEN_FACTOR = 0.9;
/** Shares of limits beyond which the process would be ended, not just slowed down. */
const CONTAINER_SHARE = 0.9;
const HEAP_SHARE = 0.85;

export class MemoryGuard {
  readonly #options: MemoryGuardOptions;
  readonly #limits: readonly { bytes: number; words: string }[];
  readonly #measure: () => MemoryUse;
  #timer: NodeJS.Timeout | null = null;
  /** Why nothing new is accepted; null = it is. */
  refusal: string | null = null;
  #looks = 0;

  constructor(options: MemoryGuardOptions) {
    this.#options = options;
    this.#measure = options.measure ?? measureProcess;
    // Without a container, Node names a limit beyond all memory.
    const container = options.containerBytes ?? process.constrainedMemory();
    this.#limits = [
      { bytes: options.maxBytes, words: 'limits.memory_bytes allows' },
      {
        bytes: Math.floor(container * CONTAINER_SHARE),
        words: 'nine tenths of what its container may use are',
      },
    ].filter(({ bytes }) => bytes > 0);
  }

  start(): void {
    this.look();
    this.#timer = setInterval(() => this.look(), INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  look(): void {
    const { refuse, log, collect = collectGarbage } = this.#options;
    if (this.refusal !== null && ++this.#looks % LOOKS_PER_COLLECTION === 0) collect();
    const use = this.#measure();
    const problem = this.#problem(use, this.refusal === null ? 1 : REOPEN_FACTOR);
    if ((problem === null) === (this.refusal === null)) return;
    this.refusal = problem;
    refuse(problem);
    if (problem !== null)
      log.error({ ...use, reason: problem }, 'memory nearly full: nothing new is accepted');
    else log.info({ ...use }, 'memory has room again');
  }

  #problem({ rss, heap_used, heap_limit }: MemoryUse, factor: number): string | null {
    for (const { bytes, words } of this.#limits)
      if (rss > bytes * factor) return `The process holds ${rss} bytes of memory; ${words} ${bytes}.`;
    if (heap_used > heap_limit * HEAP_SHARE * factor)
      return `The JavaScript heap holds ${heap_used} of ${heap_limit} bytes.`;
    return null;
  }
}

function measureProcess(): MemoryUse {
  const { used_heap_size, heap_size_limit } = getHeapStatistics();
  return { rss: process.memoryUsage.rss(), heap_used: used_heap_size, heap_limit: heap_size_limit };
}

let gc: (() => void) | null = null;

/**
 * A full collection of this thread's heap, and with it the buffers outside of it that nobody holds any more. A context
 * made after the flag is set has `gc`; the inspector's own collection waits for a turn that may not come.
 */
function collectGarbage(): void {
  if (gc === null) {
    setFlagsFromString('--expose-gc');
    gc = runInNewContext('gc') as () => void;
  }
  gc();
}
