/** Captured mail and the clock of the sandbox; the live environment answers 404. */

import type { ListPage } from '@postrider/contract/schemas/json-schema';
import type { MessageObject } from '@postrider/contract/schemas/message';
import type { ClockAdvancedObject, ClockObject } from '@postrider/contract/schemas/sandbox';
import { itemsOf } from '../paging.ts';
import type { Iterated, PageQuery } from '../queries.ts';
import type { CallOptions } from '../request.ts';
import type { Transport } from '../transport.ts';

export class Sandbox {
  readonly #transport: Transport;

  constructor(transport: Transport) {
    this.#transport = transport;
  }

  /** Captured mail, newest first. */
  messages(query?: PageQuery, options?: CallOptions): Promise<ListPage<MessageObject>> {
    return this.#transport.page({ method: 'GET', path: ['v1', 'sandbox', 'messages'], query }, options);
  }

  iterateMessages(query?: Iterated<PageQuery>, options?: CallOptions): AsyncGenerator<MessageObject, void> {
    return itemsOf((cursor) => this.messages({ ...query, cursor }, options));
  }

  /** The MIME message as it was captured. */
  raw(message_id: string, options?: CallOptions): Promise<Uint8Array<ArrayBuffer>> {
    const path = ['v1', 'sandbox', 'messages', message_id, 'raw'];
    return this.#transport.bytes({ method: 'GET', path, expects: 'message/rfc822' }, options);
  }

  clock(options?: CallOptions): Promise<ClockObject> {
    return this.#transport.object({ method: 'GET', path: ['v1', 'sandbox', 'clock'] }, options);
  }

  /** Moves the clock forward and plays every due moment on the way: hours of retries in milliseconds. */
  advance(seconds: number, options?: CallOptions): Promise<ClockAdvancedObject> {
    const path = ['v1', 'sandbox', 'clock', 'advance'];
    return this.#transport.object({ method: 'POST', path, json: { seconds } }, options);
  }
}
