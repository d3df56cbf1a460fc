/**
 * Moves committed pages from the write-ahead log into the database file, away from the thread that commits.
 * Also takes backups: both are long reads and writes of their own.
 */

import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { copyDatabase } from './inspect.ts';
import { toWireError, type Outcome } from './protocol.ts';

export interface CheckpointOptions {
  path: string;
}
export type CheckpointTask = { kind: 'checkpoint' } | { kind: 'backup'; to: string } | { kind: 'close' };

const port = parentPort;
if (port === null) throw new Error('The checkpointer runs as a worker thread.');
const { path } = workerData as CheckpointOptions;
const db = new DatabaseSync(path, { timeout: 5000 });
db.exec('PRAGMA wal_autocheckpoint = 0; PRAGMA cache_size = -2000; PRAGMA synchronous = FULL;');

port.on('message', (task: CheckpointTask) => {
  if (task.kind === 'close') {
    db.close();
    port.close();
    return;
  }
  void run(task).then((outcome) => port.postMessage(outcome));
});
port.postMessage('ready');

async function run(task: CheckpointTask): Promise<Outcome> {
  try {
    if (task.kind === 'checkpoint') {
      // PASSIVE never waits for the writer and never makes it wait.
      const row = db.prepare('PRAGMA wal_checkpoint(PASSIVE)').get() as { log: number; checkpointed: number };
      return { ok: true, value: { frames: row.log, done: row.checkpointed } };
    }
    if (task.kind === 'backup') return { ok: true, value: await copyDatabase(dirname(path), task.to) };
    throw new Error('unknown task');
  } catch (error) {
    return { ok: false, error: toWireError(error) };
  }
}
