/** Checkpoints of lanes. */

import type { Checkpoint } from '../../ports.ts';
import type { ReadContext } from '../read-context.ts';

const COLUMNS = 'from_seq, to_seq, hour, digest';

export function lastCheckpoint(context: ReadContext, lane: number): Checkpoint | null {
  const row = context
    .sql(`SELECT ${COLUMNS} FROM checkpoint WHERE lane = ? ORDER BY from_seq DESC LIMIT 1`)
    .get(lane);
  return row === undefined ? null : (row as unknown as Checkpoint);
}

export function listCheckpoints(
  context: ReadContext,
  lane: number,
  after: number,
  limit: number,
): Checkpoint[] {
  return context
    .sql(`SELECT ${COLUMNS} FROM checkpoint WHERE lane = ? AND from_seq > ? ORDER BY from_seq LIMIT ?`)
    .all(lane, after, limit) as unknown as Checkpoint[];
}

export function lanesOf(context: ReadContext, env: number): number[] {
  return context
    .sql('SELECT lane FROM endpoint WHERE env = ? AND deleted_at IS NULL ORDER BY lane')
    .all(env)
    .map((row) => row['lane'] as number);
}
