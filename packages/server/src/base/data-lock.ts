/** One process per data folder: the embedded store has one writer, and it must be alone. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';

const SQLITE_BUSY = 5;

export class DataFolderInUse extends Error {
  override name = 'DataFolderInUse';
}

export interface DataLock {
  release(): void;
}

const LOOK_AGAIN_MS = 100;

/**
 * Takes the folder for this process; one that is just stopping gets `waitMs` to let go. SQLite's own file lock
 * serves: the kernel gives it back however the process ends, so a `kill -9` never leaves a stale one.
 * Throws `DataFolderInUse`.
 */
export async function lockDataFolder(dir: string, waitMs: number): Promise<DataLock> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const until = performance.now() + waitMs;
  for (;;) {
    const lock = tryLock(join(dir, 'postrider.lock'));
    if (lock !== null) return lock;
    if (performance.now() >= until) {
      throw new DataFolderInUse(
        `Another Postrider uses the data folder ${dir}. Stop it, or set data.dir to another folder.`,
      );
    }
    await sleep(LOOK_AGAIN_MS);
  }
}

/** Null when another process holds it. */
function tryLock(path: string): DataLock | null {
  const db = new DatabaseSync(path, { timeout: 0 });
  try {
    db.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
    return { release: () => db.close() };
  } catch (error) {
    db.close();
    if (((error as { errcode?: number }).errcode ?? 0) % 256 === SQLITE_BUSY) return null;
    throw error;
  }
}
