/** The suppression list as people and programs edit it; automatic entries come with the events that cause them. */

import type { SuppressionReason } from '@postrider/contract/events';
import { newId } from '../base/ids.ts';
import { notFound } from '../domain/errors.ts';
import { NO_LABELS, type NewEvent } from '../domain/event.ts';
import type { Environment } from '../domain/tenancy.ts';
import type { Idempotency, Page, PageRequest, Suppression } from '../store/ports.ts';

export interface SuppressionsStore {
  addSuppressions(
    env: number,
    items: { address: string; reason: SuppressionReason; event_id: string }[],
    at: number,
    idempotency: Idempotency | null,
  ): Promise<{ data: Suppression[]; replayed: boolean }>;
  removeSuppression(env: number, address: string, event: NewEvent): Promise<void>;
  getSuppression(env: number, address: string): Promise<Suppression | null>;
  listSuppressions(
    env: number,
    filter: { reason: SuppressionReason | null; q: string | null },
    page: PageRequest,
  ): Promise<Page<Suppression>>;
}

export interface SuppressionsOptions {
  store: SuppressionsStore;
  clocks: { now(env: number): number };
}

/** Addresses come in their one spelling: whoever takes them from a caller has parsed them. */
export class Suppressions {
  readonly #store: SuppressionsStore;
  readonly #clocks: SuppressionsOptions['clocks'];

  constructor(options: SuppressionsOptions) {
    this.#store = options.store;
    this.#clocks = options.clocks;
  }

  /** Adds or keeps, in one commit: an address already there keeps its first reason. In the order of `items`. */
  async add(
    environment: Environment,
    items: readonly { address: string; reason: SuppressionReason }[],
    idempotency: Idempotency | null,
  ): Promise<{ data: Suppression[]; replayed: boolean }> {
    const rows = items.map(({ address, reason }) => ({ address, reason, event_id: newId('evt') }));
    return this.#store.addSuppressions(environment.env, rows, this.#clocks.now(environment.env), idempotency);
  }

  /** `not_found` when the address is not on the list. */
  async get(environment: Environment, address: string): Promise<Suppression> {
    const found = await this.#store.getSuppression(environment.env, address);
    if (found === null) throw notFound('suppression of', address);
    return found;
  }

  async list(
    environment: Environment,
    filter: { reason: SuppressionReason | null; q: string | null },
    page: PageRequest,
  ): Promise<Page<Suppression>> {
    return this.#store.listSuppressions(environment.env, filter, page);
  }

  /** Takes an address off the list, with a `suppression.removed` event. `not_found` when it is not there. */
  async remove(environment: Environment, address: string): Promise<void> {
    const { env } = environment;
    const found = await this.get(environment, address);
    await this.#store.removeSuppression(env, found.address, {
      event_id: newId('evt'),
      event_type: 'suppression.removed',
      at: Math.max(this.#clocks.now(env), found.created_at),
      message_id: null,
      recipient: found.address,
      data: JSON.stringify({ address: found.address, reason: found.reason, event_id: found.event_id }),
      labels: NO_LABELS,
      campaign_id: null,
    });
  }
}
