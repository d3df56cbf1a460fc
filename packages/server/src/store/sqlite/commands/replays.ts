/** Replays: begun, put into their lane slice by slice, ended, withdrawn. */

import { PostriderError } from '../../../domain/errors.ts';
import type { Idempotency, Idempotent, NewReplay, Replay, ReplaySlice, ReplayStatus } from '../../ports.ts';
import { once } from '../idempotency.ts';
import { logKey } from '../log-position.ts';
import { hasLeft, putBack, take, type Left } from '../queue.ts';
import { REPLAY_COLUMNS, toReplay } from '../replay-rows.ts';
import { SETTLED_STATUS } from '../settled-status.ts';
import type { WriteContext } from '../write-context.ts';
import { settleUnsent, unsettle } from './deliveries.ts';

type Row = Record<string, unknown>;

export function createReplay(
  context: WriteContext,
  replay: NewReplay,
  most: number,
  idempotency: Idempotency | null,
): Idempotent<{ replay: Replay }> {
  return once(context, replay.env, idempotency, () => {
    const running = context
      .sql("SELECT count(*) AS n FROM replay WHERE status = 'running' AND env = ?")
      .get(replay.env);
    if ((running?.['n'] as number) >= most) {
      const detail = `${most} replays are running in this environment already (publish.max_replays); wait for one to end, or cancel one.`;
      throw new PostriderError('conflict', detail);
    }
    context
      .sql(
        `INSERT INTO replay (replay_id, env, lane, query, status, matched, position, end_position, created_at, updated_at)
         VALUES (?1, ?2, ?3, ?4, 'running', ?5, 0, ?6, ?7, ?7)`,
      )
      .run(
        replay.replay_id,
        replay.env,
        replay.lane,
        JSON.stringify(replay.query),
        replay.matched,
        replay.end,
        replay.created_at,
      );
    return { replay: find(context, replay.replay_id).replay };
  });
}

function find(context: WriteContext, replayId: string): { number: number; replay: Replay } {
  const row = context.sql(`SELECT ${REPLAY_COLUMNS} WHERE r.replay_id = ?`).get(replayId);
  if (row === undefined) throw new PostriderError('not_found', `There is no replay ${replayId}.`);
  return { number: row['replay'] as number, replay: toReplay(row) };
}

export function queueReplay(
  context: WriteContext,
  replayId: string,
  from: number,
  { items, through }: ReplaySlice,
): Replay {
  const { number, replay } = find(context, replayId);
  if (replay.status !== 'running' || replay.position !== from) return replay;
  const { env, lane, query } = replay;
  let queued = 0;
  for (const item of items) {
    const isIn =
      query.status === 'failed'
        ? requeue(context, env, lane, item, number, (row) => row['status'] === SETTLED_STATUS.failed)
        : queueEvent(context, env, lane, item, number);
    if (isIn) queued++;
  }
  context
    .sql(
      `UPDATE replay SET position = ?, queued = queued + ?, skipped = skipped + ?, updated_at = ? WHERE replay = ?`,
    )
    .run(through, queued, items.length - queued, context.now(env), number);
  return find(context, replayId).replay;
}

/** Returns false when the event waits already, or is past retention. */
function queueEvent(
  context: WriteContext,
  env: number,
  lane: number,
  position: number,
  replay: number,
): boolean {
  const log = logKey(env, position);
  const event = context.sql('SELECT deliveries FROM event WHERE log = ?').get(log);
  if (event === undefined) return false;
  const deliveries = event['deliveries'] as string;
  const seq = seqIn(deliveries, lane);
  if (seq === null) {
    queueLate(context, env, lane, log, deliveries, replay);
    return true;
  }
  if (requeue(context, env, lane, seq, replay, () => true)) return true;
  const waits = context.sql('SELECT 1 FROM pending WHERE lane = ? AND seq = ?').get(lane, seq);
  if (waits !== undefined) return false;
  // Its history is past retention; the event is still there, and so is the number it had.
  putBack(context, env, { lane, seq, log, attempts: 0 }, replay);
  return true;
}

function requeue(
  context: WriteContext,
  env: number,
  lane: number,
  seq: number,
  replay: number,
  may: (settled: Row) => boolean,
): boolean {
  const row = context.sql('SELECT * FROM settled WHERE lane = ? AND seq = ?').get(lane, seq);
  if (row === undefined || !may(row)) return false;
  unsettle(context, env, row, replay);
  context
    .sql('UPDATE pending SET was = ? WHERE lane = ? AND seq = ?')
    .run(row['status'] as number, lane, seq);
  return true;
}

/** An event that had no delivery in this lane gets one, with the next `seq`. */
function queueLate(
  context: WriteContext,
  env: number,
  lane: number,
  log: number,
  deliveries: string,
  replay: number,
): void {
  const seq = context.nextSeq(lane);
  putBack(context, env, { lane, seq, log, attempts: 0 }, replay);
  context.sql('UPDATE event SET deliveries = ? WHERE log = ?').run(withDelivery(deliveries, lane, seq), log);
  context
    .sql('INSERT INTO late_delivery (lane, seq, place) VALUES (?, ?, ?)')
    .run(lane, seq, logKey(env, context.environment(env).logEnd));
}

function seqIn(deliveries: string, lane: number): number | null {
  for (const pair of deliveries.split(' ')) {
    const [named, seq] = pair.split(':').map(Number) as [number, number];
    if (named === lane) return seq;
  }
  return null;
}

/** In lane order, as lists of deliveries rely on. */
function withDelivery(deliveries: string, lane: number, seq: number): string {
  const pairs = deliveries === '' ? [] : deliveries.split(' ');
  pairs.push(`${lane}:${seq}`);
  return pairs.sort((a, b) => Number.parseInt(a, 10) - Number.parseInt(b, 10)).join(' ');
}

export function endReplay(
  context: WriteContext,
  replayId: string,
  status: Exclude<ReplayStatus, 'running'>,
  error: string | null,
): Replay {
  const { number, replay } = find(context, replayId);
  const settled = replay.delivered + replay.failed + replay.discarded;
  const isOver = replay.position >= replay.end && settled >= replay.queued;
  if (replay.status !== 'running' || (status === 'completed' && !isOver)) return replay;
  context
    .sql('UPDATE replay SET status = ?1, error = ?2, updated_at = ?3, finished_at = ?3 WHERE replay = ?4')
    .run(status, error, context.now(replay.env), number);
  return find(context, replayId).replay;
}

export function withdrawReplay(context: WriteContext, replayId: string, limit: number): number {
  const { number, replay } = find(context, replayId);
  const rows = context
    .sql('SELECT lane, seq, attempts, base, was FROM pending WHERE replay = ? LIMIT ?')
    .all(number, limit);
  const now = context.now(replay.env);
  const gone = rows.map((row) => restore(context, row, now));
  // After all of them: what is withdrawn in the same step must not be released first.
  for (const left of gone) if (left !== null) hasLeft(context, { ...left, replay: null }, 'discarded');
  context
    .sql('UPDATE replay SET queued = queued - ?, updated_at = ? WHERE replay = ?')
    .run(rows.length, now, number);
  return rows.length;
}

/** From the queue back into the history. What the replay has tried in vain is a dead letter: its last attempt failed. */
function restore(context: WriteContext, row: Row, now: number): Left | null {
  const { lane, seq, attempts, base, was } = row as Record<'lane' | 'seq' | 'attempts' | 'base', number> & {
    was: number | null;
  };
  const isTried = attempts > base;
  if (!isTried && (was === null || was === SETTLED_STATUS.discarded))
    return settleUnsent(context, lane, seq, 'discarded', now, null);
  const last = context
    .sql('DELETE FROM attempt WHERE lane = ? AND seq = ? AND attempt = ? RETURNING *')
    .get(lane, seq, attempts);
  // What was held for too long has no attempt that its row could show.
  if (last === undefined) return settleUnsent(context, lane, seq, 'failed', now, 'held_too_long');
  const left = take(context, lane, seq);
  if (left === null) return null;
  context
    .sql(
      `INSERT INTO settled (lane, seq, log, status, attempts, at, http_status, latency_ms, error, error_detail, excerpt)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      lane,
      seq,
      left.log,
      last['error'] === null ? SETTLED_STATUS.delivered : SETTLED_STATUS.failed,
      attempts,
      last['at'] as number,
      last['http_status'] as number,
      last['latency_ms'] as number,
      last['error'] as string | null,
      last['error_detail'] as string | null,
      last['excerpt'] as string | null,
    );
  return left;
}
