/** One event due at one endpoint, with its attempts. */

import type {
  DeliveriesChanged,
  DeliveryDiscardBody,
  DeliveryRetryBody,
} from '@postrider/contract/schemas/bulk';
import type { DeliveryDetail, DeliveryObject } from '@postrider/contract/schemas/delivery';
import type { ListPage } from '@postrider/contract/schemas/json-schema';
import { itemsOf } from '../paging.ts';
import type { DeliveryListQuery, Iterated } from '../queries.ts';
import type { Call, CallOptions } from '../request.ts';
import type { Transport } from '../transport.ts';

export class Deliveries {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Newest first. `status: 'failed'` is the dead-letter list. */
  list(query?: DeliveryListQuery, options?: CallOptions): Promise<ListPage<DeliveryObject>> {
    return this.#transport.page({ method: 'GET', path: ['v1', 'deliveries'], query }, options);
  }

  iterate(query?: Iterated<DeliveryListQuery>, options?: CallOptions): AsyncGenerator<DeliveryObject, void> {
    return itemsOf((cursor) => this.list({ ...query, cursor }, options));
  }

  /** With its attempts. */
  get(delivery_id: string, options?: CallOptions): Promise<DeliveryDetail> {
    return this.#transport.object({ method: 'GET', path: ['v1', 'deliveries', delivery_id] }, options);
  }

  /** Puts a dead letter back, due at once. */
  retry(delivery_id: string, options?: CallOptions): Promise<DeliveryDetail> {
    return this.#transport.object(act([delivery_id, 'retry']), options);
  }

  discard(delivery_id: string, options?: CallOptions): Promise<DeliveryDetail> {
    return this.#transport.object(act([delivery_id, 'discard']), options);
  }

  /** Puts dead letters back; call again while `more` is true. */
  bulkRetry(body: DeliveryRetryBody, options?: CallOptions): Promise<DeliveriesChanged> {
    return this.#transport.object({ ...act(['retry']), json: body }, options);
  }

  /** Gives deliveries up; call again while `more` is true. */
  bulkDiscard(body: DeliveryDiscardBody, options?: CallOptions): Promise<DeliveriesChanged> {
    return this.#transport.object({ ...act(['discard']), json: body }, options);
  }
}

function act(path: string[]): Call {
  return { method: 'POST', path: ['v1', 'deliveries', ...path] };
}
