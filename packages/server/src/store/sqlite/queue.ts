/**
 * Entering and leaving the queue of pending deliveries, and the order within a message that both keep: in a lane
 * ordered by message, of the deliveries of one message exactly one is not blocked. It keeps the others waiting
 * until it leaves, and then lets the lowest `seq` of them go.
 */

import { isUrgent } from '../../domain/urgency.ts';
import { logEnv, logPosition } from './log-position.ts';
import type { SettledAs } from './settled-status.ts';
import type { WriteContext } from './write-context.ts';

/** `next_at` of what waits for an earlier delivery of its message. */
export const BLOCKED = -1;

/** The row that left. */
export interface Left {
  lane: number;
  seq: number;
  log: number;
  attempts: number;
  next_at: number;
  mid: number | null;
  replay: number | null;
}

const INSERT = 'INSERT INTO pending (lane, seq, log, attempts, base, next_at) VALUES (?, ?, ?, 0, 0, 0)';
const INSERT_URGENT =
  'INSERT INTO pending (lane, seq, log, attempts, base, next_at, urgent) VALUES (?, ?, ?, 0, 0, 0, 1)';
const INSERT_ORDERED =
  'INSERT INTO pending (lane, seq, log, attempts, base, next_at, mid, urgent) VALUES (?, ?, ?, 0, 0, ?, ?, ?)';

/** A new delivery. Returns whether it may be sent now. `mid`: null when its lane is not ordered by message. */
export function enqueue(
  context: WriteContext,
  lane: number,
  seq: number,
  log: number,
  mid: number | null,
  urgent: boolean,
): boolean {
  context.queued++;
  if (mid === null) {
    context.sql(urgent ? INSERT_URGENT : INSERT).run(lane, seq, log);
    return true;
  }
  const blocked = isPreceded(context, lane, mid);
  context.sql(INSERT_ORDERED).run(lane, seq, log, blocked ? BLOCKED : 0, mid, urgent ? 1 : 0);
  return !blocked;
}

/** Whether something of the message is in the lane's queue: what comes to it now has to wait. */
export function isPreceded(context: WriteContext, lane: number, mid: number): boolean {
  return context.sql('SELECT 1 FROM pending WHERE lane = ? AND mid = ? LIMIT 1').get(lane, mid) !== undefined;
}

/** Null when it is not in the queue (any more). Whoever takes it writes its history, then calls `hasLeft`. */
export function take(context: WriteContext, lane: number, seq: number): Left | null {
  const row = context
    .sql('DELETE FROM pending WHERE lane = ? AND seq = ? RETURNING log, attempts, next_at, mid, replay')
    .get(lane, seq);
  return row === undefined ? null : ({ lane, seq, ...row } as unknown as Left);
}

/** Counts for the replay that put it here, tells its lane of what it is not to send, and releases the next of its message. */
export function hasLeft(
  context: WriteContext,
  { lane, log, mid, replay, next_at }: Omit<Left, 'seq' | 'attempts'>,
  as: SettledAs,
): void {
  if (replay !== null) context.countReplay(replay, logEnv(log), as);
  if (as === 'discarded') context.changes.laneDropped(lane);
  // One that was blocked itself (discarded, expired) kept nobody waiting.
  if (mid !== null && next_at !== BLOCKED) release(context, lane, mid, logEnv(log));
}

function release(context: WriteContext, lane: number, mid: number, env: number): void {
  const row = context
    .sql(
      `UPDATE pending SET next_at = ?1 WHERE lane = ?2 AND seq =
         (SELECT seq FROM pending WHERE lane = ?2 AND mid = ?3 AND next_at = ${BLOCKED} ORDER BY seq LIMIT 1)
       RETURNING seq, log, attempts, replay`,
    )
    .get(context.now(env), lane, mid);
  if (row === undefined) return;
  // What has a history of its own (put back, replayed) is loaded with it; a notice does not carry that.
  const plain = row['attempts'] === 0 && row['replay'] === null;
  if (!plain || !context.live.has(lane)) return context.changes.laneWaiting(lane);
  const log = row['log'] as number;
  const event = context
    .sql(
      `SELECT e.event_id, e.event_type, e.envelope, m.message_id
       FROM event e LEFT JOIN message m ON m.mid = e.mid WHERE e.log = ?`,
    )
    .get(log) as { event_id: string; event_type: string; envelope: string; message_id: string | null };
  const index = context.changes.event(
    event.event_id,
    event.event_type,
    event.message_id,
    event.envelope,
    logPosition(log),
  );
  context.changes.release(lane, row['seq'] as number, index);
}

function isOrderedByMessage(context: WriteContext, lane: number): boolean {
  const row = context
    .sql("SELECT settings ->> 'ordering' AS ordering FROM endpoint WHERE lane = ?")
    .get(lane);
  return row?.['ordering'] === 'message';
}

/** Puts a settled delivery back, due at once (or when its message lets it), with the schedule anew. */
export function putBack(
  context: WriteContext,
  env: number,
  settled: { lane: number; seq: number; log: number; attempts: number },
  replay: number | null,
): void {
  const { lane, seq, log, attempts } = settled;
  const event = context.sql('SELECT event_type, mid FROM event WHERE log = ?').get(log) as {
    event_type: string;
    mid: number | null;
  };
  const mid = isOrderedByMessage(context, lane) ? event.mid : null;
  const blocked = mid !== null && isPreceded(context, lane, mid);
  context
    .sql(
      `INSERT INTO pending (lane, seq, log, attempts, base, next_at, mid, urgent, replay)
       VALUES (?1, ?2, ?3, ?4, ?4, ?5, ?6, ?7, ?8)`,
    )
    .run(
      lane,
      seq,
      log,
      attempts,
      blocked ? BLOCKED : context.now(env),
      mid,
      isUrgent(event.event_type) ? 1 : 0,
      replay,
    );
  if (!blocked) context.changes.laneWaiting(lane);
}
