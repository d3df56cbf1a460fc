/** Looking at a database file, and copying it, from outside the process that runs on it. */

import { existsSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { backup, type DatabaseSync } from 'node:sqlite';
import { DATABASE_FILE, knownMigrations, openForReading, schemaVersion } from './database.ts';

const CACHE_MB = 16;
/** All pages in one step: a step that ends lets a busy writer make the copy begin anew. */
const WHOLE = 2 ** 31 - 1;

export interface DatabaseFacts {
  path: string;
  bytes: number;
  /** Schema of the file, and the newest this release knows. */
  schema: number;
  newest: number;
  /** What SQLite's check found; empty when all is well. */
  damage: string[];
  /** One of the sealed secrets, to try the master key on; null when there is none. */
  sealed: string | null;
}

/** Facts of the database in the data folder `dir`; null when there is none. Changes nothing. */
export function inspectDatabase(dir: string): DatabaseFacts | null {
  const path = join(dir, DATABASE_FILE);
  if (!existsSync(path)) return null;
  const db = openForReading(path, CACHE_MB);
  try {
    const schema = schemaVersion(db);
    return {
      path,
      bytes: statSync(path).size,
      schema,
      newest: knownMigrations().at(-1)?.version ?? 0,
      damage: damage(db, 'quick_check'),
      sealed: schema === 0 ? null : oneSealed(db),
    };
  } finally {
    db.close();
  }
}

/**
 * Copies the database of `dir` to the file `to` while a server may be writing to it, and opens the copy to check
 * it; resolves to its size in bytes. A copy that fails the check is removed.
 */
export async function copyDatabase(dir: string, to: string): Promise<number> {
  const db = openForReading(join(dir, DATABASE_FILE), CACHE_MB);
  try {
    await backup(db, to, { rate: WHOLE });
  } finally {
    db.close();
  }
  const copy = openForReading(to, CACHE_MB);
  try {
    const found = damage(copy, 'integrity_check');
    if (found.length > 0) throw new Error(`The copy fails its integrity check: ${found.join('; ')}`);
  } catch (error) {
    rmSync(to, { force: true });
    throw error;
  } finally {
    copy.close();
    // Looking at a copy in WAL mode makes these beside it; a reader may not take them away itself.
    for (const litter of [`${to}-wal`, `${to}-shm`]) rmSync(litter, { force: true });
  }
  return statSync(to).size;
}

function damage(db: DatabaseSync, check: 'quick_check' | 'integrity_check'): string[] {
  const rows = db.prepare(`PRAGMA ${check}(10)`).all() as Record<string, string>[];
  return rows.map((row) => row[check] ?? '').filter((line) => line !== 'ok');
}

function oneSealed(db: DatabaseSync): string | null {
  const row = db.prepare('SELECT secret_sealed FROM endpoint WHERE secret_sealed IS NOT NULL LIMIT 1').get();
  return (row as { secret_sealed: string } | undefined)?.secret_sealed ?? null;
}
