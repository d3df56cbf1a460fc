/** The log of an environment, its live stream, and an application's own events. */

import type { EventEnvelope } from '@postrider/contract/events';
import type { CustomEventBody, EventsAccepted } from '@postrider/contract/schemas/event';
import type { ListPage } from '@postrider/contract/schemas/json-schema';
import { followEvents, type StreamOptions } from '../event-stream.ts';
import { itemsOf } from '../paging.ts';
import type { EventFilter, EventListQuery, Iterated } from '../queries.ts';
import type { CallOptions, CreateOptions } from '../request.ts';
import type { Transport } from '../transport.ts';

export class Events {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** The application's own: one, or up to 1,000. The ids come in the order of the events. */
  record(
    events: CustomEventBody | readonly CustomEventBody[],
    options?: CreateOptions,
  ): Promise<EventsAccepted> {
    const json = Array.isArray(events) ? { events } : events;
    return this.#transport.object({ method: 'POST', path: ['v1', 'events'], json, creates: true }, options);
  }

  /** Newest first. */
  list(query?: EventListQuery, options?: CallOptions): Promise<ListPage<EventEnvelope>> {
    return this.#transport.page({ method: 'GET', path: ['v1', 'events'], query }, options);
  }

  /** Newest first, over all pages; one page is held at a time. */
  iterate(query?: Iterated<EventListQuery>, options?: CallOptions): AsyncGenerator<EventEnvelope, void> {
    return itemsOf((cursor) => this.list({ ...query, cursor }, options));
  }

  get(event_id: string, options?: CallOptions): Promise<EventEnvelope> {
    return this.#transport.object({ method: 'GET', path: ['v1', 'events', event_id] }, options);
  }

  /** Events as they happen. Reconnects by itself and goes on right after the last one; ends by `signal` or `break`. */
  stream(filter?: EventFilter, options?: StreamOptions): AsyncGenerator<EventEnvelope, void> {
    return followEvents(this.#transport, filter ?? {}, options ?? {});
  }
}
