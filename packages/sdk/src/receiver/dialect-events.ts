/**
 * The bodies of the dialects, back into native envelopes. What a dialect does not carry is null or empty; for Sendook and
 * SentinMail the signed `webhook-id` is the event's id, as their bodies may have none of their own.
 */

import { isObject, list, text, type Fields } from '@postrider/contract/providers/json-fields';
import type { EventEnvelope, EventType, StateSnapshot } from '@postrider/contract/events';
import type { ReceivedEvent } from './event.ts';

const MAX_ID = 256;

/** Null for what has no known shape. `requestId` is that of a request with this event alone. */
export function readEvent(body: Fields, requestId: string | null): ReceivedEvent | null {
  if ('specversion' in body) return isObject(body['data']) ? native(body['data']) : null;
  if ('event_type' in body) return native(body);
  if ('payload' in body) return sendook(body, requestId);
  if ('sent_email_id' in body) return sentinmail(body);
  return 'event' in body ? sendarixCompact(body) : null;
}

function native(body: Fields): ReceivedEvent | null {
  const { event_id, event_type, timestamp, data = {}, seq, state } = body;
  if (!isId(event_id) || !isId(event_type) || !isTime(timestamp) || !isObject(data)) return null;
  const message_id = idOrNull(body['message_id']);
  const recipient = idOrNull(body['recipient']);
  if (message_id === undefined || recipient === undefined) return null;
  return {
    event_id,
    event_type: event_type as EventType,
    timestamp,
    message_id,
    recipient,
    data: { ...data },
    environment: body['environment'] === 'sandbox' ? 'sandbox' : 'live',
    tags: list(body['tags']).filter((tag) => typeof tag === 'string'),
    metadata: texts(body['metadata']),
    campaign_id: text(body['campaign_id']),
    state: isObject(state) ? (state as unknown as StateSnapshot) : null,
    seq: typeof seq === 'number' && Number.isSafeInteger(seq) && seq > 0 ? seq : null,
    ...(body['test'] === true && { test: true }),
  };
}

/** `{event, message_id, recipient, timestamp}`: there is no id, so all of it together is one. */
function sendarixCompact(body: Fields): ReceivedEvent | null {
  const { event, message_id, recipient, timestamp } = body;
  if (!isId(event) || typeof timestamp !== 'number' || !Number.isFinite(timestamp)) return null;
  return native({
    event_id: `sendarix:${[event, message_id, recipient, timestamp].join(':')}`.slice(0, MAX_ID),
    event_type: event,
    timestamp: isoSeconds(timestamp),
    message_id,
    recipient,
    test: body['test'],
  });
}

const SENTINMAIL: Readonly<Record<string, EventType>> = {
  delivered: 'delivered',
  opened: 'open',
  clicked: 'click',
  unsubscribed: 'unsubscribe',
};

function sentinmail(body: Fields): ReceivedEvent | null {
  const { id, type, sent_email_id, metadata } = body;
  if (typeof type !== 'string') return null;
  const data = isObject(metadata) ? metadata : {};
  const named = Object.hasOwn(SENTINMAIL, type) ? SENTINMAIL[type] : type;
  const event_type = type === 'bounced' ? bounceType(data['bounce_type']) : named;
  return native({ ...body, event_id: id, event_type, message_id: sent_email_id, data, metadata: {} });
}

const SENDOOK: Readonly<Record<string, EventType>> = {
  'message.sent': 'accepted',
  'message.received': 'received',
  'message.delivered': 'delivered',
  'message.complained': 'complaint',
  'message.rejected': 'dropped',
};

function sendook(body: Fields, requestId: string | null): ReceivedEvent | null {
  const { event, payload, messageId, inboxId } = body;
  if (typeof event !== 'string' || !isObject(payload)) return null;
  const named = Object.hasOwn(SENDOOK, event) ? SENDOOK[event] : event;
  const to = list(payload['to']);
  return native({
    event_id: requestId,
    event_type: event === 'message.bounced' ? bounceType(payload['bounceType']) : named,
    timestamp: payload['updatedAt'] ?? payload['createdAt'],
    message_id: messageId,
    recipient: to.length === 1 ? to[0] : null,
    data: { ...payload, ...(inboxId !== undefined && { inbox_id: inboxId }) },
    tags: payload['labels'],
    test: body['test'],
  });
}

/** Both products have one name for both; a bounce that does not say that it is soft is a hard one. */
function bounceType(type: unknown): EventType {
  return type === 'soft' ? 'soft_bounce' : 'bounce';
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_ID && !value.includes('\0');
}

function isTime(value: unknown): value is string {
  return typeof value === 'string' && value.length <= 64 && !Number.isNaN(Date.parse(value));
}

/** Undefined for what is neither; addresses and ids of others may be long. */
function idOrNull(value: unknown): string | null | undefined {
  if (value === null || value === undefined) return null;
  return typeof value === 'string' && value.length <= 1_000 && !value.includes('\0') ? value : undefined;
}

function isoSeconds(seconds: number): string {
  const date = new Date(seconds * 1000);
  return Number.isNaN(date.getTime()) ? '' : date.toISOString();
}

function texts(value: unknown): EventEnvelope['metadata'] {
  if (!isObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter((entry): entry is [string, string] => typeof entry[1] === 'string'),
  );
}
