/**
 * Retention, in steps small enough that no commit waits for one. Pending deliveries, their events and
 * recipients still on their way are never touched.
 *
 * Every sweep walks one table in its own (time-like) order from where the last step stopped, and ends at
 * the first row that is too young, so a step costs the same whatever the size of the history.
 */

import type { RetentionPolicy } from '../../ports.ts';
import { logKey } from '../log-position.ts';
import type { WriteContext } from '../write-context.ts';
import { purgeLanes, purgeReplays } from './purge-lanes.ts';
import { sweep } from './sweep.ts';

/**
 * One step of a round: looks at no more than `limit` rows. 0 = the round is over.
 * Each sweep runs to its end before the next begins, and only once in a round: sweeps that began anew whenever
 * another one had not ended yet would take turns for ever.
 */
export function purge(context: WriteContext, env: number, policy: RetentionPolicy, limit: number): number {
  const round = context.rounds.get(env) ?? 0;
  const step =
    purgeRaw(context, env, round, policy.raw_before, limit) ||
    purgeLanes(context, env, round, policy, limit) ||
    purgeEvents(context, env, round, policy.events_before, limit) ||
    purgeMessages(context, env, round, policy.events_before, limit) ||
    purgeReplays(context, env, policy.events_before, limit) ||
    purgeCounters(context, env, policy.events_before, limit);
  if (step === 0) context.rounds.set(env, round + 1);
  return step;
}

function purgeRaw(context: WriteContext, env: number, round: number, before: number, limit: number): number {
  const needed = context.sql(
    'SELECT 1 FROM outgoing WHERE mid = ? UNION ALL SELECT 1 FROM event WHERE mid = ? AND at >= ? LIMIT 1',
  );
  return sweepMessages(
    context,
    'raw',
    env,
    round,
    before,
    limit,
    (mid) => needed.get(mid, mid, before) !== undefined,
    ['raw_message'],
  );
}

/** Walks an environment's messages, and deletes from `tables` what belongs to those that nothing needs. */
function sweepMessages(
  context: WriteContext,
  what: string,
  env: number,
  round: number,
  before: number,
  limit: number,
  isNeededStill: (mid: number) => boolean,
  tables: readonly string[],
): number {
  return sweep(
    context,
    `${what} ${env}`,
    round,
    (mid) =>
      context
        .sql('SELECT mid, created_at FROM message WHERE env = ? AND mid > ? ORDER BY mid LIMIT ?')
        .all(env, mid, limit),
    (row) => row['mid'] as number,
    (row) => {
      if ((row['created_at'] as number) >= before) return 'young';
      return isNeededStill(row['mid'] as number) ? 'keep' : 'delete';
    },
    (row) => {
      for (const table of tables) context.sql(`DELETE FROM ${table} WHERE mid = ?`).run(row['mid'] as number);
    },
  );
}

/** The newest event stays: its position is where the log goes on. */
function purgeEvents(
  context: WriteContext,
  env: number,
  round: number,
  before: number,
  limit: number,
): number {
  return sweep(
    context,
    `event ${env}`,
    round,
    (log) =>
      context
        .sql('SELECT log, at, deliveries FROM event WHERE log > ? AND log < ? ORDER BY log LIMIT ?')
        .all(Math.max(log, logKey(env, 0)), logKey(env, context.environment(env).logEnd), limit),
    (row) => row['log'] as number,
    (row) => {
      if ((row['at'] as number) >= before) return 'young';
      return isNeeded(context, row['deliveries'] as string) ? 'keep' : 'delete';
    },
    (row) => context.sql('DELETE FROM event WHERE log = ?').run(row['log'] as number),
  );
}

/** A delivery that is pending, or settled and still kept, needs its event. */
function isNeeded(context: WriteContext, deliveries: string): boolean {
  const known = context.sql(
    'SELECT 1 FROM pending WHERE lane = ? AND seq = ? UNION ALL SELECT 1 FROM settled WHERE lane = ? AND seq = ?',
  );
  for (const pair of deliveries === '' ? [] : deliveries.split(' ')) {
    const [lane, seq] = pair.split(':').map(Number) as [number, number];
    if (known.get(lane, seq, lane, seq) !== undefined) return true;
  }
  return false;
}

function purgeMessages(
  context: WriteContext,
  env: number,
  round: number,
  before: number,
  limit: number,
): number {
  const needed = context.sql(
    'SELECT 1 FROM outgoing WHERE mid = ? UNION ALL SELECT 1 FROM event WHERE mid = ? LIMIT 1',
  );
  return sweepMessages(
    context,
    'message',
    env,
    round,
    before,
    limit,
    (mid) => needed.get(mid, mid) !== undefined,
    ['raw_message', 'recipient', 'message'],
  );
}

/** Types are the customers' to invent, so what counts them has the life of the events it counts. */
function purgeCounters(context: WriteContext, env: number, before: number, limit: number): number {
  return Number(
    context
      .sql(
        `DELETE FROM counter WHERE (env, hour, event_type) IN (
           SELECT env, hour, event_type FROM counter WHERE env = ? AND hour < ? LIMIT ?)`,
      )
      .run(env, Math.floor(before / 3_600_000), limit).changes,
  );
}

export function purgeIdempotency(context: WriteContext, before: number, limit: number): number {
  return Number(
    context
      .sql(
        `DELETE FROM idempotency WHERE (env, key) IN (
           SELECT env, key FROM idempotency WHERE created_at < ? ORDER BY created_at LIMIT ?)`,
      )
      .run(before, limit).changes,
  );
}
