/** The reader thread's prepared statements. Queries are put together from fixed parts, never from input. */

import { PostriderError } from '../../domain/errors.ts';
import type { DatabaseSync, StatementSync } from 'node:sqlite';

const REMEMBERED = 200;
/** The clock costs a tenth of a row, so it is looked at once in so many. */
const ROWS_PER_LOOK = 32;

export class ReadContext {
  readonly db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();
  #until = Number.POSITIVE_INFINITY;
  #limitMs = Number.POSITIVE_INFINITY;
  #rows = 0;

  /**
   * `node:sqlite` can neither interrupt a statement nor report its progress, but it lets a function of ours throw:
   * `in_time()` stands first in every `Where`, and is called for every row that is looked at.
   */
  constructor(db: DatabaseSync) {
    this.db = db;
    db.function('in_time', { varargs: true }, () => {
      if (++this.#rows % ROWS_PER_LOOK === 0 && performance.now() > this.#until) throw this.#tooLong();
      return 1;
    });
  }

  /** From now on a question may take this long. */
  limit(milliseconds: number): void {
    this.#rows = 0;
    this.#limitMs = milliseconds;
    this.#until = performance.now() + milliseconds;
  }

  #tooLong(): PostriderError {
    return new PostriderError(
      'overloaded',
      `This list took longer than ${this.#limitMs / 1000} s: too much had to be looked through. Narrow it, for example by after and before, or by message_id, recipient or endpoint_id.`,
    );
  }

  sql(text: string): StatementSync {
    let statement = this.#statements.get(text);
    if (statement === undefined) {
      statement = this.db.prepare(text);
      if (this.#statements.size >= REMEMBERED) this.#statements.clear();
      this.#statements.set(text, statement);
    }
    return statement;
  }
}

/** Conditions joined by AND with their values, so that text and values cannot come apart. */
export class Where {
  readonly #conditions: string[] = [];
  readonly values: (string | number)[] = [];

  and(condition: string, ...values: (string | number)[]): this {
    this.#conditions.push(condition);
    this.values.push(...values);
    return this;
  }

  andIf(value: string | number | null, condition: string): this {
    return value === null ? this : this.and(condition, value);
  }

  get text(): string {
    return ['in_time()', ...this.#conditions].join(' AND ');
  }
}
