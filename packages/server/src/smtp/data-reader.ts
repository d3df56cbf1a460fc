/**
 * The content of DATA: undoes dot-stuffing (RFC 5321 section 4.5.2) and finds the one true end, CR LF "." CR LF.
 * No other sequence ends it: `\n.\n`, `\r.\r`, `\n.\r\n` and `\r\n.\n` are content with a bare CR or LF in it,
 * which RFC 5321 section 2.3.8 forbids, so the message is read to its true end and then refused. That way
 * the next command is the same for both sides, which is what SMTP smuggling needs to be otherwise.
 */

import { ByteBlocks, type PendingBytes } from './pending-bytes.ts';

const CR = 0x0d;
const LF = 0x0a;
const DOT = 0x2e;

/** Where in a line the next octet stands. */
const START = 0;
const TEXT = 1;
/** After a CR, not yet known whether bare. */
const AFTER_CR = 2;
/** After a dot at the start of a line; the dot is withheld. */
const AFTER_DOT = 3;
/** After that dot and a CR; both are withheld. */
const AFTER_DOT_CR = 4;

/** The first thing in the content that makes it unacceptable. `at` is the octet's position in the content. */
export interface DataFault {
  what: 'bare_cr' | 'bare_lf' | 'nul';
  at: number;
}

export type DataEnd =
  | { kind: 'complete'; raw: Buffer }
  | { kind: 'too_large'; size: number }
  | { kind: 'no_memory' }
  | { kind: 'faulty'; fault: DataFault };

const CRLF_BYTES = Buffer.from('\r\n');

export class DataReader {
  readonly #maxBytes: number;
  readonly #blocks: ByteBlocks;
  #state = START;
  #size = 0;
  #fault: DataFault | null = null;
  #noMemory = false;

  constructor(maxBytes: number, pending: PendingBytes) {
    this.#maxBytes = maxBytes;
    this.#blocks = new ByteBlocks(pending);
  }

  /** Octets of content so far, kept or not. */
  get size(): number {
    return this.#size;
  }

  /**
   * Reads `chunk` from `from`. Returns where the next command begins, or -1 when the end has not come. What is
   * past a limit is counted and thrown away.
   */
  read(chunk: Buffer, from: number): number {
    let state = this.#state;
    let run = from;
    for (let at = from; at < chunk.length; at += 1) {
      const octet = chunk[at] as number;
      switch (state) {
        case START:
          if (octet === DOT) {
            this.#keep(chunk, run, at);
            run = at + 1;
            state = AFTER_DOT;
            continue;
          }
          break;
        case AFTER_DOT:
          if (octet === CR) {
            state = AFTER_DOT_CR;
            continue;
          }
          run = at;
          break;
        case AFTER_DOT_CR:
          if (octet === LF) {
            this.#state = START;
            return at + 1;
          }
          // The dot was stuffing after all, and its CR is bare.
          this.#keep(CRLF_BYTES, 0, 1);
          this.#spoil('bare_cr', this.#size - 1);
          run = at;
          break;
        case AFTER_CR:
          if (octet === LF) {
            state = START;
            continue;
          }
          this.#spoil('bare_cr', this.#size + at - run - 1);
          break;
        default:
      }
      if (octet === CR) {
        state = AFTER_CR;
        continue;
      }
      if (octet === LF) this.#spoil('bare_lf', this.#size + at - run);
      else if (octet === 0) this.#spoil('nul', this.#size + at - run);
      state = TEXT;
    }
    if (state !== AFTER_DOT && state !== AFTER_DOT_CR) this.#keep(chunk, run, chunk.length);
    this.#state = state;
    return -1;
  }

  /** What came, once `read` has found the end. The octets stay counted as pending until `release`. */
  end(): DataEnd {
    if (this.#size > this.#maxBytes) return { kind: 'too_large', size: this.#size };
    if (this.#fault !== null) return { kind: 'faulty', fault: this.#fault };
    if (this.#noMemory) return { kind: 'no_memory' };
    return { kind: 'complete', raw: this.#blocks.join() };
  }

  /** Gives the memory back. */
  release(): void {
    this.#blocks.release();
  }

  #keep(source: Buffer, from: number, to: number): void {
    if (to <= from) return;
    this.#size += to - from;
    if (this.#size > this.#maxBytes || this.#fault !== null) {
      this.#blocks.release();
      return;
    }
    if (!this.#noMemory && !this.#blocks.append(source, from, to)) {
      this.#noMemory = true;
      this.#blocks.release();
    }
  }

  #spoil(what: DataFault['what'], at: number): void {
    this.#fault ??= { what, at };
  }
}
