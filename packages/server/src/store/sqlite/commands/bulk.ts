/** Many deliveries at once, as their owner wants them. Those that are no longer what was asked for are left alone. */

import type { DeliveryPlace } from '../../ports.ts';
import { hasLeft } from '../queue.ts';
import { SETTLED_STATUS } from '../settled-status.ts';
import type { WriteContext } from '../write-context.ts';
import { keepLastAttempt, settleUnsent, unsettle } from './deliveries.ts';

type Row = Record<string, unknown>;

export function retryDeliveries(
  context: WriteContext,
  env: number,
  places: readonly DeliveryPlace[],
): number {
  let retried = 0;
  for (const { lane, seq } of ofEnvironment(context, env, places)) {
    const row = deadLetter(context, lane, seq);
    if (row === null) continue;
    unsettle(context, env, row, null);
    retried++;
  }
  return retried;
}

export function discardDeliveries(
  context: WriteContext,
  env: number,
  places: readonly DeliveryPlace[],
  now: number,
): number {
  let discarded = 0;
  const gone = [];
  for (const { lane, seq } of ofEnvironment(context, env, places)) {
    const left = settleUnsent(context, lane, seq, 'discarded', now, null);
    if (left !== null) gone.push(left);
    else if (discardDead(context, lane, seq)) discarded++;
  }
  // After all of them: what is discarded in the same step must not be released first.
  for (const left of gone) hasLeft(context, left, 'discarded');
  return discarded + gone.length;
}

function discardDead(context: WriteContext, lane: number, seq: number): boolean {
  const row = deadLetter(context, lane, seq);
  if (row === null) return false;
  keepLastAttempt(context, row);
  context
    .sql(`UPDATE settled SET status = ${SETTLED_STATUS.discarded} WHERE lane = ? AND seq = ?`)
    .run(lane, seq);
  return true;
}

function deadLetter(context: WriteContext, lane: number, seq: number): Row | null {
  const row = context.sql('SELECT * FROM settled WHERE lane = ? AND seq = ?').get(lane, seq);
  return row?.['status'] === SETTLED_STATUS.failed ? row : null;
}

/** Places in lanes of other environments, or of deleted endpoints, are none. */
function ofEnvironment(
  context: WriteContext,
  env: number,
  places: readonly DeliveryPlace[],
): readonly DeliveryPlace[] {
  const isHere = context.sql('SELECT 1 FROM endpoint WHERE lane = ? AND env = ? AND deleted_at IS NULL');
  const lanes = new Set(places.map(({ lane }) => lane).filter((lane) => isHere.get(lane, env) !== undefined));
  return places.filter(({ lane }) => lanes.has(lane));
}
