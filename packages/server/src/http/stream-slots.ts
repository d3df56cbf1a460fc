/** Bounds the number of live streams, and knows them so that a door or a key can be closed. */

import { PostriderError } from '../domain/errors.ts';

export class StreamSlots {
  readonly #limit: number;
  readonly #open = new Set<Slot>();
  #closing = false;

  constructor(limit: number) {
    this.#limit = limit;
  }

  /** Throws `too_many_requests` when all are taken. Whoever takes one frees it. */
  take(key_id: string): Slot {
    if (this.#closing) throw new PostriderError('shutting_down', 'The server is stopping.');
    if (this.#open.size >= this.#limit)
      throw new PostriderError(
        'too_many_requests',
        `All ${this.#limit} live streams are taken (\`http.max_streams\`).`,
        { retryAfterSeconds: 5 },
      );
    const slot = new Slot(key_id, (freed) => this.#open.delete(freed));
    this.#open.add(slot);
    return slot;
  }

  /** Ends the streams that a key has opened. */
  closeOf(key_id: string): void {
    for (const slot of this.#open) if (slot.key_id === key_id) slot.close();
  }

  closeAll(): void {
    this.#closing = true;
    for (const slot of this.#open) slot.close();
  }
}

export class Slot {
  readonly key_id: string;
  readonly #freed: (slot: Slot) => void;
  #reader: { close(): void } | null = null;
  #closed = false;

  constructor(key_id: string, freed: (slot: Slot) => void) {
    this.key_id = key_id;
    this.#freed = freed;
  }

  holds(reader: { close(): void }): void {
    this.#reader = reader;
    if (this.#closed) reader.close();
  }

  close(): void {
    this.#closed = true;
    this.#reader?.close();
  }

  free(): void {
    this.#freed(this);
  }
}
