/** Stores one event with everything the decision says follows from it. The heart of every commit. */

import { decide } from '../../domain/decide.ts';
import { envelopeJson, NO_LABELS, type NewEvent } from '../../domain/event.ts';
import type { StateSnapshot } from '@postrider/contract/events';
import type { FactSet } from '@postrider/contract/state';
import { matching, type EndpointRule } from '../../domain/matching.ts';
import { isUrgent } from '../../domain/urgency.ts';
import { logKey, logPosition } from './log-position.ts';
import { enqueue } from './queue.ts';
import { suppressionKey } from './suppression-key.ts';
import type { EnvironmentFacts, WriteContext } from './write-context.ts';

/** The message an event is about, as far as the commit path needs it. */
export interface MessageFacts {
  mid: number;
  labels: string;
}

/** The (message, recipient) pair whose state an event moves. */
export interface RecipientFacts {
  n: number;
  facts: FactSet;
}

/** Only mail events move the state of a recipient; an application's own events merely show it. */
export interface EventContext {
  message: MessageFacts | null;
  recipient: RecipientFacts | null;
}

export const NO_CONTEXT: EventContext = { message: null, recipient: null };

const INSERT_EVENT =
  'INSERT INTO event (log, event_id, event_type, at, mid, recipient, campaign_id, envelope, deliveries) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)';

/** Returns the state of the pair after the event, null without one. */
export function storeEvent(
  context: WriteContext,
  environment: EnvironmentFacts,
  event: NewEvent,
  about: EventContext,
): StateSnapshot | null {
  const decision = decide({
    event_type: event.event_type,
    data: event.data,
    facts: about.recipient?.facts ?? null,
    subscribers: environment.subscriptions.wanting(event.event_type),
    about_endpoint_id: event.about_endpoint_id,
  });
  const labels = event.labels ?? about.message?.labels ?? NO_LABELS;
  const envelope = envelopeJson(event, environment.name, labels, decision.state);
  const position = context.nextPosition(environment);
  const log = logKey(environment.env, position);
  const mid = about.message?.mid ?? null;
  const deliverTo = matching(decision.deliverTo, envelope);
  const deliveries = fanOut(context, event, mid, envelope, log, deliverTo);
  context
    .sql(INSERT_EVENT)
    .run(
      log,
      event.event_id,
      event.event_type,
      event.at,
      mid,
      event.recipient,
      event.campaign_id,
      envelope,
      deliveries,
    );
  context.changes.logEnd(environment.env, position);
  context.count(environment.env, event.at, event.event_type);
  if (about.message !== null && about.recipient !== null && decision.facts !== about.recipient.facts) {
    about.recipient.facts = decision.facts as FactSet;
    context
      .sql('UPDATE recipient SET facts = ? WHERE mid = ? AND n = ?')
      .run(about.recipient.facts, about.message.mid, about.recipient.n);
  }
  if (decision.suppress !== null && event.recipient !== null) {
    suppress(context, environment, suppressionKey(event.recipient), decision.suppress, event);
  }
  return decision.state;
}

function fanOut(
  context: WriteContext,
  event: NewEvent,
  mid: number | null,
  envelope: string,
  log: number,
  deliverTo: readonly EndpointRule[],
): string {
  const urgent = isUrgent(event.event_type);
  let deliveries = '';
  let index = -1;
  for (const { lane, ordering } of deliverTo) {
    const seq = context.nextSeq(lane);
    deliveries += deliveries === '' ? `${lane}:${seq}` : ` ${lane}:${seq}`;
    if (!enqueue(context, lane, seq, log, ordering === 'message' ? mid : null, urgent)) continue;
    if (context.live.has(lane)) {
      if (index < 0) {
        const { event_id, event_type, message_id } = event;
        index = context.changes.event(event_id, event_type, message_id, envelope, logPosition(log));
      }
      context.changes.delivery(lane, seq, index);
    } else {
      context.changes.laneWaiting(lane, urgent);
    }
  }
  return deliveries;
}

/** Adds `address`, as `suppressionKey` spells it, to the list, once; a new entry is an event of its own. */
export function suppress(
  context: WriteContext,
  environment: EnvironmentFacts,
  address: string,
  reason: string,
  cause: { event_id: string; at: number } | null,
  eventId = context.newEventId(),
  at = cause?.at ?? context.now(environment.env),
): boolean {
  const added = context
    .sql(
      'INSERT INTO suppression (env, address, reason, event_id, created_at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING',
    )
    .run(environment.env, address, reason, cause?.event_id ?? null, at);
  if (added.changes === 0) return false;
  const data = JSON.stringify({ address, reason, event_id: cause?.event_id ?? null });
  storeEvent(
    context,
    environment,
    {
      event_id: eventId,
      event_type: 'suppression.added',
      at,
      message_id: null,
      recipient: address,
      data,
      labels: NO_LABELS,
      campaign_id: null,
    },
    NO_CONTEXT,
  );
  return true;
}
