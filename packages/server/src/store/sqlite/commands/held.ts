/** The backlog of a lane that does not send, or sends again: hastened, or given up. */

import { isOperational } from '../../../domain/decide.ts';
import { deliveryFailed } from '../../../domain/delivery-failed.ts';
import { hasLeft, type Left } from '../queue.ts';
import { NO_CONTEXT, storeEvent } from '../store-event.ts';
import type { WriteContext } from '../write-context.ts';
import { settleUnsent } from './deliveries.ts';

export function hastenLane(context: WriteContext, lane: number, now: number, limit: number): number {
  return Number(
    context
      .sql(
        `UPDATE pending SET next_at = ?1 WHERE lane = ?2 AND seq IN (
           SELECT seq FROM pending WHERE lane = ?2 AND next_at <> 0 AND next_at > max(0, ?1) ORDER BY next_at, seq LIMIT ?3)`,
      )
      .run(now, lane, limit).changes,
  );
}

/**
 * Events stand in the queue in the order of their time, apart from clocks set back and what was put back. After
 * this many that are too young nothing old is left to be found.
 */
const YOUNG_LOOKED_PAST = 1000;

interface Overdue {
  seq: number;
  event_id: string;
  event_type: string;
  message_id: string | null;
}

export function expireHeld(
  context: WriteContext,
  lane: number,
  before: number,
  limit: number,
  now: number,
): number {
  const endpoint = context.sql('SELECT env, endpoint_id FROM endpoint WHERE lane = ?').get(lane);
  if (endpoint === undefined) return 0;
  const environment = context.environment(endpoint['env'] as number);
  const gone: Left[] = [];
  for (const { seq, ...event } of overdue(context, lane, before, limit)) {
    if (gone.length > 0 && context.isFull) break;
    const left = settleUnsent(context, lane, seq, 'failed', now, 'held_too_long');
    if (left === null) continue;
    gone.push(left);
    if (isOperational(event.event_type)) continue;
    const failed = deliveryFailed(
      { lane, endpoint_id: endpoint['endpoint_id'] as string },
      { seq, event },
      { attempt: left.attempts, status: lastStatus(context, lane, seq), error: 'held_too_long' },
      now,
    );
    storeEvent(context, environment, failed, NO_CONTEXT);
  }
  for (const left of gone) hasLeft(context, left, 'failed');
  return gone.length;
}

/** What was put back or replayed is held since then, whatever the age of its event. */
function overdue(context: WriteContext, lane: number, before: number, limit: number): Overdue[] {
  const rows = context
    .sql(
      `SELECT p.seq, p.base, p.replay, p.next_at, e.at, e.event_id, e.event_type, m.message_id
       FROM pending p JOIN event e ON e.log = p.log LEFT JOIN message m ON m.mid = e.mid
       WHERE p.lane = ? ORDER BY p.seq`,
    )
    .iterate(lane);
  const found: Overdue[] = [];
  let young = 0;
  for (const row of rows) {
    const wasPutBack = (row['base'] as number) > 0 || row['replay'] !== null;
    const since = wasPutBack
      ? Math.max(row['at'] as number, row['next_at'] as number)
      : (row['at'] as number);
    if (since <= before) found.push(row as unknown as Overdue);
    else young++;
    if (found.length === limit || young > YOUNG_LOOKED_PAST) break;
  }
  return found;
}

function lastStatus(context: WriteContext, lane: number, seq: number): number {
  const row = context.sql('SELECT http_status FROM settled WHERE lane = ? AND seq = ?').get(lane, seq);
  return row?.['http_status'] as number;
}
