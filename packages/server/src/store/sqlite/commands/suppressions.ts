/** The suppression list, as people and programs edit it; automatic entries come with their events. */

import type { SuppressionReason } from '@postrider/contract/events';
import { notFound } from '../../../domain/errors.ts';
import type { NewEvent } from '../../../domain/event.ts';
import type { Idempotency, Idempotent, Suppression } from '../../ports.ts';
import { once } from '../idempotency.ts';
import { toSuppression } from '../rows.ts';
import { NO_CONTEXT, storeEvent, suppress } from '../store-event.ts';
import { suppressionKey } from '../suppression-key.ts';
import type { WriteContext } from '../write-context.ts';

export function addSuppressions(
  context: WriteContext,
  env: number,
  items: { address: string; reason: SuppressionReason; event_id: string }[],
  at: number,
  idempotency: Idempotency | null,
): Idempotent<{ data: Suppression[] }> {
  return once(context, env, idempotency, () => {
    const environment = context.environment(env);
    const data = items.map((item) => {
      const address = suppressionKey(item.address);
      suppress(context, environment, address, item.reason, null, item.event_id, at);
      const row = context.sql('SELECT * FROM suppression WHERE env = ? AND address = ?').get(env, address);
      return toSuppression(row as Record<string, unknown>);
    });
    return { data };
  });
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
