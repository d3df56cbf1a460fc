/**
 * Reading the queue of pending deliveries into lanes. What is blocked (`queue.ts`) never comes out of here.
 * `next_at <> 0` stands where the planner must see that the index of what waits will do.
 */

import type { DueDelivery } from '../../../domain/delivery.ts';
import type { LaneLoad } from '../../ports.ts';
import { logPosition } from '../log-position.ts';
import type { WriteContext } from '../write-context.ts';

const DUE_COLUMNS = `SELECT p.seq, p.log, p.attempts, p.base, p.next_at, r.replay_id, e.event_id, e.event_type, e.envelope, e.mid, m.message_id`;
const DUE_JOINS = `JOIN event e ON e.log = p.log LEFT JOIN message m ON m.mid = e.mid LEFT JOIN replay r ON r.replay = p.replay`;
const DUE = `${DUE_COLUMNS} FROM pending p ${DUE_JOINS}`;

export function loadFresh(context: WriteContext, lane: number, after: number, limit: number): LaneLoad {
  return walk(context, 'p.next_at = 0', lane, after, limit);
}

export function loadInOrder(context: WriteContext, lane: number, after: number, limit: number): LaneLoad {
  return walk(context, 'p.next_at >= 0', lane, after, limit);
}

/** In `seq` order; at the end of the queue the lane turns live. */
function walk(context: WriteContext, which: string, lane: number, after: number, limit: number): LaneLoad {
  const rows = context
    .sql(`${DUE} WHERE p.lane = ? AND p.seq > ? AND ${which} ORDER BY p.seq LIMIT ?`)
    .all(lane, after, limit);
  const end = rows.length < limit;
  if (end && !context.live.has(lane)) {
    context.live.add(lane);
    context.onRollback(() => context.live.delete(lane));
  }
  return { deliveries: rows.map(toDue), end };
}

export function loadRetries(context: WriteContext, lane: number, now: number, limit: number): LaneLoad {
  const rows = context
    .sql(
      `${DUE} WHERE p.lane = ? AND p.next_at <> 0 AND p.next_at > 0 AND p.next_at <= ? ORDER BY p.next_at, p.seq LIMIT ?`,
    )
    .all(lane, now, limit);
  return { deliveries: rows.map(toDue), end: rows.length < limit };
}

/**
 * One look at a backlog costs the writer no more than this many candidates (about 15 µs each), and earlier events of
 * their messages (about 1.5 µs each). What lies behind comes in its turn.
 */
const URGENT_CANDIDATES = 500;
const URGENT_WALKED = 5000;

export function loadUrgent(context: WriteContext, lane: number, after: number, limit: number): LaneLoad {
  // Named, because by the primary key the planner would walk the whole backlog for the few that are urgent.
  const candidates = context
    .sql(
      `${DUE_COLUMNS} FROM pending p INDEXED BY pending_urgent ${DUE_JOINS}
       WHERE p.lane = ? AND p.seq > ? AND p.urgent = 1 AND p.next_at = 0 ORDER BY p.seq LIMIT ?`,
    )
    .iterate(lane, after, URGENT_CANDIDATES);
  const deliveries: DueDelivery[] = [];
  const messages = new Set<number>();
  let left = URGENT_WALKED;
  for (const row of candidates) {
    const mid = row['mid'] as number | null;
    if (mid !== null) {
      // The one that was met before is pending itself, and earlier.
      if (messages.has(mid)) continue;
      messages.add(mid);
      const walk = earlierPending(context, lane, row['seq'] as number, mid, row['log'] as number, left);
      left -= walk.walked;
      if (left === 0) break;
      if (walk.found) continue;
    }
    deliveries.push(toDue(row));
    if (deliveries.length === limit) return { deliveries, end: false };
  }
  return { deliveries, end: true };
}

/** The events of a message name their deliveries, so its earlier ones in this lane need no index in the queue. */
function earlierPending(
  context: WriteContext,
  lane: number,
  seq: number,
  mid: number,
  log: number,
  most: number,
): { found: boolean; walked: number } {
  const pending = context.sql('SELECT 1 FROM pending WHERE lane = ? AND seq = ?');
  const events = context
    .sql('SELECT deliveries FROM event WHERE mid = ? AND log < ? LIMIT ?')
    .iterate(mid, log, most);
  let walked = 0;
  for (const event of events) {
    walked++;
    const earlier = seqInLane(event['deliveries'] as string, lane);
    if (earlier !== null && earlier < seq && pending.get(lane, earlier) !== undefined)
      return { found: true, walked };
  }
  return { found: false, walked };
}

/** `deliveries` is "lane:seq lane:seq". */
function seqInLane(deliveries: string, lane: number): number | null {
  const prefix = ` ${lane}:`;
  const at = ` ${deliveries}`.indexOf(prefix);
  return at < 0 ? null : Number.parseInt(deliveries.slice(at + prefix.length - 1), 10);
}

export function loadHead(context: WriteContext, lane: number): DueDelivery | null {
  const row = context.sql(`${DUE} WHERE p.lane = ? AND p.next_at >= 0 ORDER BY p.seq LIMIT 1`).get(lane);
  return row === undefined ? null : toDue(row);
}

export function hasBlocked(context: WriteContext, lane: number): boolean {
  return (
    context
      .sql('SELECT 1 FROM pending WHERE lane = ? AND next_at <> 0 AND next_at = -1 LIMIT 1')
      .get(lane) !== undefined
  );
}

function toDue(row: Record<string, unknown>): DueDelivery {
  return {
    seq: row['seq'] as number,
    log: logPosition(row['log'] as number),
    attempts: row['attempts'] as number,
    base: row['base'] as number,
    due_at: row['next_at'] as number,
    replay_id: row['replay_id'] as string | null,
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
      'SELECT next_at FROM pending WHERE lane = ? AND next_at <> 0 AND next_at > max(0, ?) ORDER BY next_at LIMIT 1',
    )
    .get(lane, after);
  return row === undefined ? null : (row['next_at'] as number);
}

export function parkLane(context: WriteContext, lane: number): void {
  context.live.delete(lane);
}
