/** One sample of each event type, for the test call of an endpoint. */

import { INBOX_EVENT_TYPES, MAIL_EVENT_TYPES, OPERATIONAL_EVENT_TYPES } from '@postrider/contract/events';
import type { EnvironmentName } from '@postrider/contract/events';
import { STATUS_ORDER, stateOf, factsOf } from '@postrider/contract/state';
import { newId } from '../base/ids.ts';
import { envelopeJson, labelsJson, type NewEvent } from '../domain/event.ts';

const RECIPIENT = 'user@example.com';
const BROWSER = {
  ip: '203.0.113.42',
  user_agent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64)',
  os: 'Windows 10',
  client: 'Chrome',
};

const DATA: Readonly<Record<string, object>> = {
  accepted: { via: 'api', size: 4312 },
  delivered: { smtp_response: '250 2.0.0 OK', server: 'mx.example.com', delivery_latency_ms: 812 },
  deferred: {
    smtp_code: 451,
    enhanced_code: '4.7.1',
    smtp_message: '451 4.7.1 Try again later',
    attempt: 1,
    next_attempt_at: null,
  },
  soft_bounce: {
    bounce_type: 'soft',
    bounce_category: 'mailbox_full',
    smtp_code: 452,
    enhanced_code: '4.2.2',
    smtp_message: '452 4.2.2 Mailbox full',
    was_automatic: true,
  },
  bounce: {
    bounce_type: 'hard',
    bounce_category: 'invalid_email',
    smtp_code: 550,
    enhanced_code: '5.1.1',
    smtp_message: '550 5.1.1 User unknown',
    was_automatic: true,
    rule: 'sandbox.invalid_email',
    suppressed: true,
  },
  dropped: { reason: 'expired', suppression: null },
  complaint: { complaint_type: 'abuse', feedback_type: 'abuse', user_agent: null },
  unsubscribe: { method: 'one_click', list: null },
  open: { ...BROWSER, machine: false },
  click: { ...BROWSER, machine: false, link_id: 'lnk_1', url: 'https://example.com/confirm' },
};

const KNOWN: ReadonlySet<string> = new Set([
  ...MAIL_EVENT_TYPES,
  ...INBOX_EVENT_TYPES,
  ...OPERATIONAL_EVENT_TYPES,
]);
const CUSTOM = /^custom(\.[a-z0-9_-]+)+$/;

/** Whether there is such an event type. */
export function isEventType(type: string): boolean {
  return KNOWN.has(type) || CUSTOM.test(type);
}

export interface Sample {
  event_id: string;
  envelope: string;
}

/** `at` in env time. Types without a message have none in their sample. */
export function sampleEvent(event_type: string, environment: EnvironmentName, at: number): Sample {
  const ofMessage = (MAIL_EVENT_TYPES as readonly string[]).includes(event_type);
  const data = DATA[event_type] ?? { sample: true };
  const event: NewEvent = {
    event_id: newId('evt'),
    event_type,
    at,
    message_id: ofMessage ? newId('msg') : null,
    recipient: ofMessage ? RECIPIENT : null,
    data: JSON.stringify(data),
    labels: null,
    campaign_id: null,
  };
  const isState = (STATUS_ORDER as readonly string[]).includes(event_type);
  const state = isState ? stateOf(factsOf({ event_type: 'accepted' }) | factsOf({ event_type, data })) : null;
  return {
    event_id: event.event_id,
    envelope: envelopeJson(event, environment, labelsJson(['sample'], {}, null), state),
  };
}
