/** Single deliveries as their owner wants them: put back, discarded. */

import { PostriderError, notFound } from '../../../domain/errors.ts';
import type { Attempt } from '../../../domain/delivery.ts';
import { SETTLED_STATUS } from '../settled-status.ts';
import type { WriteContext } from '../write-context.ts';
import { insertAttempt } from './settling.ts';

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
