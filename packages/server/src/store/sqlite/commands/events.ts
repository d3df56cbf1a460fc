/** An application's own events. A batch whose fan-out is too large for one commit is stored in several. */

import type { NewEvent } from '../../../domain/event.ts';
import type { Idempotency } from '../../ports.ts';
import { recall, remember } from '../idempotency.ts';
import { findMessage, findRecipient } from '../message-rows.ts';
import { storeEvent } from '../store-event.ts';
import type { EnvironmentFacts, WriteContext } from '../write-context.ts';

/** What stands under the key of a batch. The ids are those of the first call, whoever stores the rest. */
interface Progress {
  event_ids: string[];
  /** How many of them are stored; absent = all. */
  stored?: number;
}

export interface RecordedEvents {
  event_ids: string[];
  replayed: boolean;
  /** Events of the batch that are stored now: less than all of them when the commit is full. */
  stored: number;
}

/**
 * Stores as many of `events` as the commit has room for, one at least. To be called again with those that are left,
 * `first` being the place of the first of them in the batch, until all are stored. What is stored of a batch with a
 * key stands under that key, so that a repeated call (after a crash, or beside the first) stores only what is missing.
 */
export function recordEvents(
  context: WriteContext,
  env: number,
  events: NewEvent[],
  idempotency: Idempotency | null,
  first = 0,
): RecordedEvents {
  const known = recall(context, env, idempotency) as Progress | null;
  const event_ids = known?.event_ids ?? events.map((event) => event.event_id);
  const environment = context.environment(env);
  const end = first + events.length;
  const begin = known === null ? first : Math.max(first, known.stored ?? end);
  if (first === 0) refuseUnknownMessages(context, env, events.slice(begin));
  let stored = begin;
  for (; stored < end && !(stored > begin && context.isFull); stored++) {
    const event = events[stored - first] as NewEvent;
    const event_id = known?.event_ids[stored] ?? event.event_id;
    storeOne(context, environment, { ...event, event_id });
  }
  if (known === null || stored > begin) {
    const isWhole = stored === event_ids.length;
    remember(context, env, idempotency, isWhole ? { event_ids } : { event_ids, stored });
  }
  return { event_ids, replayed: known !== null, stored };
}

/** Before anything of the batch is stored: nothing may be, when a later event is going to be refused. */
function refuseUnknownMessages(context: WriteContext, env: number, events: readonly NewEvent[]): void {
  for (const { message_id } of events) if (message_id !== null) findMessage(context, env, message_id);
}

function storeOne(context: WriteContext, environment: EnvironmentFacts, event: NewEvent): void {
  const message = event.message_id === null ? null : findMessage(context, environment.env, event.message_id);
  const recipient =
    message === null || event.recipient === null
      ? null
      : findRecipient(context, message.mid, event.recipient);
  storeEvent(context, environment, event, { message, recipient });
}
