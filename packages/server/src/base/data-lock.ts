/** One process per data folder: the embedded store has one writer, and it must be alone. */

import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export class DataFolderInUse extends Error {
  override name = 'DataFolderInUse';
}

export interface DataLock {
  release(): void;
}

/**
 * Takes the folder for this process. SQLite's own file lock serves: the kernel gives it back however the
 * process ends, so a `kill -9` never leaves a stale one. Throws `DataFolderInUse`.
 */
export function lockDataFolder(dir: string): DataLock {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const db = new DatabaseSync(join(dir, 'postrider.lock'), { timeout: 0 });
  try {
    db.exec('PRAGMA journal_mode = MEMORY; PRAGMA locking_mode = EXCLUSIVE; BEGIN EXCLUSIVE;');
  } catch (error) {
    db.close();
    throw new DataFolderInUse(
      `Another Postrider uses the data folder ${dir}. Stop it, or set data.dir to another folder.`,
      {
        cause: error,
      },
    );
  }
  return { release: () => db.close() };
}
