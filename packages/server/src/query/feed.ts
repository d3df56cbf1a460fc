/** The lane of an endpoint as a pull API: what was pushed, or would have been, in `seq` order and without gaps. */

import type { PushedEnvelope } from '@postrider/contract/events';
import { DIALECTS } from '@postrider/contract/dialects/dialects';
import type { FeedPage } from '@postrider/contract/schemas/feed';
import type { Endpoint } from '../domain/endpoint.ts';
import { notFound, PostriderError } from '../domain/errors.ts';
import type { Environment } from '../domain/tenancy.ts';
import type { FeedEvent, LanePart } from '../store/ports.ts';

export interface FeedStore {
  getEndpoint(env: number, endpoint_id: string): Promise<Endpoint | null>;
  readFeed(lane: number, after: number, limit: number): Promise<LanePart<FeedEvent>>;
}

export class Feed {
  readonly #store: FeedStore;

  constructor(store: FeedStore) {
    this.#store = store;
  }

  /** The events with `seq > after`. `gone`, with the earliest `seq` there is, when retention has deleted some of them. */
  async page(environment: Environment, endpoint_id: string, after: number, limit: number): Promise<FeedPage> {
    const endpoint = await this.#store.getEndpoint(environment.env, endpoint_id);
    if (endpoint === null) throw notFound('endpoint', endpoint_id);
    const { items, last_seq, purged_through } = await this.#store.readFeed(endpoint.lane, after, limit);
    if (after < purged_through) throw pastRetention(purged_through + 1);
    const last = items.at(-1)?.seq ?? after;
    return {
      data: items.map(
        ({ envelope, seq }) => JSON.parse(DIALECTS.postrider.body(envelope, seq)) as PushedEnvelope,
      ),
      next_cursor: last < last_seq && items.length > 0 ? String(last) : null,
      last_seq,
    };
  }
}

function pastRetention(earliestSeq: number): PostriderError {
  const detail = `The earliest event that is still there has the seq ${earliestSeq}: go on with \`after=${earliestSeq - 1}\`. Those before are past retention.`;
  return new PostriderError('gone', detail, { earliestSeq });
}
