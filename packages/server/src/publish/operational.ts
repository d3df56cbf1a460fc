/** The events that publishing itself causes. None of them goes to the endpoint it is about. */

import { newId } from '../base/ids.ts';
import { deliveryId } from '../domain/delivery-id.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { NO_LABELS, type NewEvent } from '../domain/event.ts';
import type { Attempt, DueDelivery } from '../domain/delivery.ts';

/** `at` is env time. */
export function deliveryFailed(
  endpoint: Endpoint,
  delivery: DueDelivery,
  last: Attempt,
  at: number,
): NewEvent {
  const { event, seq } = delivery;
  return operational(endpoint, 'delivery.failed', at, {
    delivery_id: deliveryId(event.event_id, endpoint.lane, seq),
    endpoint_id: endpoint.endpoint_id,
    event_id: event.event_id,
    event_type: event.event_type,
    message_id: event.message_id,
    attempts: last.attempt,
    last_status: last.status === 0 ? null : last.status,
    last_error: last.error,
  });
}

export function endpointDisabled(endpoint: Endpoint, reason: string, at: number): NewEvent {
  return operational(endpoint, 'endpoint.disabled', at, {
    endpoint_id: endpoint.endpoint_id,
    url: endpoint.url,
    reason,
  });
}

function operational(endpoint: Endpoint, event_type: string, at: number, data: object): NewEvent {
  return {
    event_id: newId('evt'),
    event_type,
    at,
    message_id: null,
    recipient: null,
    data: JSON.stringify(data),
    labels: NO_LABELS,
    campaign_id: null,
    about_endpoint_id: endpoint.endpoint_id,
  };
}
