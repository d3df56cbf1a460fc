/** The events that publishing itself causes. None of them goes to the endpoint it is about. */

import { newId } from '../base/ids.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { NO_LABELS, type NewEvent } from '../domain/event.ts';
import type { AttemptError } from '../domain/delivery.ts';

/** What is told of a breaker. */
export interface BreakerFigures {
  failingSince: number | null;
  failedDeliveries: number;
  last: { status: number; error: AttemptError; detail: string | null } | null;
  looksLikeSecretMismatch: boolean;
}

/** `at` is env time. */
export function endpointDisabled(endpoint: Endpoint, reason: string, at: number): NewEvent {
  return operational(endpoint, 'endpoint.disabled', at, {
    endpoint_id: endpoint.endpoint_id,
    url: endpoint.url,
    reason,
  });
}

/** Its breaker has opened. */
export function endpointFailing(
  endpoint: Endpoint,
  { failingSince, failedDeliveries, last, looksLikeSecretMismatch }: BreakerFigures,
  at: number,
): NewEvent {
  return operational(endpoint, 'endpoint.failing', at, {
    endpoint_id: endpoint.endpoint_id,
    url: endpoint.url,
    since: new Date(failingSince ?? at).toISOString(),
    failed_deliveries: failedDeliveries,
    last_status: last === null || last.status === 0 ? null : last.status,
    last_error: last?.error ?? null,
    detail: last?.detail ?? null,
    probable_cause: looksLikeSecretMismatch ? 'secret_mismatch' : null,
  });
}

/** A probe succeeded: what was held goes out. `since`: env time of the first failure. */
export function endpointRecovered(endpoint: Endpoint, since: number | null, at: number): NewEvent {
  return operational(endpoint, 'endpoint.recovered', at, {
    endpoint_id: endpoint.endpoint_id,
    url: endpoint.url,
    since: new Date(since ?? at).toISOString(),
    failing_seconds: Math.max(0, Math.round((at - (since ?? at)) / 1000)),
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
