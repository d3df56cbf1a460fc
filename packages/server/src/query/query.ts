/** Everything the doors read: the store's views as public objects. Nothing here changes anything. */

import type { EventEnvelope } from '@postrider/contract/events';
import type { DeliveryDetail, DeliveryObject } from '@postrider/contract/schemas/delivery';
import type { MessageContent, MessageObject } from '@postrider/contract/schemas/message';
import { parseDeliveryId } from '../domain/delivery-id.ts';
import { DELIVERY_STATUSES, type Attempt, type DeliveryStatus } from '../domain/delivery.ts';
import { notFound, PostriderError } from '../domain/errors.ts';
import type { Environment } from '../domain/tenancy.ts';
import type {
  DeliveryFilter,
  DeliveryView,
  EventFilter,
  MessageFilter,
  MessageView,
  Page,
  PageRequest,
} from '../store/ports.ts';
import type { ContentReader } from './content-reader.ts';
import { LiveEvents, type LogStore, type Reader } from './live-events.ts';
import { publicAttempt, publicDelivery, publicMessage } from './public-objects.ts';

/** What of the store is read. */
export interface ReadStore extends LogStore {
  getMessage(env: number, message_id: string): Promise<MessageView | null>;
  listMessages(env: number, filter: MessageFilter, page: PageRequest): Promise<Page<MessageView>>;
  rawMessage(env: number, message_id: string): Promise<Uint8Array | null>;
  getEvent(env: number, event_id: string): Promise<EventEnvelope | null>;
  listEvents(env: number, filter: EventFilter, page: PageRequest): Promise<Page<EventEnvelope>>;
  listDeliveries(env: number, filter: DeliveryFilter, page: PageRequest): Promise<Page<DeliveryView>>;
  getDelivery(
    env: number,
    lane: number,
    seq: number,
  ): Promise<{ delivery: DeliveryView; attempts: Attempt[] } | null>;
}

const NO_MESSAGE_FILTER: MessageFilter = {
  recipient: null,
  status: null,
  tag: null,
  campaign_id: null,
  after: null,
  before: null,
  q: null,
};

export class Query {
  readonly #store: ReadStore;
  readonly #content: ContentReader;
  readonly #live: LiveEvents;

  constructor(parts: { store: ReadStore; content: ContentReader }) {
    this.#store = parts.store;
    this.#content = parts.content;
    this.#live = new LiveEvents(parts.store);
  }

  /** Wakes the live streams; to be called for every commit notice. */
  onCommit(notice: { logs: readonly { env: number; log: number }[] }): void {
    this.#live.onCommit(notice);
  }

  /** Ends the live streams. */
  close(): void {
    this.#live.close();
  }

  async message(environment: Environment, message_id: string): Promise<MessageObject> {
    return publicMessage(await this.#messageView(environment, message_id), environment.name);
  }

  async messages(
    environment: Environment,
    filter: MessageFilter,
    page: PageRequest,
  ): Promise<Page<MessageObject>> {
    const { data, next_cursor } = await this.#store.listMessages(environment.env, filter, page);
    return { data: data.map((view) => publicMessage(view, environment.name)), next_cursor };
  }

  /** Captured mail is what a sandbox's messages are; nothing of them ever left. */
  async captured(environment: Environment, page: PageRequest): Promise<Page<MessageObject>> {
    return this.messages(environment, NO_MESSAGE_FILTER, page);
  }

  /** `gone` when the message is known and its MIME is past retention. */
  async raw(environment: Environment, message_id: string): Promise<Uint8Array> {
    const raw = await this.#store.rawMessage(environment.env, message_id);
    if (raw !== null) return raw;
    await this.#messageView(environment, message_id);
    throw new PostriderError(
      'gone',
      'The MIME text of this message is past retention (`retention.raw_days`); the message and its events are not.',
    );
  }

  async content(environment: Environment, message_id: string): Promise<MessageContent> {
    return this.#content.read(await this.raw(environment, message_id));
  }

  async event(environment: Environment, event_id: string): Promise<EventEnvelope> {
    const event = await this.#store.getEvent(environment.env, event_id);
    if (event === null) throw notFound('event', event_id);
    return event;
  }

  async events(
    environment: Environment,
    filter: EventFilter,
    page: PageRequest,
  ): Promise<Page<EventEnvelope>> {
    return this.#store.listEvents(environment.env, filter, page);
  }

  async delivery(environment: Environment, delivery_id: string): Promise<DeliveryDetail> {
    const parsed = parseDeliveryId(delivery_id);
    const found =
      parsed === null ? null : await this.#store.getDelivery(environment.env, parsed.lane, parsed.seq);
    // The id also tells the event's time: one made up from a lane and a seq alone finds nothing.
    const shown = found === null ? null : publicDelivery(found.delivery);
    if (found === null || shown === null || shown.delivery_id !== delivery_id)
      throw notFound('delivery', delivery_id);
    return { ...shown, attempts: found.attempts.map((attempt) => publicAttempt(found.delivery, attempt)) };
  }

  async deliveries(
    environment: Environment,
    filter: Omit<DeliveryFilter, 'status'> & { status: string | null },
    page: PageRequest,
  ): Promise<Page<DeliveryObject>> {
    const { data, next_cursor } = await this.#store.listDeliveries(
      environment.env,
      { ...filter, status: deliveryStatus(filter.status) },
      page,
    );
    return { data: data.map(publicDelivery), next_cursor };
  }

  live(environment: Environment, filter: EventFilter, afterEventId: string | null): Promise<Reader> {
    return this.#live.open(environment.env, filter, afterEventId);
  }

  async #messageView(environment: Environment, message_id: string): Promise<MessageView> {
    const view = await this.#store.getMessage(environment.env, message_id);
    if (view === null) throw notFound('message', message_id);
    return view;
  }
}

function deliveryStatus(status: string | null): DeliveryStatus | null {
  return DELIVERY_STATUSES.find((known) => known === status) ?? null;
}
