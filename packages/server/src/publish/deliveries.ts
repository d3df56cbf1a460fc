/** Single deliveries over the API: put back, or given up. */

import type { EnvironmentClocks } from '../base/clock.ts';
import { parseDeliveryId } from '../domain/delivery-id.ts';
import { notFound } from '../domain/errors.ts';
import type { Environment } from '../domain/tenancy.ts';

export interface DeliveryStore {
  retryDelivery(env: number, lane: number, seq: number): Promise<void>;
  discardDelivery(env: number, lane: number, seq: number, now: number): Promise<void>;
}

export interface DeliveriesParts {
  store: DeliveryStore;
  clocks: EnvironmentClocks;
}

export class Deliveries {
  readonly #parts: DeliveriesParts;

  constructor(parts: DeliveriesParts) {
    this.#parts = parts;
  }

  /** Puts a dead letter back, due at once, with the retry schedule anew. `conflict` when it is none. */
  async retry({ env }: Environment, delivery_id: string): Promise<void> {
    const { lane, seq } = place(delivery_id);
    await this.#parts.store.retryDelivery(env, lane, seq);
  }

  /** Gives up a pending, held or failed delivery. `conflict` when it is settled otherwise. */
  async discard({ env }: Environment, delivery_id: string): Promise<void> {
    const { lane, seq } = place(delivery_id);
    await this.#parts.store.discardDelivery(env, lane, seq, this.#parts.clocks.now(env));
  }
}

function place(delivery_id: string): { lane: number; seq: number } {
  const parsed = parseDeliveryId(delivery_id);
  if (parsed === null) throw notFound('delivery', delivery_id);
  return parsed;
}
