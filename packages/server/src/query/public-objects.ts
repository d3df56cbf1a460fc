/** What the store shows, as the public JSON objects of the API: snake_case, ISO-8601 times, ids named by kind. */

import type { EnvironmentName } from '@postrider/contract/events';
import type { AttemptObject, DeliveryObject } from '@postrider/contract/schemas/delivery';
import type { MessageObject } from '@postrider/contract/schemas/message';
import type { Attempt } from '../domain/delivery.ts';
import { attemptId, deliveryId } from '../domain/delivery-id.ts';
import type { DeliveryView, MessageView } from '../store/ports.ts';

function isoTime(at: number): string {
  return new Date(at).toISOString();
}

function isoTimeOrNull(at: number | null): string | null {
  return at === null ? null : isoTime(at);
}

export function publicMessage(view: MessageView, environment: EnvironmentName): MessageObject {
  const { message, recipients } = view;
  return {
    message_id: message.message_id,
    environment,
    via: message.via,
    from: message.from,
    subject: message.subject,
    stream: message.stream,
    tags: message.tags,
    metadata: message.metadata,
    campaign_id: message.campaign_id,
    size: message.size,
    created_at: isoTime(message.created_at),
    send_at: isoTimeOrNull(message.send_at),
    expires_at: isoTimeOrNull(message.expires_at),
    cancelled_at: isoTimeOrNull(message.cancelled_at),
    recipients: recipients.map(({ address, role, state }) => ({
      address,
      role,
      status: state?.status ?? null,
      state,
    })),
  };
}

export function publicDelivery(view: DeliveryView): DeliveryObject {
  return {
    delivery_id: deliveryId(view.event_id, view.lane, view.seq),
    endpoint_id: view.endpoint_id,
    event_id: view.event_id,
    event_type: view.event_type,
    message_id: view.message_id,
    seq: view.seq,
    status: view.status,
    attempts_made: view.attempts,
    created_at: isoTime(view.created_at),
    next_attempt_at: isoTimeOrNull(view.next_attempt_at),
    settled_at: isoTimeOrNull(view.settled_at),
    last_status: view.last_status,
    last_error: view.last_error,
  };
}

export function publicAttempt(view: DeliveryView, attempt: Attempt): AttemptObject {
  return {
    attempt_id: attemptId(view.event_id, view.lane, view.seq, attempt.attempt),
    attempt: attempt.attempt,
    at: isoTime(attempt.at),
    status: attempt.status,
    latency_ms: attempt.latency_ms,
    error: attempt.error,
    error_detail: attempt.error_detail,
    response_excerpt: attempt.response_excerpt,
  };
}
