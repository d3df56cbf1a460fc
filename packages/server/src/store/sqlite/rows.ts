/** Rows as the domain's types. */

import type { EnvironmentName, SuppressionReason } from '@postrider/contract/events';
import type { Endpoint, EndpointSettings } from '../../domain/endpoint.ts';
import type { ApiKey, Environment, Project } from '../../domain/tenancy.ts';
import type { Suppression } from '../ports.ts';

export type Row = Record<string, unknown>;

/** `env` of what belongs to the installation and not to an environment. */
export const INSTALLATION = 0;

export function toProject(row: Row): Project {
  return {
    project_id: row['project_id'] as string,
    name: row['name'] as string,
    created_at: row['created_at'] as number,
  };
}

export function toEnvironment(row: Row): Environment {
  return {
    env: row['env'] as number,
    project_id: row['project_id'] as string,
    name: row['name'] as EnvironmentName,
    clock_offset_ms: row['clock_offset_ms'] as number,
  };
}

export function toApiKey(row: Row): ApiKey {
  const env = row['env'] as number;
  return {
    key_id: row['key_id'] as string,
    env: env === INSTALLATION ? null : env,
    name: row['name'] as string,
    scopes: JSON.parse(row['scopes'] as string) as ApiKey['scopes'],
    prefix: row['prefix'] as string,
    created_at: row['created_at'] as number,
    revoked_at: row['revoked_at'] as number | null,
  };
}

export function toEndpoint(row: Row): Endpoint {
  return {
    ...(JSON.parse(row['settings'] as string) as EndpointSettings),
    lane: row['lane'] as number,
    endpoint_id: row['endpoint_id'] as string,
    env: row['env'] as number,
    status: row['status'] as Endpoint['status'],
    disabled_reason: row['disabled_reason'] as string | null,
    breaker: row['breaker'] as Endpoint['breaker'],
    failing_since: row['failing_since'] as number | null,
    secret_sealed: row['secret_sealed'] as string,
    previous_secret_sealed: row['previous_secret_sealed'] as string | null,
    previous_secret_until: row['previous_secret_until'] as number | null,
    created_at: row['created_at'] as number,
    updated_at: row['updated_at'] as number,
  };
}

/** The part of an endpoint that stands in its `settings` column. */
export function settingsOf(endpoint: EndpointSettings): EndpointSettings {
  return {
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
  };
}

export function toSuppression(row: Row): Suppression {
  return {
    address: row['address'] as string,
    reason: row['reason'] as SuppressionReason,
    event_id: row['event_id'] as string | null,
    created_at: row['created_at'] as number,
  };
}
