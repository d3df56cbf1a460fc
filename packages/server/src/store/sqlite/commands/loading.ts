/** Reading the queue of pending deliveries into lanes. */

import type { DueDelivery } from '../../../domain/delivery.ts';
import type { LaneLoad } from '../../ports.ts';
import { logPosition } from '../log-position.ts';
import type { WriteContext } from '../write-context.ts';

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
