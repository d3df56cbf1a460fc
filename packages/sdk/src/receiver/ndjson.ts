/** A handler that appends each event to a file, one JSON text a line (NDJSON), on disk when it is done. At least once. */

import { open, type FileHandle } from 'node:fs/promises';
import type { HandlerContext } from './handlers.ts';

export interface NdjsonAppender {
  /** For `'*'`, or the types that are to be kept. */
  handler: (context: Pick<HandlerContext<never>, 'event'>) => Promise<void>;
  close: () => Promise<void>;
}

const NEWLINE = 0x0a;

/** Lines that come while others are written share the next write and sync. */
export function ndjsonAppender(path: string): NdjsonAppender {
  let file: Promise<FileHandle> | undefined;
  let waiting: string[] = [];
  let last: Promise<void> = Promise.resolve();
  let next: Promise<void> | null = null;

  async function flush(): Promise<void> {
    const lines = waiting;
    waiting = [];
    next = null;
    file ??= openAtEnd(path);
    let handle: FileHandle;
    try {
      handle = await file;
    } catch (error) {
      // The folder may be there by the next attempt.
      file = undefined;
      throw error;
    }
    await handle.appendFile(lines.join(''));
    await handle.datasync();
  }

  return {
    handler({ event }) {
      waiting.push(`${JSON.stringify(event)}\n`);
      // One batch's failure is its own: the next does not inherit it.
      next ??= last = last.catch(() => undefined).then(flush);
      return next;
    },
    async close() {
      await last.catch(() => undefined);
      await (await file)?.close();
      file = undefined;
    },
  };
}

/** A line that a crash cut short gets its end, so that it spoils itself only. */
async function openAtEnd(path: string): Promise<FileHandle> {
  const file = await open(path, 'a+');
  const { size } = await file.stat();
  if (size > 0) {
    const { buffer } = await file.read(new Uint8Array(1), 0, 1, size - 1);
    if (buffer[0] !== NEWLINE) await file.appendFile('\n');
  }
  return file;
}
