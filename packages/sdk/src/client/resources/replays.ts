/** Events sent again to one endpoint. */

import type { ListPage } from '@postrider/contract/schemas/json-schema';
import type { ReplayAccepted, ReplayCreateBody, ReplayObject } from '@postrider/contract/schemas/replay';
import { itemsOf } from '../paging.ts';
import type { Iterated, PageQuery } from '../queries.ts';
import type { CallOptions, CreateOptions } from '../request.ts';
import type { Transport } from '../transport.ts';

export class Replays {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** With `dry_run` it only counts, and `replay_id` is null. */
  create(replay: ReplayCreateBody, options?: CreateOptions): Promise<ReplayAccepted> {
    const call = { method: 'POST', path: ['v1', 'replays'], json: replay, creates: true } as const;
    return this.#transport.object(call, options);
  }

  /** Newest first. */
  list(query?: PageQuery, options?: CallOptions): Promise<ListPage<ReplayObject>> {
    return this.#transport.page({ method: 'GET', path: ['v1', 'replays'], query }, options);
  }

  iterate(query?: Iterated<PageQuery>, options?: CallOptions): AsyncGenerator<ReplayObject, void> {
    return itemsOf((cursor) => this.list({ ...query, cursor }, options));
  }

  get(replay_id: string, options?: CallOptions): Promise<ReplayObject> {
    return this.#transport.object({ method: 'GET', path: ['v1', 'replays', replay_id] }, options);
  }

  /** Nothing more is queued; what has not arrived goes back to what it was. */
  cancel(replay_id: string, options?: CallOptions): Promise<ReplayObject> {
    return this.#transport.object({ method: 'POST', path: ['v1', 'replays', replay_id, 'cancel'] }, options);
  }
}
