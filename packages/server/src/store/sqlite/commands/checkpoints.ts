/** Checkpoints as they are sealed. */

import type { Checkpoint } from '../../ports.ts';
import type { WriteContext } from '../write-context.ts';

export function addCheckpoints(
  context: WriteContext,
  lane: number,
  checkpoints: readonly Checkpoint[],
): void {
  const ends = context.sql('SELECT purged_through FROM lane_seq WHERE lane = ?').get(lane);
  let sealed = Math.max(sealedThrough(context, lane), (ends?.['purged_through'] ?? 0) as number);
  for (const { from_seq, to_seq, hour, digest } of checkpoints) {
    if (from_seq !== sealed + 1) continue;
    context
      .sql('INSERT INTO checkpoint (lane, from_seq, to_seq, hour, digest) VALUES (?, ?, ?, ?, ?)')
      .run(lane, from_seq, to_seq, hour, digest);
    sealed = to_seq;
  }
}

/** The lane's last `seq` that a checkpoint covers; 0 without one. */
export function sealedThrough(context: WriteContext, lane: number): number {
  const row = context
    .sql('SELECT to_seq FROM checkpoint WHERE lane = ? ORDER BY from_seq DESC LIMIT 1')
    .get(lane);
  return (row?.['to_seq'] ?? 0) as number;
}
