/** Reads that may be long, away from the writer and from the main thread. */

import { parentPort, workerData } from 'node:worker_threads';
import { openForReading } from './database.ts';
import { toWireError, type Outcome, type ReaderMessage, type ReaderReply } from './protocol.ts';
import { isLimited, QUERIES, type QueryName } from './queries.ts';
import { ReadContext } from './read-context.ts';

export interface ReaderOptions {
  path: string;
  cacheMb: number;
  /** How long a list may take. */
  limitMs: number;
}

const port = parentPort;
if (port === null) throw new Error('The reader runs as a worker thread.');
const { path, cacheMb, limitMs } = workerData as ReaderOptions;
const db = openForReading(path, cacheMb);
const context = new ReadContext(db);

port.on('message', (message: ReaderMessage) => {
  if (message.kind === 'close') {
    db.close();
    port.close();
    return;
  }
  port.postMessage({
    id: message.id,
    outcome: answer(message.call.name, message.call.args),
  } satisfies ReaderReply);
});
port.postMessage('ready');

function answer(name: string, args: unknown[]): Outcome {
  try {
    context.limit(isLimited(name as QueryName) ? limitMs : Number.POSITIVE_INFINITY);
    const query = QUERIES[name as QueryName] as (...args: unknown[]) => unknown;
    return { ok: true, value: query(context, ...args) };
  } catch (error) {
    return { ok: false, error: toWireError(error) };
  }
}
