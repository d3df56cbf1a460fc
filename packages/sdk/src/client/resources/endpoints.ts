/** Where events are pushed, and the same events to pull. */

import type { PushedEnvelope } from '@postrider/contract/events';
import type {
  EndpointCreateBody,
  EndpointEnableBody,
  EndpointObject,
  EndpointPatchBody,
  EndpointStatsObject,
  EndpointTestAnswer,
  EndpointTestBody,
  RotateSecretAnswer,
  RotateSecretBody,
} from '@postrider/contract/schemas/endpoint';
import type { CheckpointObject, FeedPage } from '@postrider/contract/schemas/feed';
import type { ListPage } from '@postrider/contract/schemas/json-schema';
import { verifyCheckpoints, type CheckpointReport, type VerifyOptions } from '../checkpoints.ts';
import { feedEvents } from '../feed.ts';
import { itemsOf } from '../paging.ts';
import type { EndpointQuery, FeedQuery, Iterated, PageQuery } from '../queries.ts';
import type { Call, CallOptions, CreateOptions } from '../request.ts';
import type { Transport } from '../transport.ts';

export class Endpoints {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The answer has the signing `secret`. */
  create(
    endpoint: EndpointCreateBody,
    options?: CreateOptions,
  ): Promise<EndpointObject & { secret: string }> {
    const call = { method: 'POST', path: ['v1', 'endpoints'], json: endpoint, creates: true } as const;
    return this.#transport.object(call, options);
  }

  list(query?: PageQuery, options?: CallOptions): Promise<ListPage<EndpointObject>> {
    return this.#transport.page({ method: 'GET', path: ['v1', 'endpoints'], query }, options);
  }

  iterate(query?: Iterated<PageQuery>, options?: CallOptions): AsyncGenerator<EndpointObject, void> {
    return itemsOf((cursor) => this.list({ ...query, cursor }, options));
  }

  get(endpoint_id: string, query?: EndpointQuery, options?: CallOptions): Promise<EndpointObject> {
    return this.#transport.object({ ...on(endpoint_id), query }, options);
  }

  /** What is named is changed, the rest stays. */
  update(endpoint_id: string, changes: EndpointPatchBody, options?: CallOptions): Promise<EndpointObject> {
    return this.#transport.object({ ...on(endpoint_id), method: 'PATCH', json: changes }, options);
  }

  /** Its pending deliveries are discarded. */
  delete(endpoint_id: string, options?: CallOptions): Promise<void> {
    return this.#transport.nothing({ ...on(endpoint_id), method: 'DELETE', removes: true }, options);
  }

  /** Sends a sample now, marked `"test": true`, and tells what the endpoint answered. */
  test(endpoint_id: string, body?: EndpointTestBody, options?: CallOptions): Promise<EndpointTestAnswer> {
    return this.#transport.object(act(endpoint_id, 'test', body), options);
  }

  /** Both secrets sign until the overlap ends. */
  rotateSecret(
    endpoint_id: string,
    body?: RotateSecretBody,
    options?: CallOptions,
  ): Promise<RotateSecretAnswer> {
    return this.#transport.object(act(endpoint_id, 'rotate-secret', body), options);
  }

  enable(endpoint_id: string, body?: EndpointEnableBody, options?: CallOptions): Promise<EndpointObject> {
    return this.#transport.object(act(endpoint_id, 'enable', body), options);
  }

  /** Its deliveries are held until it is enabled again. */
  disable(endpoint_id: string, options?: CallOptions): Promise<EndpointObject> {
    return this.#transport.object(act(endpoint_id, 'disable', undefined), options);
  }

  stats(endpoint_id: string, options?: CallOptions): Promise<EndpointStatsObject> {
    return this.#transport.object(on(endpoint_id, 'stats'), options);
  }

  /** One page of the endpoint's events in `seq` order. Rejects with `PostriderGoneError` past retention. */
  feed(endpoint_id: string, query?: FeedQuery, options?: CallOptions): Promise<FeedPage> {
    return this.#transport.page({ ...on(endpoint_id, 'feed'), query }, options);
  }

  /** Every event with a greater `seq` than `after`, up to the end of the feed; throws when one is missing. */
  iterateFeed(
    endpoint_id: string,
    query?: Iterated<FeedQuery>,
    options?: CallOptions,
  ): AsyncGenerator<PushedEnvelope, void> {
    return feedEvents((page) => this.feed(endpoint_id, page, options), query);
  }

  /** Oldest first. */
  checkpoints(
    endpoint_id: string,
    query?: PageQuery,
    options?: CallOptions,
  ): Promise<ListPage<CheckpointObject>> {
    return this.#transport.page({ ...on(endpoint_id, 'checkpoints'), query }, options);
  }

  /** Recomputes the digests, from the feed or from the ids that the caller has kept, and names the first that differs. */
  verifyCheckpoints(
    endpoint_id: string,
    verify?: VerifyOptions,
    options?: CallOptions,
  ): Promise<CheckpointReport> {
    const source = {
      checkpoints: (cursor: string | undefined) =>
        this.checkpoints(endpoint_id, { limit: 100, cursor }, options),
      feed: (after: number) => this.iterateFeed(endpoint_id, { after, limit: 100 }, options),
    };
    return verifyCheckpoints(source, verify ?? {});
  }
}

function on(endpoint_id: string, ...more: string[]): Call {
  return { method: 'GET', path: ['v1', 'endpoints', endpoint_id, ...more] };
}

function act(endpoint_id: string, action: string, json: object | undefined): Call {
  return { ...on(endpoint_id, action), method: 'POST', json };
}
