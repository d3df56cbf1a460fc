/** Opening the database file: pragmas, and the schema version. */

import { readdirSync, readFileSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

/** "PRdr": tells our file from any other SQLite database. */
const APPLICATION_ID = 0x50_52_64_72;
const MIGRATIONS = new URL('../../../migrations/sqlite/', import.meta.url);
/** Waits for a lock held by the checkpointer or a backup; the writer itself is alone. */
const BUSY_MS = 5000;

/** Its name in the data folder. */
export const DATABASE_FILE = 'postrider.db';

export interface Migration {
  version: number;
  name: string;
}

export class DatabaseRefused extends Error {
  override name = 'DatabaseRefused';
}

/**
 * The writer's connection. WAL with `synchronous=FULL`: a commit is on disk before it returns. Checkpoints
 * are the checkpointer's, so that no commit pays for one; a log that starts over is cut back to 4 MB.
 */
export function openForWriting(path: string, cacheMb: number): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_MS, enableForeignKeyConstraints: true });
  db.exec(`PRAGMA page_size = 8192; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
    PRAGMA wal_autocheckpoint = 0; PRAGMA journal_size_limit = 4194304; PRAGMA cache_size = ${-1024 * cacheMb}; PRAGMA temp_store = MEMORY;`);
  return db;
}

export function openForReading(path: string, cacheMb: number): DatabaseSync {
  const db = new DatabaseSync(path, { timeout: BUSY_MS, readOnly: true });
  db.exec(`PRAGMA cache_size = ${-1024 * cacheMb}; PRAGMA temp_store = MEMORY; PRAGMA query_only = ON;`);
  return db;
}

export function knownMigrations(): Migration[] {
  return readdirSync(MIGRATIONS)
    .filter((name) => /^\d{6}_[a-z0-9_]+\.sql$/.test(name))
    .sort()
    .map((name) => ({ version: Number(name.slice(0, 6)), name }));
}

/**
 * Brings the schema to the newest version, each migration in a transaction of its own.
 * Returns the names applied. Throws `DatabaseRefused` for a file of a newer release or of another program.
 */
export function migrate(db: DatabaseSync): string[] {
  const known = knownMigrations();
  const newest = known.at(-1)?.version ?? 0;
  const at = pragma(db, 'user_version');
  const owner = pragma(db, 'application_id');
  if (owner !== APPLICATION_ID && (owner !== 0 || at !== 0)) {
    throw new DatabaseRefused('This is a database of another program. Point data.dir at an empty folder.');
  }
  if (at > newest) {
    throw new DatabaseRefused(
      `The database is at schema ${at}, this release knows ${newest}. Run the newer release, or restore a backup made before the upgrade.`,
    );
  }
  const applied: string[] = [];
  for (const { version, name } of known) {
    if (version <= at) continue;
    db.exec('BEGIN IMMEDIATE');
    try {
      db.exec(readFileSync(new URL(name, MIGRATIONS), 'utf8'));
      db.exec(`PRAGMA application_id = ${APPLICATION_ID}; PRAGMA user_version = ${version};`);
      db.exec('COMMIT');
    } catch (error) {
      if (db.isTransaction) db.exec('ROLLBACK');
      throw new Error(`Migration ${name} failed; the database stays at schema ${version - 1}.`, {
        cause: error,
      });
    }
    applied.push(name);
  }
  return applied;
}

export function schemaVersion(db: DatabaseSync): number {
  return pragma(db, 'user_version');
}

function pragma(db: DatabaseSync, name: 'user_version' | 'application_id'): number {
  return Number((db.prepare(`PRAGMA ${name}`).get() as Record<string, number>)[name]);
}
