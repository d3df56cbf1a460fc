/**
 * Many deliveries put back or given up by one call: chunk after chunk, each on disk before the next, until all are done
 * or the call has done its share. What was done stays done whatever happens, and calling again goes on with the rest.
 */

import type {
  DeliveriesChanged,
  DeliveryDiscardBody,
  DeliveryDiscardFilter,
  DeliveryRetryBody,
} from '@postrider/contract/schemas/bulk';
import type { EnvironmentClocks } from '../base/clock.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { invalid, notFound } from '../domain/errors.ts';
import type { Environment } from '../domain/tenancy.ts';
import type { BulkFilter, DeliveryPlace } from '../store/ports.ts';
import { eventTypeErrors, rangeErrors, timeOrNull } from './replay-input.ts';

export interface BulkStore {
  getEndpoint(env: number, endpoint_id: string): Promise<Endpoint | null>;
  findDeliveries(
    env: number,
    filter: BulkFilter,
    after: DeliveryPlace | null,
    limit: number,
  ): Promise<{ places: DeliveryPlace[]; through: DeliveryPlace | null }>;
  retryDeliveries(env: number, places: readonly DeliveryPlace[]): Promise<number>;
  discardDeliveries(env: number, places: readonly DeliveryPlace[], now: number): Promise<number>;
}

export interface BulkParts {
  store: BulkStore;
  clocks: EnvironmentClocks;
}

const CHUNK = 250;
/** What one call takes on: a second or two, well within any client's patience. */
const SHARE = 10_000;
const SHARE_MS = 5_000;

export class BulkDeliveries {
  readonly #parts: BulkParts;

  constructor(parts: BulkParts) {
    this.#parts = parts;
  }

  /** Dead letters, due at once, with the retry schedule anew. `body` fits its schema. */
  retry({ env }: Environment, body: DeliveryRetryBody): Promise<DeliveriesChanged> {
    const { store } = this.#parts;
    return this.#each(env, body, ['failed'], (places) => store.retryDeliveries(env, places));
  }

  discard({ env }: Environment, body: DeliveryDiscardBody): Promise<DeliveriesChanged> {
    const { store, clocks } = this.#parts;
    const { status } = body.filter;
    const statuses = status === undefined ? (['pending', 'held', 'failed'] as const) : [status];
    return this.#each(env, body, statuses, (places) => store.discardDeliveries(env, places, clocks.now(env)));
  }

  async #each(
    env: number,
    body: DeliveryDiscardBody,
    statuses: BulkFilter['statuses'],
    change: (places: readonly DeliveryPlace[]) => Promise<number>,
  ): Promise<DeliveriesChanged> {
    const filter = bulkFilter(body, statuses);
    if (
      filter.endpoint_id !== null &&
      (await this.#parts.store.getEndpoint(env, filter.endpoint_id)) === null
    )
      throw notFound('endpoint', filter.endpoint_id);
    const until = performance.now() + SHARE_MS;
    let matched = 0;
    let after: DeliveryPlace | null = null;
    do {
      const found = await this.#parts.store.findDeliveries(env, filter, after, CHUNK);
      if (found.places.length > 0) matched += await change(found.places);
      after = found.through;
    } while (after !== null && matched < SHARE && performance.now() < until);
    return { matched, more: after !== null };
  }
}

function bulkFilter(body: DeliveryDiscardBody, statuses: BulkFilter['statuses']): BulkFilter {
  const asked: DeliveryDiscardFilter = body.filter;
  if (Object.keys(asked).length === 0 && body.all !== true) {
    const message = 'is empty, which means everything: say so with `"all": true`, or restrict it';
    throw invalid([{ path: '/filter', message }]);
  }
  const filter: BulkFilter = {
    endpoint_id: asked.endpoint_id ?? null,
    event_id: asked.event_id ?? null,
    message_id: asked.message_id ?? null,
    event_types: asked.event_types ?? null,
    after: timeOrNull(asked.after),
    before: timeOrNull(asked.before),
    statuses,
  };
  const errors = [...eventTypeErrors(filter.event_types, '/filter'), ...rangeErrors(filter, '/filter')];
  if (errors.length > 0) throw invalid(errors);
  return filter;
}
