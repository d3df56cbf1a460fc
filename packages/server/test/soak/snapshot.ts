/** The data folder as a kill left it, opened read-only while no server runs on it. */

import { join } from 'node:path';
import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { statSync } from 'node:fs';
import { DATABASE_FILE } from '../../src/store/sqlite/database.ts';
import type { Ledger } from './ledger.ts';
import type { ReceivingEndpoint } from './receivers.ts';

export interface Found {
  /** Log positions looked at since the last snapshot. */
  events: number;
  walBytes: number;
  /** What is wrong; empty when all is well. */
  faults: string[];
  /** Events that an endpoint took in the life that ended, still pending here: acknowledgements not yet committed. */
  unsettled: Map<ReceivingEndpoint, Set<string>>;
}

const FAULTS_KEPT = 100;
const INTEGRITY_ROWS = 5;

export class Snapshots {
  readonly #path: string;
  readonly #ledger: Ledger;
  readonly #endpoints: readonly ReceivingEndpoint[];
  /** Up to where the log has been looked at. */
  #through = 0;

  constructor(dir: string, ledger: Ledger, endpoints: readonly ReceivingEndpoint[]) {
    this.#path = join(dir, DATABASE_FILE);
    this.#ledger = ledger;
    this.#endpoints = endpoints;
  }

  /**
   * After the end of `life`: compares what was acknowledged since the last snapshot, and every event written since, with what is on disk.
   * `whole`: all events once more, and SQLite's own check of the file.
   */
  take(life: number, whole = false): Found {
    const walBytes = statSync(`${this.#path}-wal`, { throwIfNoEntry: false })?.size ?? 0;
    const db = new DatabaseSync(this.#path, { readOnly: true });
    try {
      const faults = new Faults();
      const lanes = this.#lanes(db, faults);
      if (whole) {
        this.#through = 0;
        this.#checkFile(db, faults);
        checkSequences(db, lanes, faults);
      }
      this.#checkAcknowledged(db, faults);
      const events = this.#checkDeliveries(db, lanes, faults);
      return { events, walBytes, faults: faults.list, unsettled: this.#unsettled(db, lanes, life) };
    } finally {
      db.close();
    }
  }

  /** The lane of each endpoint. Before the first start has made them there is none. */
  #lanes(db: DatabaseSync, faults: Faults): Map<ReceivingEndpoint, number> {
    const lanes = new Map<ReceivingEndpoint, number>();
    const rows = db.prepare('SELECT lane, settings FROM endpoint WHERE deleted_at IS NULL').all();
    for (const endpoint of this.#endpoints) {
      const row = rows.find(({ settings }) => urlOf(settings).endsWith(`/${endpoint.plan.name}`));
      if (row === undefined) faults.add(`endpoint ${endpoint.plan.name} is gone`);
      else lanes.set(endpoint, row['lane'] as number);
    }
    return lanes;
  }

  #checkFile(db: DatabaseSync, faults: Faults): void {
    for (const row of db.prepare(`PRAGMA integrity_check(${INTEGRITY_ROWS})`).all()) {
      if (row['integrity_check'] !== 'ok') faults.add(`the file: ${String(row['integrity_check'])}`);
    }
  }

  #checkAcknowledged(db: DatabaseSync, faults: Faults): void {
    const { events, messages } = this.#ledger.drainAcknowledged();
    const event = db.prepare('SELECT 1 FROM event WHERE event_id = ?');
    for (const id of events) if (event.get(id) === undefined) faults.add(`LOST: accepted event ${id}`);
    const message = db.prepare(
      `SELECT (SELECT count(*) FROM recipient r WHERE r.mid = m.mid) AS recipients,
        (SELECT count(*) FROM event e WHERE e.mid = m.mid AND e.event_type IN ('accepted', 'dropped')) AS events,
        EXISTS (SELECT 1 FROM raw_message w WHERE w.mid = m.mid) AS raw FROM message m WHERE m.message_id = ?`,
    );
    for (const { message_id, recipients } of messages) {
      const row = message.get(message_id);
      if (row === undefined) faults.add(`LOST: accepted message ${message_id}`);
      else if (row['recipients'] !== recipients || row['events'] !== recipients || row['raw'] !== 1)
        faults.add(
          `LOST: part of message ${message_id}: ${JSON.stringify(row)} for ${recipients} recipients`,
        );
    }
  }

  /** Every event against every endpoint: exactly one delivery where it is wanted, none where it is not. */
  #checkDeliveries(db: DatabaseSync, lanes: ReadonlyMap<ReceivingEndpoint, number>, faults: Faults): number {
    const pending = db.prepare('SELECT log FROM pending WHERE lane = ? AND seq = ?');
    const settled = db.prepare('SELECT log FROM settled WHERE lane = ? AND seq = ?');
    const rows = db
      .prepare('SELECT log, event_id, event_type, deliveries FROM event WHERE log > ? ORDER BY log')
      .iterate(this.#through);
    let events = 0;
    for (const { log, event_id, event_type, deliveries } of rows) {
      events++;
      this.#through = log as number;
      const named = seqByLane(deliveries as string);
      for (const [{ plan }, lane] of lanes) {
        const seq = named.get(lane);
        const about = `${String(event_type)} ${String(event_id)} and ${plan.name}`;
        if (!plan.wants(event_type as string)) {
          if (seq !== undefined) faults.add(`not asked for: ${about}`);
        } else if (seq === undefined) {
          faults.add(`NO DELIVERY: ${about}`);
        } else {
          const found = [pending, settled].filter((queue) => isThere(queue, lane, seq, log as number)).length;
          if (found !== 1) faults.add(`${found === 0 ? 'NO DELIVERY' : 'TWO DELIVERIES'}: ${about}`);
        }
      }
    }
    return events;
  }

  #unsettled(
    db: DatabaseSync,
    lanes: ReadonlyMap<ReceivingEndpoint, number>,
    life: number,
  ): Map<ReceivingEndpoint, Set<string>> {
    const query = db.prepare(
      'SELECT e.event_id FROM pending p JOIN event e ON e.log = p.log WHERE p.lane = ?',
    );
    const unsettled = new Map<ReceivingEndpoint, Set<string>>();
    for (const [endpoint, lane] of lanes) {
      // Nothing is ever taken by an endpoint that hangs, and its queue is by far the longest.
      if (!endpoint.plan.drains) continue;
      const ids = query.all(lane).map((row) => row['event_id'] as string);
      unsettled.set(endpoint, new Set(ids.filter((id) => endpoint.taken.get(id)?.at(-1)?.life === life)));
    }
    return unsettled;
  }
}

/** Within a lane `seq` counts every delivery ever made, without a gap. */
function checkSequences(
  db: DatabaseSync,
  lanes: ReadonlyMap<ReceivingEndpoint, number>,
  faults: Faults,
): void {
  const query = db.prepare(
    `SELECT (SELECT last_seq FROM lane_seq WHERE lane = :lane) AS last,
      (SELECT count(*) FROM pending WHERE lane = :lane) + (SELECT count(*) FROM settled WHERE lane = :lane) AS count`,
  );
  for (const [{ plan }, lane] of lanes) {
    const row = query.get({ lane });
    if (row === undefined || row['last'] !== row['count'])
      faults.add(`${plan.name}: last seq ${String(row?.['last'])}, ${String(row?.['count'])} deliveries`);
  }
}

function isThere(queue: StatementSync, lane: number, seq: number, log: number): boolean {
  return queue.get(lane, seq)?.['log'] === log;
}

function seqByLane(deliveries: string): Map<number, number> {
  if (deliveries === '') return new Map();
  return new Map(deliveries.split(' ').map((pair) => pair.split(':').map(Number) as [number, number]));
}

function urlOf(settings: unknown): string {
  return (JSON.parse(settings as string) as { url: string }).url;
}

class Faults {
  readonly list: string[] = [];

  add(fault: string): void {
    if (this.list.length < FAULTS_KEPT) this.list.push(fault);
  }
}
