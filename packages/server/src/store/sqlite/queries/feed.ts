/** A lane as a log of its own: every delivery in `seq` order, whether it is pending or settled. */

import type { FeedEvent, LanePart } from '../../ports.ts';
import type { ReadContext } from '../read-context.ts';

type LaneEvent = Omit<FeedEvent, 'envelope'>;

const COLUMNS = 'd.seq, e.event_id, e.at';

export function readFeed(
  context: ReadContext,
  lane: number,
  after: number,
  limit: number,
): LanePart<FeedEvent> {
  return readPart<FeedEvent>(context, `${COLUMNS}, e.envelope`, lane, after, limit);
}

export function readLane(
  context: ReadContext,
  lane: number,
  after: number,
  limit: number,
): LanePart<LaneEvent> {
  return readPart<LaneEvent>(context, COLUMNS, lane, after, limit);
}

/**
 * The rows first, the ends after them: what retention had deleted when the rows were read is in the ends. One
 * statement for both tables, so that a delivery on its way from one to the other is seen once.
 */
function readPart<T>(
  context: ReadContext,
  columns: string,
  lane: number,
  after: number,
  limit: number,
): LanePart<T> {
  const items = context
    .sql(
      `SELECT ${columns} FROM pending d JOIN event e ON e.log = d.log WHERE d.lane = ?1 AND d.seq > ?2 AND d.seq <= ?3
       UNION ALL
       SELECT ${columns} FROM settled d JOIN event e ON e.log = d.log WHERE d.lane = ?1 AND d.seq > ?2 AND d.seq <= ?3
       ORDER BY 1`,
    )
    .all(lane, after, after + limit) as T[];
  const ends = context.sql('SELECT last_seq, purged_through FROM lane_seq WHERE lane = ?').get(lane);
  return {
    items,
    last_seq: (ends?.['last_seq'] ?? 0) as number,
    purged_through: (ends?.['purged_through'] ?? 0) as number,
  };
}
