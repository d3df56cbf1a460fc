/** What a store holds after the process ended: every delivery that was ever queued must still be accounted for. */

import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';

export interface Tally {
  pending: number;
  delivered: number;
  failed: number;
  discarded: number;
}

/**
 * Of the endpoints named, or of all. Throws when in any lane the numbers of its deliveries have a gap: something
 * that was due is then neither pending nor settled.
 */
export function tally(dir: string, endpointIds?: readonly string[]): Tally {
  const db = new DatabaseSync(join(dir, 'postrider.db'), { readOnly: true });
  try {
    const total: Tally = { pending: 0, delivered: 0, failed: 0, discarded: 0 };
    for (const { lane, endpoint_id, last_seq } of lanes(db)) {
      if (endpointIds !== undefined && !endpointIds.includes(endpoint_id)) continue;
      const one = tallyLane(db, lane);
      const known = one.pending + one.delivered + one.failed + one.discarded;
      if (known !== last_seq)
        throw new Error(`${endpoint_id}: ${last_seq} were due, the store knows of ${known}: LOST`);
      for (const key of Object.keys(total) as (keyof Tally)[]) total[key] += one[key];
    }
    return total;
  } finally {
    db.close();
  }
}

/** Throws unless the store holds exactly that, and nothing failed or was discarded. */
export function demandTally(
  found: Tally,
  { pending, delivered }: { pending: number; delivered: number },
): void {
  const wanted: Tally = { pending, delivered, failed: 0, discarded: 0 };
  if (JSON.stringify(found) !== JSON.stringify(wanted))
    throw new Error(`the store should hold ${JSON.stringify(wanted)}, but holds ${JSON.stringify(found)}`);
}

interface LaneRow {
  lane: number;
  endpoint_id: string;
  last_seq: number;
}

function lanes(db: DatabaseSync): LaneRow[] {
  return db
    .prepare('SELECT lane, endpoint_id, last_seq FROM endpoint JOIN lane_seq USING (lane) ORDER BY lane')
    .all() as unknown as LaneRow[];
}

/** The numbers are those of the schema: 1 delivered, 2 failed, 3 discarded. */
function tallyLane(db: DatabaseSync, lane: number): Tally {
  const settled = db
    .prepare('SELECT status, count(*) AS n FROM settled WHERE lane = ? GROUP BY status')
    .all(lane) as { status: number; n: number }[];
  const of = (status: number): number => settled.find((row) => row.status === status)?.n ?? 0;
  const pending = db.prepare('SELECT count(*) AS n FROM pending WHERE lane = ?').get(lane) as { n: number };
  return { pending: pending.n, delivered: of(1), failed: of(2), discarded: of(3) };
}
