/**
 * Stops new work before the disk is full: results of what is under way must still find room, and an operator
 * must still be able to look. Reading goes on, and so does delivering what is already accepted.
 */

import { statfs } from 'node:fs/promises';
import type { Logger } from '../base/logger.ts';

export interface DiskGuardOptions {
  dir: string;
  /** Free bytes under which nothing new is accepted. */
  minFreeBytes: number;
  /** Told the reason when new work is to be refused, null when it is welcome again. */
  refuse: (reason: string | null) => void;
  log: Logger;
  /** How often to look, ms. */
  intervalMs?: number;
  /** Replaced in tests. */
  freeBytes?: (dir: string) => Promise<number>;
}

const INTERVAL_MS = 1000;
/** Opens again only with this much more, so that it does not flap at the edge. */
const REOPEN_FACTOR = 1.1;

export class DiskGuard {
  readonly #options: DiskGuardOptions;
  #timer: NodeJS.Timeout | null = null;
  #refusing = false;

  /** Whether nothing new is accepted. */
  get refusing(): boolean {
    return this.#refusing;
  }

  constructor(options: DiskGuardOptions) {
    this.#options = options;
  }

  /** The first look is done when this resolves. */
  async start(): Promise<void> {
    await this.look();
    this.#timer = setInterval(() => void this.look(), this.#options.intervalMs ?? INTERVAL_MS);
    this.#timer.unref();
  }

  stop(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
  }

  /** A disk that cannot be looked at changes nothing: the commits themselves will tell. */
  async look(): Promise<void> {
    const { dir, minFreeBytes, refuse, log, freeBytes = freeBytesOf } = this.#options;
    let free: number;
    try {
      free = await freeBytes(dir);
    } catch (error) {
      log.warn({ error }, 'free disk space cannot be read');
      return;
    }
    const needed = this.#refusing ? minFreeBytes * REOPEN_FACTOR : minFreeBytes;
    const refusing = free < needed;
    if (refusing === this.#refusing) return;
    this.#refusing = refusing;
    const reason = `The disk of the data folder has ${free} bytes left; store.min_free_bytes asks for ${minFreeBytes}.`;
    refuse(refusing ? reason : null);
    if (refusing) log.error({ free_bytes: free }, 'disk nearly full: nothing new is accepted');
    else log.info({ free_bytes: free }, 'disk has room again');
  }
}

async function freeBytesOf(dir: string): Promise<number> {
  const { bavail, bsize } = await statfs(dir);
  return bavail * bsize;
}
