/** Rows of `replay` as the ports show them. */

import type { Replay, ReplayQuery, ReplayStatus } from '../ports.ts';
import type { Row } from './rows.ts';

/** To be followed by `WHERE`. */
export const REPLAY_COLUMNS = 'r.*, n.endpoint_id FROM replay r JOIN endpoint n ON n.lane = r.lane';

export function toReplay(row: Row): Replay {
  return {
    replay_id: row['replay_id'] as string,
    env: row['env'] as number,
    lane: row['lane'] as number,
    endpoint_id: row['endpoint_id'] as string,
    query: JSON.parse(row['query'] as string) as ReplayQuery,
    status: row['status'] as ReplayStatus,
    matched: row['matched'] as number,
    queued: row['queued'] as number,
    skipped: row['skipped'] as number,
    delivered: row['delivered'] as number,
    failed: row['failed'] as number,
    discarded: row['discarded'] as number,
    position: row['position'] as number,
    end: row['end_position'] as number,
    error: row['error'] as string | null,
    created_at: row['created_at'] as number,
    updated_at: row['updated_at'] as number,
    finished_at: row['finished_at'] as number | null,
  };
}
