/**
 * Rows written straight into the database of a product that is stopped: millions of them would take an hour by the
 * API. They are those of store/sqlite/store-event.ts, queue.ts and commands/lanes.ts, column by column.
 */

import { join } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { CheckpointFiller } from './fill-checkpoints.ts';
import { createIds } from '../../packages/server/src/base/ids.ts';
import { envelopeJson, NO_LABELS } from '../../packages/server/src/domain/event.ts';
import type { StateSnapshot } from '../../packages/contract/src/events.ts';
import { logKey, logLimit, logPosition } from '../../packages/server/src/store/sqlite/log-position.ts';

export interface FilledEvent {
  event_type: string;
  /** Milliseconds since the epoch. */
  at: number;
  message: { mid: number; message_id: string } | null;
  recipient: string | null;
  /** As JSON text. */
  data: string;
  state: StateSnapshot | null;
  /** The lanes it goes to. */
  lanes: readonly number[];
}

/** Rows in one transaction. */
const TRANSACTION = 100_000;
const HOUR_MS = 3_600_000;

/** Fills the sandbox of a data folder. Nothing else may have it open; a crash leaves it unusable. */
export class Filler {
  readonly db: DatabaseSync;
  readonly env: number;
  readonly #indexes: { name: string; sql: string }[];
  readonly #statements = new Map<string, StatementSync>();
  readonly #seqs = new Map<number, number>();
  readonly #checkpoints = new Map<number, CheckpointFiller>();
  readonly #counters = new Map<string, number>();
  #position: number;
  #rows = 0;
  #now = 0;
  /** Ids of the time of what they name. */
  readonly #newId = createIds({
    now: () => this.#now,
    random: (words) => void crypto.getRandomValues(words),
  });

  constructor(dir: string) {
    this.db = new DatabaseSync(join(dir, 'postrider.db'));
    this.db.exec('PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -262144;');
    this.env = Number(this.#get("SELECT env AS n FROM environment WHERE name = 'sandbox'"));
    const end = this.#get('SELECT max(log) AS n FROM event WHERE log >= ? AND log < ?', [
      logKey(this.env, 0),
      logLimit(this.env),
    ]);
    this.#position = end === null ? 0 : logPosition(Number(end));
    // Made anew at the end: in order, an index is built in a fraction of the time.
    this.#indexes = this.db
      .prepare("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
      .all() as { name: string; sql: string }[];
    for (const { name } of this.#indexes) this.db.exec(`DROP INDEX ${name}`);
    this.db.exec('BEGIN');
  }

  id(prefix: 'msg' | 'evt', at: number): string {
    this.#now = at;
    return this.#newId(prefix);
  }

  lane(endpointId: string): number {
    return Number(this.#get('SELECT lane AS n FROM endpoint WHERE endpoint_id = ?', [endpointId]));
  }

  insert(table: string, row: Readonly<Record<string, SQLInputValue>>): void {
    let statement = this.#statements.get(table);
    if (statement === undefined) {
      const columns = Object.keys(row);
      const marks = columns.map(() => '?').join(', ');
      statement = this.db.prepare(`INSERT INTO ${table} (${columns.join(', ')}) VALUES (${marks})`);
      this.#statements.set(table, statement);
    }
    statement.run(...Object.values(row));
    if (++this.#rows % TRANSACTION === 0) this.db.exec('COMMIT; BEGIN');
  }

  /** The event with its place in each lane; returns where it stands in the log and in the lanes. */
  event(event: FilledEvent): { event_id: string; log: number; seqs: number[] } {
    const { message, lanes, at, recipient, event_type } = event;
    const event_id = this.id('evt', at);
    const log = logKey(this.env, ++this.#position);
    const seqs = lanes.map((lane) => this.#nextSeq(lane, at, event_id));
    const named = { ...event, event_id, message_id: message?.message_id ?? null, labels: null };
    this.insert('event', {
      log,
      event_id,
      event_type,
      at,
      mid: message?.mid ?? null,
      recipient,
      campaign_id: null,
      envelope: envelopeJson({ ...named, campaign_id: null }, 'sandbox', NO_LABELS, event.state),
      deliveries: lanes.map((lane, n) => `${lane}:${seqs[n] as number}`).join(' '),
    });
    const counter = `${Math.floor(at / HOUR_MS)} ${event_type}`;
    this.#counters.set(counter, (this.#counters.get(counter) ?? 0) + 1);
    return { event_id, log, seqs };
  }

  #nextSeq(lane: number, at: number, eventId: string): number {
    const seq = (this.#seqs.get(lane) ?? 0) + 1;
    this.#seqs.set(lane, seq);
    let checkpoints = this.#checkpoints.get(lane);
    if (checkpoints === undefined) {
      checkpoints = new CheckpointFiller();
      this.#checkpoints.set(lane, checkpoints);
    }
    for (const checkpoint of checkpoints.add(at, eventId)) this.insert('checkpoint', { lane, ...checkpoint });
    return seq;
  }

  /** Writes what was kept until now, makes the indexes, and puts the database back as the product has it. */
  finish(): void {
    for (const [lane, last_seq] of this.#seqs) this.insert('lane_seq', { lane, last_seq });
    for (const [lane, checkpoints] of this.#checkpoints)
      for (const checkpoint of checkpoints.finish()) this.insert('checkpoint', { lane, ...checkpoint });
    for (const [counter, n] of this.#counters) {
      const [hour, event_type] = counter.split(' ') as [string, string];
      this.insert('counter', { env: this.env, hour: Number(hour), event_type, n });
    }
    this.db.exec('COMMIT');
    for (const { sql } of this.#indexes) this.db.exec(sql);
    this.db.exec('PRAGMA synchronous = FULL; PRAGMA journal_mode = WAL;');
    this.db.close();
  }

  #get(sql: string, values: readonly SQLInputValue[] = []): SQLInputValue {
    return (this.db.prepare(sql).get(...values) as { n: SQLInputValue } | undefined)?.n ?? null;
  }
}

/** Has every endpoint of a stopped product point to `url`. */
export function pointEndpoints(dir: string, url: string): void {
  const db = new DatabaseSync(join(dir, 'postrider.db'));
  db.prepare("UPDATE endpoint SET settings = json_set(settings, '$.url', ?)").run(url);
  db.close();
}
