/** Retention of what belongs to lanes: deliveries that are settled, replays, checkpoints. */

import type { RetentionPolicy } from '../../ports.ts';
import { SETTLED_STATUS } from '../settled-status.ts';
import type { WriteContext } from '../write-context.ts';
import { sealedThrough } from './checkpoints.ts';
import { discardLane } from './deliveries.ts';
import { sweep, type Verdict } from './sweep.ts';

const HOUR_MS = 3_600_000;

/** Lanes looked at in one step: each costs a few rows even when it has nothing to delete. */
const LANES_IN_A_STEP = 20;

/** One step of a walk over an environment's lanes, one after another, once in a round. */
export function purgeLanes(
  context: WriteContext,
  env: number,
  round: number,
  policy: RetentionPolicy,
  limit: number,
): number {
  const name = `lanes ${env}`;
  const before = context.sweeps.get(name) ?? { at: 0, skipped: null, overIn: -1 };
  if (before.overIn === round) return 0;
  const lanes = context
    .sql('SELECT lane, deleted_at FROM endpoint WHERE env = ? AND lane > ? ORDER BY lane LIMIT ?')
    .all(env, before.at, LANES_IN_A_STEP);
  let { at } = before;
  let step = 0;
  for (const row of lanes) {
    const lane = row['lane'] as number;
    step = purgeLane(context, env, lane, row['deleted_at'] !== null, round, policy, limit);
    if (step > 0) break;
    at = lane;
  }
  const over = step === 0 && lanes.length < LANES_IN_A_STEP;
  context.sweeps.set(name, { at: over ? 0 : at, skipped: null, overIn: over ? round : -1 });
  context.onRollback(() => context.sweeps.set(name, before));
  return over ? 0 : Math.max(1, step);
}

/** Returns 0 when nothing is left to be done there in this round. */
function purgeLane(
  context: WriteContext,
  env: number,
  lane: number,
  isDeleted: boolean,
  round: number,
  policy: RetentionPolicy,
  limit: number,
): number {
  // Nothing goes that no checkpoint covers, as long as somebody may ask for it.
  const end = isDeleted ? Number.MAX_SAFE_INTEGER : sealedThrough(context, lane);
  return (
    sweepLane(context, lane, end, round, policy, limit) ||
    purgeCheckpoints(context, lane, policy.dead_letters_before, limit) ||
    (isDeleted ? purgeDeleted(context, env, lane, limit) : 0)
  );
}

/**
 * Dead letters have a longer life than what was delivered. Each round starts anew, because what was pending in the
 * one before may be settled behind it; what is gone costs it nothing.
 */
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
function purgeCheckpoints(context: WriteContext, lane: number, before: number, limit: number): number {
  const old = oldCheckpoints(context, lane, before, limit);
  for (const from of old)
    context.sql('DELETE FROM checkpoint WHERE lane = ? AND from_seq = ?').run(lane, from);
  return old.length;
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

/** What was pending is discarded; the endpoint itself goes when nothing refers to it any more. */
function purgeDeleted(context: WriteContext, env: number, lane: number, limit: number): number {
  const discarded = discardLane(context, lane, Number.MAX_SAFE_INTEGER, limit, context.now(env));
  if (discarded > 0) return discarded;
  const referring = context
    .sql(
      `SELECT 1 FROM settled WHERE lane = ?1 UNION ALL SELECT 1 FROM checkpoint WHERE lane = ?1
       UNION ALL SELECT 1 FROM replay WHERE env = ?2 AND lane = ?1 LIMIT 1`,
    )
    .get(lane, env);
  if (referring !== undefined) return 0;
  for (const table of ['endpoint', 'lane_seq']) context.sql(`DELETE FROM ${table} WHERE lane = ?`).run(lane);
  context.sweeps.delete(`settled ${lane}`);
  return 1;
}
