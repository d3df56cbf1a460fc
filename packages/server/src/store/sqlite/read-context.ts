/** The reader thread's prepared statements. Queries are put together from fixed parts, never from input. */

import type { DatabaseSync, StatementSync } from 'node:sqlite';

const REMEMBERED = 200;

export class ReadContext {
  readonly db: DatabaseSync;
  readonly #statements = new Map<string, StatementSync>();

  constructor(db: DatabaseSync) {
    this.db = db;
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
    return this.#conditions.length === 0 ? '1' : this.#conditions.join(' AND ');
  }
}
