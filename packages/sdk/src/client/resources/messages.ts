/** Mail goes in, and can be looked at. */

import type { EventEnvelope } from '@postrider/contract/events';
import type { ListPage } from '@postrider/contract/schemas/json-schema';
import type {
  MessageAccepted,
  MessageBatchAnswer,
  MessageBody,
  MessageCancelled,
  MessageContent,
  MessageObject,
} from '@postrider/contract/schemas/message';
import { itemsOf } from '../paging.ts';
import type { Iterated, MessageListQuery, PageQuery } from '../queries.ts';
import type { CallOptions, CreateOptions } from '../request.ts';
import type { Transport } from '../transport.ts';

export class Messages {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Resolves once the message is on disk. A suppressed recipient is `dropped` in the answer, and no error. */
  send(message: MessageBody, options?: CreateOptions): Promise<MessageAccepted> {
    const call = { method: 'POST', path: ['v1', 'messages'], json: message, creates: true } as const;
    return this.#transport.object(call, options);
  }

  /** Up to 1,000. Each is taken or refused on its own: `data` has a message or an `error` for each, in order. */
  batch(messages: readonly MessageBody[], options?: CreateOptions): Promise<MessageBatchAnswer> {
    const path = ['v1', 'messages', 'batch'];
    return this.#transport.object({ method: 'POST', path, json: { messages }, creates: true }, options);
  }

  /** Newest first. */
  list(query?: MessageListQuery, options?: CallOptions): Promise<ListPage<MessageObject>> {
    return this.#transport.page({ method: 'GET', path: ['v1', 'messages'], query }, options);
  }

  iterate(query?: Iterated<MessageListQuery>, options?: CallOptions): AsyncGenerator<MessageObject, void> {
    return itemsOf((cursor) => this.list({ ...query, cursor }, options));
  }

  get(message_id: string, options?: CallOptions): Promise<MessageObject> {
    return this.#transport.object({ method: 'GET', path: ['v1', 'messages', message_id] }, options);
  }

  /** Of this message; newest first. */
  events(message_id: string, query?: PageQuery, options?: CallOptions): Promise<ListPage<EventEnvelope>> {
    const path = ['v1', 'messages', message_id, 'events'];
    return this.#transport.page({ method: 'GET', path, query }, options);
  }

  /** The MIME message. */
  raw(message_id: string, options?: CallOptions): Promise<Uint8Array<ArrayBuffer>> {
    const path = ['v1', 'messages', message_id, 'raw'];
    return this.#transport.bytes({ method: 'GET', path, expects: 'message/rfc822' }, options);
  }

  /** The parts as a mail program shows them. */
  content(message_id: string, options?: CallOptions): Promise<MessageContent> {
    return this.#transport.object(
      { method: 'GET', path: ['v1', 'messages', message_id, 'content'] },
      options,
    );
  }

  /** A scheduled one; the answer names the recipients that will not be mailed. */
  cancel(message_id: string, options?: CallOptions): Promise<MessageCancelled> {
    return this.#transport.object(
      { method: 'POST', path: ['v1', 'messages', message_id, 'cancel'] },
      options,
    );
  }
}
