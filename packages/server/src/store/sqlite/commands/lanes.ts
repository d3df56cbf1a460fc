/** The queue of pending deliveries: reading it into lanes, and settling what lanes did. */

import { PostriderError, notFound } from '../../../domain/errors.ts';
import type { Attempt, DeliveryStatus, DueDelivery } from '../../../domain/delivery.ts';
import type { LaneLoad, Settlement } from '../../ports.ts';
import { NO_CONTEXT, storeEvent } from '../store-event.ts';
import type { WriteContext } from '../write-context.ts';
import { logPosition } from '../log-position.ts';

/** The numbers of `settled.status`. */
export const SETTLED_STATUS = { delivered: 1, failed: 2, discarded: 3 } as const;
export const SETTLED_NAME: Readonly<Record<number, DeliveryStatus>> = {
  1: 'delivered',
  2: 'failed',
  3: 'discarded',
};

const DUE_COLUMNS = `SELECT p.seq, p.log, p.attempts, p.base, e.event_id, e.event_type, e.envelope, m.message_id
  FROM pending p JOIN event e ON e.log = p.log LEFT JOIN message m ON m.mid = e.mid`;

export function loadFresh(context: WriteContext, lane: number, after: number, limit: number): LaneLoad {
  const rows = context
    .sql(`${DUE_COLUMNS} WHERE p.lane = ? AND p.seq > ? AND p.next_at = 0 ORDER BY p.seq LIMIT ?`)
    .all(lane, after, limit);
  const end = rows.length < limit;
  if (end) context.live.add(lane);
  return { deliveries: rows.map(toDue), end };
}

export function loadRetries(context: WriteContext, lane: number, now: number, limit: number): LaneLoad {
  const rows = context
    .sql(
      `${DUE_COLUMNS} WHERE p.lane = ? AND p.next_at > 0 AND p.next_at <= ? ORDER BY p.next_at, p.seq LIMIT ?`,
    )
    .all(lane, now, limit);
  return { deliveries: rows.map(toDue), end: rows.length < limit };
}

function toDue(row: Record<string, unknown>): DueDelivery {
  return {
    seq: row['seq'] as number,
    log: logPosition(row['log'] as number),
    attempts: row['attempts'] as number,
    base: row['base'] as number,
    event: {
      event_id: row['event_id'] as string,
      event_type: row['event_type'] as string,
      message_id: row['message_id'] as string | null,
      envelope: row['envelope'] as string,
    },
  };
}

export function nextRetryAt(context: WriteContext, lane: number, after: number): number | null {
  const row = context
    .sql(
      'SELECT next_at FROM pending WHERE lane = ? AND next_at > 0 AND next_at > ? ORDER BY next_at LIMIT 1',
    )
    .get(lane, after);
  return row === undefined ? null : (row['next_at'] as number);
}

export function parkLane(context: WriteContext, lane: number): void {
  context.live.delete(lane);
}

/**
 * First-attempt deliveries that got their 2xx, in columns: the usual case, and the hottest of all commands.
 * `numbers` holds lane, seq, attempt, at, status, latency per delivery.
 */
export function settleDelivered(
  context: WriteContext,
  numbers: Float64Array,
  excerpts: (string | null)[],
): void {
  const remove = context.sql('DELETE FROM pending WHERE lane = ? AND seq = ? RETURNING log');
  const insert = context.sql(
    `INSERT INTO settled (lane, seq, log, status, attempts, at, http_status, latency_ms, excerpt)
     VALUES (?, ?, ?, ${SETTLED_STATUS.delivered}, ?, ?, ?, ?, ?)`,
  );
  for (let i = 0, n = 0; i < numbers.length; i += 6, n++) {
    const lane = numbers[i] as number;
    const seq = numbers[i + 1] as number;
    const row = remove.get(lane, seq);
    // Gone: discarded, or its endpoint deleted, while the request was under way.
    if (row === undefined) continue;
    insert.run(
      lane,
      seq,
      row['log'] as number,
      numbers[i + 2] as number,
      numbers[i + 3] as number,
      numbers[i + 4] as number,
      numbers[i + 5] as number,
      excerpts[n] as string | null,
    );
  }
}

export function settle(context: WriteContext, settlements: Settlement[]): void {
  for (const settlement of settlements) {
    const pending = context
      .sql('SELECT log FROM pending WHERE lane = ? AND seq = ?')
      .get(settlement.lane, settlement.seq);
    if (pending === undefined) continue;
    if (settlement.verdict === 'retry') retryLater(context, settlement);
    else finish(context, settlement, pending['log'] as number);
    for (const event of settlement.events) {
      storeEvent(context, context.environment(laneEnv(context, settlement.lane)), event, NO_CONTEXT);
    }
  }
}

function retryLater(context: WriteContext, { lane, seq, attempt, next_at }: Settlement): void {
  context
    .sql('UPDATE pending SET attempts = ?, next_at = ? WHERE lane = ? AND seq = ?')
    .run(attempt.attempt, Math.max(1, next_at ?? 1), lane, seq);
  insertAttempt(context, lane, seq, attempt);
}

export function insertAttempt(context: WriteContext, lane: number, seq: number, attempt: Attempt): void {
  context
    .sql(
      `INSERT OR REPLACE INTO attempt (lane, seq, attempt, at, http_status, latency_ms, error, error_detail, excerpt)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      lane,
      seq,
      attempt.attempt,
      attempt.at,
      attempt.status,
      attempt.latency_ms,
      attempt.error,
      attempt.error_detail,
      attempt.response_excerpt,
    );
}

function finish(context: WriteContext, { lane, seq, attempt, verdict }: Settlement, log: number): void {
  context.sql('DELETE FROM pending WHERE lane = ? AND seq = ?').run(lane, seq);
  context
    .sql(
      `INSERT INTO settled (lane, seq, log, status, attempts, at, http_status, latency_ms, error, error_detail, excerpt)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      lane,
      seq,
      log,
      verdict === 'delivered' ? SETTLED_STATUS.delivered : SETTLED_STATUS.failed,
      attempt.attempt,
      attempt.at,
      attempt.status,
      attempt.latency_ms,
      attempt.error,
      attempt.error_detail,
      attempt.response_excerpt,
    );
}

function laneEnv(context: WriteContext, lane: number): number {
  const row = context.sql('SELECT env FROM endpoint WHERE lane = ?').get(lane);
  if (row === undefined) throw new PostriderError('not_found', `There is no lane ${lane}.`);
  return row['env'] as number;
}

/** Returns whether the lane's endpoint is still there. */
function checkLane(context: WriteContext, env: number, lane: number, seq: number): boolean {
  const row = context.sql('SELECT deleted_at FROM endpoint WHERE lane = ? AND env = ?').get(lane, env);
  if (row === undefined) throw notFound('delivery', `${lane}:${seq}`);
  return row['deleted_at'] === null;
}

/** The last attempt stands in the settled row; before that row says something else, it gets one of its own. */
function keepLastAttempt(
  context: WriteContext,
  lane: number,
  seq: number,
  row: Record<string, unknown>,
): void {
  insertAttempt(context, lane, seq, {
    attempt: row['attempts'] as number,
    at: row['at'] as number,
    status: row['http_status'] as number,
    latency_ms: row['latency_ms'] as number,
    error: row['error'] as Attempt['error'],
    error_detail: row['error_detail'] as string | null,
    response_excerpt: row['excerpt'] as string | null,
  });
}

/** Puts a dead letter back at the end of its attempts, with the schedule anew. */
export function retryDelivery(context: WriteContext, env: number, lane: number, seq: number): void {
  if (!checkLane(context, env, lane, seq)) {
    throw new PostriderError('conflict', 'Its endpoint was deleted: there is nowhere to send it.');
  }
  const row = context.sql('SELECT * FROM settled WHERE lane = ? AND seq = ?').get(lane, seq);
  if (row === undefined || row['status'] !== SETTLED_STATUS.failed) {
    throw new PostriderError(
      'conflict',
      'Only a failed delivery (a dead letter) can be retried; this one is not.',
    );
  }
  keepLastAttempt(context, lane, seq, row);
  context.sql('DELETE FROM settled WHERE lane = ? AND seq = ?').run(lane, seq);
  context
    .sql('INSERT INTO pending (lane, seq, log, attempts, base, next_at) VALUES (?, ?, ?, ?, ?, ?)')
    .run(
      lane,
      seq,
      row['log'] as number,
      row['attempts'] as number,
      row['attempts'] as number,
      context.now(env),
    );
  context.changes.laneWaiting(lane);
}

export function discardDelivery(
  context: WriteContext,
  env: number,
  lane: number,
  seq: number,
  now: number,
): void {
  checkLane(context, env, lane, seq);
  if (discardPending(context, lane, seq, now)) return;
  const row = context.sql('SELECT * FROM settled WHERE lane = ? AND seq = ?').get(lane, seq);
  if (row?.['status'] !== SETTLED_STATUS.failed) {
    throw new PostriderError(
      'conflict',
      'Only a pending, held or failed delivery can be discarded; this one is settled.',
    );
  }
  keepLastAttempt(context, lane, seq, row);
  context
    .sql(`UPDATE settled SET status = ${SETTLED_STATUS.discarded} WHERE lane = ? AND seq = ?`)
    .run(lane, seq);
}

function discardPending(context: WriteContext, lane: number, seq: number, now: number): boolean {
  const row = context
    .sql('DELETE FROM pending WHERE lane = ? AND seq = ? RETURNING log, attempts')
    .get(lane, seq);
  if (row === undefined) return false;
  context
    .sql(
      `INSERT INTO settled (lane, seq, log, status, attempts, at, http_status, latency_ms, error)
       SELECT ?1, ?2, ?3, ${SETTLED_STATUS.discarded}, ?4, ?5, coalesce(a.http_status, 0), 0, a.error
       FROM (SELECT 1) LEFT JOIN attempt a ON a.lane = ?1 AND a.seq = ?2 AND a.attempt = ?4`,
    )
    .run(lane, seq, row['log'] as number, row['attempts'] as number, now);
  return true;
}

/** Discards up to `limit` of what a lane holds with `seq <= through`; returns how many. */
export function discardLane(
  context: WriteContext,
  lane: number,
  through: number,
  limit: number,
  now: number,
): number {
  const rows = context
    .sql('SELECT seq FROM pending WHERE lane = ? AND seq <= ? ORDER BY seq LIMIT ?')
    .all(lane, through, limit);
  for (const row of rows) discardPending(context, lane, row['seq'] as number, now);
  return rows.length;
}
