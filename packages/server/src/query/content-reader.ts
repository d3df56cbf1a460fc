/**
 * The parts of a message, within bounds that hold for any sender. The parser needs up to 20 µs and 2 kB for a line of
 * text and twice that for a part, so 25 MB of empty lines would hold the main thread for minutes and fill the memory.
 * What is small is taken apart at once; the rest on a thread of its own, one message at a time, and not for ever.
 */

import { Worker } from 'node:worker_threads';
import type { MessageContent } from '@postrider/contract/schemas/message';
import { PostriderError } from '../domain/errors.ts';
import { messageContent } from './message-content.ts';

/** At most 20 ms of work; starting a thread costs about as much. */
const SMALL_BYTES = 64 * 1024;
const SMALL_LINES = 1000;
/** 25 MB of base64 have 345,000. */
const MAX_LINES = 400_000;
/** Messages that wait for the thread; each is held in memory meanwhile. */
const MAX_WAITING = 8;
const LIMITS = { maxOldGenerationSizeMb: 256, maxYoungGenerationSizeMb: 16 } as const;
const LF = 0x0a;

export class ContentReader {
  readonly #parseMs: number;
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(parseMs = 5000) {
    this.#parseMs = parseMs;
  }

  /** `message_too_large` for a message that cannot be taken apart within the bounds, `overloaded` when too many wait. */
  async read(raw: Uint8Array): Promise<MessageContent> {
    const lines = countLines(raw, MAX_LINES);
    if (lines > MAX_LINES) throw tooMuch(`it has more than ${MAX_LINES} lines`);
    if (raw.length <= SMALL_BYTES && lines <= SMALL_LINES) return await messageContent(raw).catch(unreadable);
    if (this.#waiting >= MAX_WAITING)
      throw new PostriderError('overloaded', 'Too many large messages wait to be taken apart.', {
        retryAfterSeconds: 5,
      });
    this.#waiting++;
    const read = this.#last.then(() => this.#onThread(raw)).finally(() => this.#waiting--);
    this.#last = read.catch(() => undefined);
    return read;
  }

  async #onThread(raw: Uint8Array): Promise<MessageContent> {
    const worker = new Worker(new URL('./content-thread.ts', import.meta.url), {
      workerData: raw,
      resourceLimits: LIMITS,
    });
    const { promise, resolve, reject } = Promise.withResolvers<MessageContent>();
    const late = tooMuch(`that would take longer than ${this.#parseMs} ms`);
    const timer = setTimeout(reject, this.#parseMs, late);
    worker.once('message', resolve);
    worker.once('error', (error) => reject(tooMuch('it is nested too deep or has too many parts', error)));
    worker.once('exit', (code) => reject(tooMuch(`its parser ended with code ${code}`)));
    try {
      return await promise;
    } finally {
      clearTimeout(timer);
      await worker.terminate();
    }
  }
}

function countLines(raw: Uint8Array, most: number): number {
  let lines = 0;
  for (let at = raw.indexOf(LF); at >= 0 && lines <= most; at = raw.indexOf(LF, at + 1)) lines++;
  return lines;
}

function unreadable(cause: unknown): never {
  throw tooMuch('it is nested too deep', cause);
}

function tooMuch(why: string, cause?: unknown): PostriderError {
  return new PostriderError(
    'message_too_large',
    `The message cannot be shown in parts, since ${why}; it can be downloaded whole.`,
    cause === undefined ? {} : { cause },
  );
}
