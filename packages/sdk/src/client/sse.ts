/** Server-sent events as a client reads them: WHATWG HTML, section 9.2.6. */

import { PostriderConnectionError } from './errors.ts';

export interface SseBlock {
  /** Null when the block has none: it carries an id or a pause only. */
  data: string | null;
  /** Null when the block names none. */
  id: string | null;
  /** Pause before a reconnection that the server asks for, ms. */
  retry: number | null;
}

/** Longer than the largest event that a server takes in. */
const MOST_CHARACTERS = 64 * 1024 * 1024;

/** Takes text as it comes, cut anywhere, and gives the blocks that are whole. */
export class SseParser {
  readonly #most: number;
  /** Pieces of a line whose end has not come. */
  #pieces: string[] = [];
  /** The text so far ended with a CR: a LF right after it belongs to it. */
  #afterCr = false;
  #data: string[] = [];
  /** Characters of `#pieces` and `#data`. */
  #size = 0;
  #id: string | null = null;
  #retry: number | null = null;

  constructor(most = MOST_CHARACTERS) {
    this.#most = most;
  }

  /** Throws when a block has no end. */
  *push(chunk: string): Generator<SseBlock, void, undefined> {
    const text = this.#afterCr && chunk.startsWith('\n') ? chunk.slice(1) : chunk;
    if (chunk !== '') this.#afterCr = text.endsWith('\r');
    const lines = text.split(/\r\n|\n|\r/);
    const open = lines.pop() ?? '';
    for (const line of lines) {
      const whole = this.#completed(line);
      if (whole !== '') this.#field(whole);
      else {
        const block = this.#block();
        if (block !== null) yield block;
      }
    }
    if (open !== '') this.#pieces.push(open);
    this.#size += open.length;
    if (this.#size > this.#most)
      throw new PostriderConnectionError(
        'stream',
        'unexpected_answer',
        `an event of the stream is longer than ${this.#most} characters.`,
      );
  }

  #completed(end: string): string {
    if (this.#pieces.length === 0) return end;
    const line = this.#pieces.join('') + end;
    this.#size -= line.length - end.length;
    this.#pieces = [];
    return line;
  }

  #field(line: string): void {
    const colon = line.indexOf(':');
    if (colon === 0) return;
    const name = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? '' : line.slice(line[colon + 1] === ' ' ? colon + 2 : colon + 1);
    if (name === 'data') {
      this.#data.push(value);
      this.#size += value.length + 1;
    } else if (name === 'id' && !value.includes('\0')) this.#id = value;
    else if (name === 'retry' && /^\d{1,9}$/.test(value)) this.#retry = Number(value);
  }

  #block(): SseBlock | null {
    const block = {
      data: this.#data.length === 0 ? null : this.#data.join('\n'),
      id: this.#id,
      retry: this.#retry,
    };
    this.#data = [];
    this.#size = 0;
    this.#id = null;
    this.#retry = null;
    return block.data === null && block.id === null && block.retry === null ? null : block;
  }
}
