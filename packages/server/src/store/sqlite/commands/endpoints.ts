/** Endpoints: made, changed, deleted. Every change is told in the commit notice, the lane lives on it. */

import { notFound } from '../../../domain/errors.ts';
import {
  ENDPOINT_TRANSITIONS,
  endpointState,
  type Endpoint,
  type EndpointState,
} from '../../../domain/endpoint.ts';
import type { EndpointChange, Idempotency, Idempotent, NewEndpoint, SecretRotation } from '../../ports.ts';
import { once } from '../idempotency.ts';
import { settingsOf, toEndpoint } from '../rows.ts';
import { NO_CONTEXT, storeEvent } from '../store-event.ts';
import type { WriteContext } from '../write-context.ts';

export function createEndpoint(
  context: WriteContext,
  endpoint: NewEndpoint,
  idempotency: Idempotency | null,
): Idempotent<{ endpoint: Endpoint }> {
  return once(context, endpoint.env, idempotency, () => {
    const { lastInsertRowid } = context
      .sql(
        `INSERT INTO endpoint (endpoint_id, env, settings, status, secret_sealed, created_at, updated_at)
         VALUES (?, ?, ?, 'enabled', ?, ?, ?)`,
      )
      .run(
        endpoint.endpoint_id,
        endpoint.env,
        JSON.stringify(settingsOf(endpoint)),
        endpoint.secret_sealed,
        endpoint.created_at,
        endpoint.created_at,
      );
    context.forgetEnvironment(endpoint.env);
    const row = context.sql('SELECT * FROM endpoint WHERE lane = ?').get(lastInsertRowid);
    const created = toEndpoint(row as Record<string, unknown>);
    context.changes.endpoint(created, false);
    return { endpoint: created };
  });
}

export function updateEndpoint(
  context: WriteContext,
  env: number,
  endpoint_id: string,
  change: EndpointChange,
): Endpoint {
  const before = find(context, env, endpoint_id);
  const { events, rotate, ...rest } = change;
  const after: Endpoint = { ...before, ...rest, ...(rotate === undefined ? {} : rotated(before, rotate)) };
  checkStep(endpointState(before), endpointState(after));
  context
    .sql(
      `UPDATE endpoint SET settings = ?, status = ?, disabled_reason = ?, breaker = ?, failing_since = ?, secret_sealed = ?, previous_secret_sealed = ?,
         previous_secret_until = ?, updated_at = ? WHERE lane = ?`,
    )
    .run(
      JSON.stringify(settingsOf(after)),
      after.status,
      after.disabled_reason,
      after.breaker,
      after.failing_since,
      after.secret_sealed,
      after.previous_secret_sealed,
      after.previous_secret_until,
      after.updated_at,
      after.lane,
    );
  if (changesRule(before, after)) context.forgetEnvironment(env);
  for (const event of events ?? []) storeEvent(context, context.environment(env), event, NO_CONTEXT);
  context.changes.endpoint(after, false);
  return after;
}

/** Whether the commit path (`EndpointRule`) sees it: status, breaker, secrets and the like, it does not. */
function changesRule(before: Endpoint, after: Endpoint): boolean {
  const seen = ({ event_types, filter, dialect, ordering }: Endpoint): string =>
    JSON.stringify([event_types, filter, dialect, ordering]);
  return seen(before) !== seen(after);
}

/** A step that the table of states does not have is a defect of whoever asks for it. */
function checkStep(from: EndpointState, to: EndpointState): void {
  if (from !== to && !ENDPOINT_TRANSITIONS[from].includes(to))
    throw new Error(`An endpoint cannot go from ${from} to ${to}.`);
}

type Secrets = Pick<Endpoint, 'secret_sealed' | 'previous_secret_sealed' | 'previous_secret_until'>;

function rotated(before: Endpoint, { secret_sealed, at, until }: SecretRotation): Secrets {
  if (until === null) return { secret_sealed, previous_secret_sealed: null, previous_secret_until: null };
  const lasting = before.previous_secret_until ?? 0;
  const overlaps = before.previous_secret_sealed !== null && lasting > at;
  return {
    secret_sealed,
    previous_secret_sealed: overlaps ? before.previous_secret_sealed : before.secret_sealed,
    previous_secret_until: overlaps ? Math.max(lasting, until) : until,
  };
}

/** The lane's pending deliveries go with the endpoint; its history stays until its retention ends. */
export function deleteEndpoint(context: WriteContext, env: number, endpoint_id: string, now: number): void {
  const endpoint = find(context, env, endpoint_id);
  context
    .sql('UPDATE endpoint SET deleted_at = ?, status = ?, updated_at = ? WHERE lane = ?')
    .run(now, 'disabled', now, endpoint.lane);
  context.forgetEnvironment(env);
  if (context.live.delete(endpoint.lane)) context.onRollback(() => context.live.add(endpoint.lane));
  context.changes.endpoint(endpoint, true);
}

function find(context: WriteContext, env: number, endpoint_id: string): Endpoint {
  const row = context
    .sql('SELECT * FROM endpoint WHERE endpoint_id = ? AND env = ? AND deleted_at IS NULL')
    .get(endpoint_id, env);
  if (row === undefined) throw notFound('endpoint', endpoint_id);
  return toEndpoint(row);
}
