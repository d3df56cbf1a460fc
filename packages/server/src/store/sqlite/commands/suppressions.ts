/** The suppression list, as people and programs edit it; automatic entries come with their events. */

import type { SuppressionReason } from '@postrider/contract/events';
import { notFound } from '../../../domain/errors.ts';
import type { NewEvent } from '../../../domain/event.ts';
import type { Idempotency, Idempotent, Suppression } from '../../ports.ts';
import { recall, remember } from '../idempotency.ts';
import { toSuppression } from '../rows.ts';
import { NO_CONTEXT, storeEvent, suppress } from '../store-event.ts';
import { suppressionKey } from '../suppression-key.ts';
import type { WriteContext } from '../write-context.ts';

export interface NewSuppression {
  address: string;
  reason: SuppressionReason;
  event_id: string;
}

/**
 * Adds as many of `items` as the commit has room for, one at least, and answers with what there is of the first so
 * many. To be called again with that (`done`) until it is all of them. What is added of a call with a key stands
 * under that key, so that a repeated call adds what is missing.
 */
export function addSuppressions(
  context: WriteContext,
  env: number,
  items: NewSuppression[],
  at: number,
  idempotency: Idempotency | null,
  done: readonly Suppression[] = [],
): Idempotent<{ data: Suppression[] }> {
  const known = recall(context, env, idempotency) as { data: Suppression[] } | null;
  const data = [...(known?.data ?? done)];
  const before = data.length;
  for (const item of items.slice(before)) {
    if (data.length > before && context.isFull) break;
    data.push(addOne(context, env, item, at));
  }
  if (known === null || data.length > before) remember(context, env, idempotency, { data });
  return { data, replayed: known !== null };
}

function addOne(context: WriteContext, env: number, item: NewSuppression, at: number): Suppression {
  const address = suppressionKey(item.address);
  suppress(context, context.environment(env), address, item.reason, null, item.event_id, at);
  const row = context.sql('SELECT * FROM suppression WHERE env = ? AND address = ?').get(env, address);
  return toSuppression(row as Record<string, unknown>);
}

export function removeSuppression(
  context: WriteContext,
  env: number,
  address: string,
  event: NewEvent,
): void {
  const removed = context
    .sql('DELETE FROM suppression WHERE env = ? AND address = ?')
    .run(env, suppressionKey(address));
  if (removed.changes === 0) throw notFound('suppression of', address);
  storeEvent(context, context.environment(env), event, NO_CONTEXT);
}
