/**
 * The one writer. Receives a transaction's worth of commands, runs each in a savepoint of its own, commits,
 * and answers after the commit. The main thread keeps one transaction in flight (see `committer.ts`).
 */

import type { DatabaseSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import { Changes } from './changes.ts';
import { COMMANDS, type CommandName } from './commands.ts';
import { migrate, openForWriting } from './database.ts';
import {
  isStorageError,
  toWireError,
  type Call,
  type Outcome,
  type WriteReply,
  type WriterMessage,
} from './protocol.ts';
import { WriteContext } from './write-context.ts';

export interface WriterOptions {
  path: string;
  cacheMb: number;
}

class Writer {
  readonly #db: DatabaseSync;
  readonly #context: WriteContext;

  constructor(options: WriterOptions) {
    this.#db = openForWriting(options.path, options.cacheMb);
    migrate(this.#db);
    this.#context = new WriteContext(this.#db);
  }

  transact(calls: Call[]): WriteReply {
    const begun = performance.now();
    const all = new Changes();
    let outcomes: Outcome[];
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      this.#context.queued = 0;
      outcomes = [];
      for (const call of calls) {
        outcomes.push(this.#runIsolated(call, all));
        if (this.#context.isFull) break;
      }
      this.#db.exec('COMMIT');
      this.#context.committed();
    } catch (error) {
      return { outcomes: this.#abandon(calls, error), changes: null, commitMs: performance.now() - begun };
    }
    return { outcomes, changes: all.finish(), commitMs: performance.now() - begun };
  }

  #runIsolated(call: Call, all: Changes): Outcome {
    const context = this.#context;
    const { mark } = context;
    context.changes = new Changes();
    context.sql('SAVEPOINT command').run();
    try {
      const command = COMMANDS[call.name as CommandName] as (...args: unknown[]) => unknown;
      const value = command(context, ...call.args);
      context.flush();
      context.sql('RELEASE command').run();
      context.changes.mergeInto(all);
      return { ok: true, value };
    } catch (error) {
      context.forget(mark);
      // A full disk or a failed write spoils the whole transaction; so says SQLite when it has rolled back itself.
      if (isStorageError(error) || !this.#db.isTransaction) throw error;
      context.sql('ROLLBACK TO command').run();
      context.sql('RELEASE command').run();
      return { ok: false, error: toWireError(error) };
    }
  }

  /** Nothing of the transaction is kept, so every command gets the same answer. */
  #abandon(calls: Call[], error: unknown): Outcome[] {
    if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
    this.#context.forget(0);
    const wire = { ...toWireError(error), code: 'storage_unavailable' as const };
    return calls.map(() => ({ ok: false, error: wire }));
  }

  close(): void {
    this.#db.close();
  }
}

const port = parentPort;
if (port === null) throw new Error('The writer runs as a worker thread.');
const writer = new Writer(workerData as WriterOptions);
port.on('message', (message: WriterMessage) => {
  if (message.kind === 'close') {
    writer.close();
    port.close();
    return;
  }
  port.postMessage(writer.transact(message.calls));
});
port.postMessage('ready');
