/** Retention of what belongs to lanes: deliveries that are settled, replays, checkpoints. */

import type { RetentionPolicy } from '../../ports.ts';
import { SETTLED_STATUS } from '../settled-status.ts';
import type { WriteContext } from '../write-context.ts';
import { sealedThrough } from './checkpoints.ts';
import { discardLane } from './deliveries.ts';
import { sweep, type Verdict } from './sweep.ts';

const HOUR_MS = 3_600_000;

/**
 * Dead letters have a longer life than what was delivered. Nothing goes that no checkpoint covers. Each round starts
 * anew, because what was pending in the one before may be settled behind it; what is gone costs it nothing.
 */
export function purgeSettled(
  context: WriteContext,
  env: number,
  round: number,
  policy: RetentionPolicy,
  limit: number,
): number {
  const lanes = context.sql('SELECT lane, deleted_at FROM endpoint WHERE env = ? ORDER BY lane').all(env);
  for (const row of lanes) {
    const lane = row['lane'] as number;
    if (context.sweeps.get(`settled ${lane}`)?.overIn === round) continue;
    const end = row['deleted_at'] === null ? sealedThrough(context, lane) : Number.MAX_SAFE_INTEGER;
    const step = sweepLane(context, lane, end, round, policy, limit);
    if (step > 0) return step;
  }
  return 0;
}

function sweepLane(
  context: WriteContext,
  lane: number,
  end: number,
  round: number,
  policy: RetentionPolicy,
  limit: number,
): number {
  let purged = 0;
  const step = sweep(
    context,
    `settled ${lane}`,
    round,
    (seq) =>
      context
        .sql(
          `SELECT s.seq, s.status, s.at, e.at AS event_at FROM settled s LEFT JOIN event e ON e.log = s.log
           WHERE s.lane = ? AND s.seq > ? AND s.seq <= ? ORDER BY s.seq LIMIT ?`,
        )
        .all(lane, seq, end, limit),
    (settled) => settled['seq'] as number,
    (settled) => judgeSettled(settled, policy),
    (settled) => {
      purged = settled['seq'] as number;
      for (const table of ['settled', 'attempt', 'late_delivery'])
        context.sql(`DELETE FROM ${table} WHERE lane = ? AND seq = ?`).run(lane, purged);
    },
    'starts anew',
  );
  if (purged > 0)
    context
      .sql('UPDATE lane_seq SET purged_through = max(purged_through, ?) WHERE lane = ?')
      .run(purged, lane);
  return step;
}

/** The age of its event ends the sweep, as events go up with `seq`; when it was settled decides about the row. */
function judgeSettled(row: Record<string, unknown>, policy: RetentionPolicy): Verdict {
  const isFailed = row['status'] === SETTLED_STATUS.failed;
  const before = isFailed ? policy.dead_letters_before : policy.events_before;
  if ((row['at'] as number) < before) return 'delete';
  const young = Math.max(policy.events_before, policy.dead_letters_before);
  return ((row['event_at'] ?? 0) as number) >= young ? 'young' : 'keep';
}

/** Replays are listed for as long as what was delivered is. */
export function purgeReplays(context: WriteContext, env: number, before: number, limit: number): number {
  return Number(
    context
      .sql(
        `DELETE FROM replay WHERE replay IN (
           SELECT r.replay FROM replay r WHERE r.env = ? AND r.finished_at < ?
             AND NOT EXISTS (SELECT 1 FROM pending p WHERE p.replay = r.replay) LIMIT ?)`,
      )
      .run(env, before, limit).changes,
  );
}

/** Checkpoints outlive what they cover, as long as dead letters live. A lane's go up with their hours. */
export function purgeCheckpoints(context: WriteContext, env: number, before: number, limit: number): number {
  let gone = 0;
  for (const { lane } of context.sql('SELECT lane FROM endpoint WHERE env = ?').all(env)) {
    if (gone >= limit) break;
    for (const from of oldCheckpoints(context, lane as number, before, limit - gone)) {
      context.sql('DELETE FROM checkpoint WHERE lane = ? AND from_seq = ?').run(lane as number, from);
      gone++;
    }
  }
  return gone;
}

/** Ends at the first that has to stay, so that a lane with nothing to delete costs one row. */
function oldCheckpoints(context: WriteContext, lane: number, before: number, limit: number): number[] {
  const ends = context.sql('SELECT purged_through FROM lane_seq WHERE lane = ?').get(lane);
  const purged = (ends?.['purged_through'] ?? 0) as number;
  const old: number[] = [];
  const rows = context
    .sql('SELECT from_seq, to_seq, hour FROM checkpoint WHERE lane = ? ORDER BY from_seq')
    .iterate(lane);
  for (const row of rows) {
    const stays = (row['to_seq'] as number) > purged || (row['hour'] as number) * HOUR_MS >= before;
    if (stays || old.length === limit) break;
    old.push(row['from_seq'] as number);
  }
  return old;
}

export function purgeDeletedLanes(context: WriteContext, env: number, limit: number): number {
  let gone = 0;
  const lanes = context.sql('SELECT lane FROM endpoint WHERE env = ? AND deleted_at IS NOT NULL').all(env);
  for (const { lane } of lanes) {
    gone += discardLane(context, lane as number, Number.MAX_SAFE_INTEGER, limit - gone, context.now(env));
    if (gone >= limit) break;
  }
  return gone;
}
