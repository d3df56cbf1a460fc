/**
 * The events of Postrider: their names, their data, and the envelope they travel in.
 * Everything that leaves the product (push, feed, list, stream) is one of these shapes.
 */

/** Facts about one message and one recipient. An endpoint with no `event_types` gets exactly these. */
export const MAIL_EVENT_TYPES = [
  'accepted',
  'delivered',
  'deferred',
  'soft_bounce',
  'bounce',
  'dropped',
  'complaint',
  'unsubscribe',
  'open',
  'click',
  'received',
] as const;

export const INBOX_EVENT_TYPES = ['inbox.created', 'inbox.updated', 'inbox.deleted'] as const;

/** Facts about the system itself. Their deliveries never cause further operational events. */
export const OPERATIONAL_EVENT_TYPES = [
  'endpoint.failing',
  'endpoint.disabled',
  'endpoint.recovered',
  'delivery.failed',
  'suppression.added',
  'suppression.removed',
  'domain.verified',
  'domain.failed',
  'alert.fired',
  'alert.resolved',
] as const;

export type MailEventType = (typeof MAIL_EVENT_TYPES)[number];
export type InboxEventType = (typeof INBOX_EVENT_TYPES)[number];
export type OperationalEventType = (typeof OPERATIONAL_EVENT_TYPES)[number];
/** An application's own events: `custom.` and at least one more segment of `[a-z0-9_-]`. */
export type CustomEventType = `custom.${string}`;
export type EventType = MailEventType | InboxEventType | OperationalEventType | CustomEventType;

export type BounceCategory =
  | 'invalid_email'
  | 'domain_not_found'
  | 'mailbox_full'
  | 'message_too_large'
  | 'blocked'
  | 'spam'
  | 'auth_failure'
  | 'policy'
  | 'content'
  | 'rate_limited'
  | 'relay_denied'
  | 'suspended'
  | 'network'
  | 'timeout'
  | 'other';

export interface AcceptedData {
  via: 'api' | 'smtp' | 'source';
  /** Octets of the message as it will be sent. */
  size: number;
}
export interface DeliveredData {
  smtp_response: string;
  server: string;
  /** From acceptance to the recipient server's reply, in milliseconds of the environment's clock. */
  delivery_latency_ms: number;
}
export interface DeferredData {
  smtp_code: number | null;
  /** RFC 3463 status, for example `4.2.2`. */
  enhanced_code: string | null;
  smtp_message: string;
  attempt: number;
  next_attempt_at: string | null;
  /** Present when the link died after DATA: the server may or may not have taken the message. */
  outcome?: 'unknown';
}
export interface SoftBounceData {
  bounce_type: 'soft';
  bounce_category: BounceCategory;
  smtp_code: number | null;
  enhanced_code: string | null;
  smtp_message: string;
  was_automatic: boolean;
}
export interface BounceData {
  bounce_type: 'hard';
  bounce_category: BounceCategory;
  smtp_code: number | null;
  enhanced_code: string | null;
  smtp_message: string;
  was_automatic: boolean;
  /** The classifier's rule, for example `sandbox.invalid_email`. */
  rule: string;
  /** Whether the address was put on the suppression list by this event. */
  suppressed: boolean;
}
export type DropReason = 'suppressed' | 'invalid' | 'expired' | 'cancelled' | 'policy';
export interface DroppedData {
  reason: DropReason;
  /** The suppression that caused it, when `reason` is `suppressed`. */
  suppression: { reason: SuppressionReason; created_at: string; event_id: string | null } | null;
}
export interface ComplaintData {
  complaint_type: string;
  feedback_type: string;
  user_agent: string | null;
}
export interface UnsubscribeData {
  method: 'one_click' | 'link';
  list: string | null;
}
export interface OpenData {
  ip: string | null;
  user_agent: string | null;
  os: string | null;
  client: string | null;
  /** A prefetcher or scanner, not a person, as far as can be told. */
  machine: boolean;
}
export interface ClickData extends OpenData {
  link_id: string;
  url: string;
}

export type SuppressionReason = 'bounce' | 'complaint' | 'unsubscribe' | 'manual';

/** `status` is the name of the event type that decides the state of the (message, recipient). */
export type MessageStatus =
  | 'accepted'
  | 'deferred'
  | 'delivered'
  | 'open'
  | 'click'
  | 'soft_bounce'
  | 'bounce'
  | 'dropped'
  | 'unsubscribe'
  | 'complaint';

export interface StateSnapshot {
  status: MessageStatus;
  /** The status that would hold without the events that decided `status`; null when there is none. */
  previous: MessageStatus | null;
  /** No further delivery attempt will be made and none of its outcome is open. */
  terminal: boolean;
}

export type EnvironmentName = 'live' | 'sandbox';

/** The native envelope, as listed by the API. */
export interface EventEnvelope<Data = Record<string, unknown>> {
  event_id: string;
  event_type: EventType;
  /** ISO-8601 UTC with milliseconds, on the environment's clock. */
  timestamp: string;
  message_id: string | null;
  recipient: string | null;
  data: Data;
  environment: EnvironmentName;
  tags: string[];
  metadata: Record<string, string>;
  campaign_id: string | null;
  /** State of (message, recipient) at the commit of this event; null for events without a message. */
  state: StateSnapshot | null;
}

/** The envelope as pushed and as read from a lane's feed: `seq` belongs to the delivery. */
export interface PushedEnvelope<Data = Record<string, unknown>> extends EventEnvelope<Data> {
  seq: number;
  /** Only on samples sent by the endpoint test call. */
  test?: true;
}
