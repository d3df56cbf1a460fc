/** The event of a dead letter, whoever gives up: a lane after the last attempt, or the store on what is held for too long. */

import { newId } from '../base/ids.ts';
import { deliveryId } from './delivery-id.ts';
import type { Attempt, DueDelivery, DueEvent } from './delivery.ts';
import { NO_LABELS, type NewEvent } from './event.ts';

/**
 * `last`: number, status and error of the last attempt; 0 and 0 when it had none. `at` is env time. It is not sent to
 * the endpoint it is about.
 */
export function deliveryFailed(
  endpoint: { lane: number; endpoint_id: string },
  delivery: Pick<DueDelivery, 'seq'> & { event: Omit<DueEvent, 'envelope'> },
  last: Pick<Attempt, 'attempt' | 'status' | 'error'>,
  at: number,
): NewEvent {
  const { event, seq } = delivery;
  return {
    event_id: newId('evt'),
    event_type: 'delivery.failed',
    at,
    message_id: null,
    recipient: null,
    data: JSON.stringify({
      delivery_id: deliveryId(event.event_id, endpoint.lane, seq),
      endpoint_id: endpoint.endpoint_id,
      event_id: event.event_id,
      event_type: event.event_type,
      message_id: event.message_id,
      attempts: last.attempt,
      last_status: last.status === 0 ? null : last.status,
      last_error: last.error,
    }),
    labels: NO_LABELS,
    campaign_id: null,
    about_endpoint_id: endpoint.endpoint_id,
  };
}
