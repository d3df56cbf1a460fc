/**
 * Writes of one SQLite connection, committed together: what comes while the event loop is busy shares one commit, and so one
 * sync to disk. Each write has its own savepoint, so one that fails takes none of the others with it.
 */

import type { DatabaseSync } from 'node:sqlite';

interface Write {
  run: () => unknown;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
}

export class GroupCommit {
  readonly #database: DatabaseSync;
  #waiting: Write[] = [];
  #closed = false;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Resolves after the commit with what `run` gave. `run` is synchronous. */
  write<T>(run: () => T): Promise<T> {
    if (this.#closed) return Promise.reject(new Error('The store is closed.'));
    return new Promise<T>((resolve, reject) => {
      if (this.#waiting.length === 0) setImmediate(() => this.#flush());
      this.#waiting.push({ run, resolve: resolve as Write['resolve'], reject });
    });
  }

  /** Commits what waits and takes no more. */
  close(): void {
    this.#flush();
    this.#closed = true;
  }

  #flush(): void {
    const writes = this.#waiting;
    if (writes.length === 0) return;
    this.#waiting = [];
    const settled: (() => void)[] = [];
    try {
      this.#database.exec('BEGIN IMMEDIATE');
      for (const write of writes) settled.push(this.#one(write));
      this.#database.exec('COMMIT');
    } catch (error) {
      if (this.#database.isTransaction) this.#database.exec('ROLLBACK');
      for (const { reject } of writes) reject(error);
      return;
    }
    for (const settle of settled) settle();
  }

  #one({ run, resolve, reject }: Write): () => void {
    this.#database.exec('SAVEPOINT one');
    try {
      const value = run();
      this.#database.exec('RELEASE one');
      return () => resolve(value);
    } catch (error) {
      // A full disk or a broken one has ended the whole transaction already (sqlite.org/lang_transaction.html).
      if (!this.#database.isTransaction) throw error;
      this.#database.exec('ROLLBACK TO one');
      this.#database.exec('RELEASE one');
      return () => reject(error);
    }
  }
}
