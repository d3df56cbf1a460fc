/** Endpoints as the API shows them. */

import type { EnvironmentName } from '@postrider/contract/events';
import type { EndpointObject, EndpointStatsObject } from '@postrider/contract/schemas/endpoint';
import type { Endpoint } from '../domain/endpoint.ts';

/** Without the secret. `wallNow` decides whether a rotation's overlap still lasts. */
export function endpointObject(
  endpoint: Endpoint,
  environment: EnvironmentName,
  wallNow: number,
): EndpointObject {
  return {
    endpoint_id: endpoint.endpoint_id,
    environment,
    status: endpoint.status,
    disabled_reason: endpoint.disabled_reason,
    url: endpoint.url,
    description: endpoint.description,
    event_types: endpoint.event_types,
    filter: endpoint.filter,
    dialect: endpoint.dialect,
    headers: endpoint.headers,
    retry_schedule: endpoint.retry_schedule,
    timeout_ms: endpoint.timeout_ms,
    max_in_flight: endpoint.max_in_flight,
    rate_limit: endpoint.rate_limit,
    ordering: endpoint.ordering,
    batch: endpoint.batch,
    secret_overlap_until: overlapUntil(endpoint, wallNow),
    created_at: iso(endpoint.created_at),
    updated_at: iso(endpoint.updated_at),
  };
}

export function overlapUntil(endpoint: Endpoint, wallNow: number): string | null {
  const until = endpoint.previous_secret_until;
  return until === null || until <= wallNow ? null : iso(until);
}

/** The store's figures of a lane. */
export interface LaneFigures {
  pending: number;
  failed: number;
  oldest_pending_at: number | null;
  settled: number;
  delivered: number;
  p50_ms: number | null;
  p99_ms: number | null;
}

/** What publishing knows of a lane; times in env time. */
export interface LaneState {
  in_flight: number;
  breaker: EndpointStatsObject['breaker'];
  failing_since: number | null;
  next_probe_at: number | null;
  secret_mismatch: boolean;
}

/** `now` in env time. */
export function statsObject(figures: LaneFigures, lane: LaneState, now: number): EndpointStatsObject {
  const { oldest_pending_at, settled, delivered } = figures;
  return {
    pending: figures.pending,
    in_flight: lane.in_flight,
    failed: figures.failed,
    oldest_pending_seconds:
      oldest_pending_at === null ? null : Math.max(0, Math.floor((now - oldest_pending_at) / 1000)),
    breaker: lane.breaker,
    failing_since: lane.failing_since === null ? null : iso(lane.failing_since),
    next_probe_at: lane.next_probe_at === null ? null : iso(lane.next_probe_at),
    probable_cause: lane.secret_mismatch ? 'secret_mismatch' : null,
    success_rate_1h: settled === 0 ? null : delivered / settled,
    p50_ms: figures.p50_ms,
    p99_ms: figures.p99_ms,
  };
}

function iso(at: number): string {
  return new Date(Math.round(at)).toISOString();
}
