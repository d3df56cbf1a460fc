/** Single deliveries as their owner wants them: put back, discarded. */

import { PostriderError, notFound } from '../../../domain/errors.ts';
import type { Attempt, AttemptError } from '../../../domain/delivery.ts';
import { hasLeft, putBack, take, type Left } from '../queue.ts';
import { SETTLED_STATUS, type SettledAs } from '../settled-status.ts';
import type { WriteContext } from '../write-context.ts';
import { insertAttempt } from './settling.ts';

type Row = Record<string, unknown>;

/** Returns whether the lane's endpoint is still there. */
function checkLane(context: WriteContext, env: number, lane: number, seq: number): boolean {
  const row = context.sql('SELECT deleted_at FROM endpoint WHERE lane = ? AND env = ?').get(lane, env);
  if (row === undefined) throw notFound('delivery', `${lane}:${seq}`);
  return row['deleted_at'] === null;
}

/**
 * The last attempt stands in the settled row; before that row goes or says something else, it gets one of its own.
 * The row of what was discarded, or held for too long, stands for no attempt.
 */
export function keepLastAttempt(context: WriteContext, row: Row): void {
  if (row['status'] === SETTLED_STATUS.discarded || row['error'] === 'held_too_long') return;
  insertAttempt(context, row['lane'] as number, row['seq'] as number, {
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
  unsettle(context, env, row, null);
}

/** From the history (a row of `settled`) back into the queue. */
export function unsettle(context: WriteContext, env: number, row: Row, replay: number | null): void {
  const settled = row as { lane: number; seq: number; log: number; attempts: number };
  keepLastAttempt(context, row);
  context.sql('DELETE FROM settled WHERE lane = ? AND seq = ?').run(settled.lane, settled.seq);
  putBack(context, env, settled, replay);
}

export function discardDelivery(
  context: WriteContext,
  env: number,
  lane: number,
  seq: number,
  now: number,
): void {
  checkLane(context, env, lane, seq);
  const left = settleUnsent(context, lane, seq, 'discarded', now, null);
  if (left !== null) return hasLeft(context, left, 'discarded');
  const row = context.sql('SELECT * FROM settled WHERE lane = ? AND seq = ?').get(lane, seq);
  if (row?.['status'] !== SETTLED_STATUS.failed) {
    throw new PostriderError(
      'conflict',
      'Only a pending, held or failed delivery can be discarded; this one is settled.',
    );
  }
  keepLastAttempt(context, row);
  context
    .sql(`UPDATE settled SET status = ${SETTLED_STATUS.discarded} WHERE lane = ? AND seq = ?`)
    .run(lane, seq);
}

/**
 * Moves a pending delivery into the history without an attempt: the row shows the last one there was. The caller
 * calls `hasLeft`, once everything that goes with it has gone. Null when it is not pending.
 */
export function settleUnsent(
  context: WriteContext,
  lane: number,
  seq: number,
  as: SettledAs,
  now: number,
  error: AttemptError | null,
): Left | null {
  const left = take(context, lane, seq);
  if (left === null) return null;
  context
    .sql(
      `INSERT INTO settled (lane, seq, log, status, attempts, at, http_status, latency_ms, error)
       SELECT ?1, ?2, ?3, ?4, ?5, ?6, coalesce(a.http_status, 0), 0, coalesce(?7, a.error)
       FROM (SELECT 1) LEFT JOIN attempt a ON a.lane = ?1 AND a.seq = ?2 AND a.attempt = ?5`,
    )
    .run(lane, seq, left.log, SETTLED_STATUS[as], left.attempts, now, error);
  return left;
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
  const gone = rows.map((row) => settleUnsent(context, lane, row['seq'] as number, 'discarded', now, null));
  // After all of them: what is discarded in the same step must not be released first.
  for (const left of gone) if (left !== null) hasLeft(context, left, 'discarded');
  return rows.length;
}
