/**
 * Reads HTTP/1.x responses (RFC 9112) from the bytes of a socket, one at a time: nothing is ever sent ahead. Knows
 * only what a webhook needs: the status, Retry-After, where the body ends, and whether the connection may be used
 * again. What it cannot make sense of is an error; everything is bounded.
 */

/** What has come is no HTTP/1.x response, or is too much of one. */
export class BadResponse extends Error {
  readonly code = 'POSTRIDER_BAD_RESPONSE';
}

export interface ResponseSink {
  /** A final head, 200 and up. `retryAfter`: its one Retry-After; null when there is none, or several. */
  head(status: number, retryAfter: string | null): void;
  body(chunk: Buffer): void;
  /** Nothing more belongs to the response. */
  end(): void;
}

const PREFIX = 'HTTP/1.';
const MAX_HEAD_BYTES = 16_384;
/** With interim responses (RFC 9110 section 15.2). */
const MAX_BEFORE_HEAD_BYTES = 65_536;
const STATUS_LINE = /^HTTP\/1\.([01]) ([1-9]\d\d)(?: [^\r\n\0]*)?$/;
/** RFC 9110 sections 5.1 and 5.5; no line folding (RFC 9112 section 5.2). */
const FIELD_LINE = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;
const LENGTH = /^\d{1,15}$/;
const CHUNK_SIZE = /^([0-9A-Fa-f]{1,12})[ \t]*(?:;.*)?$/;

/** line: a chunk's size. data, gap: its bytes, and the line end after them. trailers: after the last one. */
type State = 'head' | 'length' | 'close' | 'line' | 'data' | 'gap' | 'trailers' | 'done';

export class ResponseReader {
  #state: State = 'head';
  #sink: ResponseSink;
  /** Of a head, a chunk's line or trailers that are not whole yet, as Latin-1. */
  #text = '';
  /** Bytes of the body, or of the chunk, that are still to come. */
  #left = 0;
  #beforeHead = 0;
  #persistent = false;
  /** How long the peer keeps an idle connection, ms; null when it does not say. */
  keepAliveMs: number | null = null;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  /** For the next response on the same connection. */
  reset(sink: ResponseSink): void {
    this.#sink = sink;
    this.#state = 'head';
    this.#text = '';
    this.#left = 0;
    this.#beforeHead = 0;
  }

  /** Whether the connection may carry another request, once the response has ended. */
  get isReusable(): boolean {
    return this.#state === 'done' && this.#persistent;
  }

  /** Throws `BadResponse`. */
  feed(chunk: Buffer): void {
    let rest: Buffer | null = chunk;
    while (rest !== null && rest.length > 0 && this.#state !== 'done') rest = this.#step(rest);
    if (this.#state !== 'done') return;
    // Bytes that nobody asked for: whatever they are, they are no answer to the next request.
    if (rest !== null && rest.length > 0) this.#persistent = false;
    this.#sink.end();
  }

  /** The peer has sent its last byte. False when the response is not whole. */
  close(): boolean {
    if (this.#state === 'close') {
      this.#persistent = false;
      this.#state = 'done';
      this.#sink.end();
    }
    return this.#state === 'done';
  }

  /** Returns what is left of `bytes`; null when more is needed. */
  #step(bytes: Buffer): Buffer | null {
    if (this.#state === 'head') return this.#readHead(bytes);
    if (this.#state === 'line') return this.#readLine(bytes);
    if (this.#state === 'gap') return this.#readGap(bytes);
    if (this.#state === 'trailers') return this.#readTrailers(bytes);
    return this.#readBody(bytes);
  }

  #readHead(bytes: Buffer): Buffer | null {
    const before = this.#text.length;
    this.#text += bytes.toString('latin1', 0, MAX_HEAD_BYTES + 4 - before);
    const text = this.#text;
    if (before < PREFIX.length && !PREFIX.startsWith(text.slice(0, PREFIX.length))) throw notHttp();
    // The usual line end first; a bare LF counts too (RFC 9112 section 2.2).
    let end = text.indexOf('\r\n\r\n', Math.max(0, before - 3));
    let size = 4;
    if (end < 0) {
      const bare = /\r?\n\r?\n/.exec(text);
      if (bare === null) {
        if (text.length > MAX_HEAD_BYTES) throw tooMuch(MAX_HEAD_BYTES);
        return null;
      }
      end = bare.index;
      size = bare[0].length;
    }
    this.#text = '';
    this.#beforeHead += end + size;
    this.#takeHead(text.slice(0, end));
    return bytes.subarray(end + size - before);
  }

  #takeHead(text: string): void {
    const lines = text.includes('\r\n') ? text.split('\r\n') : text.split('\n');
    const start = STATUS_LINE.exec(lines[0] as string);
    if (start === null) throw notHttp();
    const status = Number(start[2]);
    const fields = readFields(lines);
    if (status === 101) throw new BadResponse('a switch of protocols that was not asked for');
    if (status < 200) {
      if (this.#beforeHead > MAX_BEFORE_HEAD_BYTES) throw tooMuch(MAX_BEFORE_HEAD_BYTES);
      return;
    }
    this.#frame(status, fields);
    this.#persistent = persists(start[1] === '1', fields);
    this.keepAliveMs = fields.keepAliveMs;
    this.#sink.head(status, fields.retryAfter);
    if (this.#state === 'length' && this.#left === 0) this.#state = 'done';
  }

  /** Where the body ends (RFC 9112 section 6.3). */
  #frame(status: number, { codings, length }: Fields): void {
    if (codings !== null && length !== null) throw new BadResponse('a length and chunks at once');
    if (status === 204 || status === 304) {
      this.#state = 'length';
      this.#left = 0;
    } else if (codings !== null) {
      this.#state = /(?:^|,)[ \t]*chunked$/i.test(codings) ? 'line' : 'close';
    } else if (length !== null) {
      this.#state = 'length';
      this.#left = length;
    } else {
      this.#state = 'close';
    }
  }

  #readBody(bytes: Buffer): Buffer | null {
    if (this.#state === 'close') {
      this.#sink.body(bytes);
      return null;
    }
    const part = bytes.length > this.#left ? bytes.subarray(0, this.#left) : bytes;
    this.#left -= part.length;
    this.#sink.body(part);
    if (this.#left === 0) {
      if (this.#state === 'data') this.#state = 'gap';
      else this.#state = 'done';
    }
    return bytes.subarray(part.length);
  }

  /** The line with the size of a chunk (RFC 9112 section 7.1). */
  #readLine(bytes: Buffer): Buffer | null {
    const line = this.#line(bytes);
    if (line === null) return null;
    const size = CHUNK_SIZE.exec(line.text);
    if (size === null) throw new BadResponse('a chunk without a size');
    this.#left = Number.parseInt(size[1] as string, 16);
    this.#state = this.#left === 0 ? 'trailers' : 'data';
    return line.rest;
  }

  #readGap(bytes: Buffer): Buffer | null {
    const line = this.#line(bytes);
    if (line === null) return null;
    if (line.text !== '') throw new BadResponse('a chunk longer than its size');
    this.#state = 'line';
    return line.rest;
  }

  #readTrailers(bytes: Buffer): Buffer | null {
    const line = this.#line(bytes);
    if (line === null) return null;
    this.#left += line.text.length;
    if (this.#left > MAX_HEAD_BYTES) throw new BadResponse('trailers without end');
    if (line.text === '') this.#state = 'done';
    return line.rest;
  }

  #line(bytes: Buffer): { text: string; rest: Buffer } | null {
    const end = bytes.indexOf(0x0a);
    const upTo = end < 0 ? bytes.length : end;
    if (this.#text.length + upTo > MAX_HEAD_BYTES)
      throw new BadResponse('a line without end in a chunked body');
    this.#text += bytes.toString('latin1', 0, upTo);
    if (end < 0) return null;
    const text = this.#text.endsWith('\r') ? this.#text.slice(0, -1) : this.#text;
    this.#text = '';
    return { text, rest: bytes.subarray(end + 1) };
  }
}

interface Fields {
  length: number | null;
  codings: string | null;
  connection: string;
  retryAfter: string | null;
  keepAliveMs: number | null;
}

function readFields(lines: readonly string[]): Fields {
  const fields: Fields = { length: null, codings: null, connection: '', retryAfter: null, keepAliveMs: null };
  let retries = 0;
  for (let n = 1; n < lines.length; n++) {
    const field = FIELD_LINE.exec(lines[n] as string);
    if (field === null) throw new BadResponse('a header that is none');
    const value = field[2] as string;
    switch ((field[1] as string).toLowerCase()) {
      case 'content-length':
        fields.length = lengthOf(value, fields.length);
        break;
      case 'transfer-encoding':
        fields.codings = fields.codings === null ? value : `${fields.codings},${value}`;
        break;
      case 'connection':
        fields.connection += `,${value.toLowerCase()}`;
        break;
      case 'keep-alive':
        fields.keepAliveMs = keepAliveMs(value);
        break;
      case 'retry-after':
        fields.retryAfter = retries++ === 0 ? value : null;
    }
  }
  return fields;
}

function lengthOf(value: string, before: number | null): number {
  const length = LENGTH.test(value) ? Number(value) : null;
  if (length === null || (before !== null && before !== length)) {
    throw new BadResponse('a length that is none, or several');
  }
  return length;
}

/** `timeout=5, max=100`: a hint of old that many servers still send. */
function keepAliveMs(value: string): number | null {
  const seconds = /(?:^|[,\s])timeout=(\d{1,6})/i.exec(value)?.[1];
  return seconds === undefined ? null : Number(seconds) * 1000;
}

/** RFC 9112 section 9.3. */
function persists(isOneOne: boolean, { connection }: Fields): boolean {
  const options = connection.split(',').map((option) => option.trim());
  if (options.includes('close')) return false;
  return isOneOne || options.includes('keep-alive');
}

function tooMuch(bytes: number): BadResponse {
  return new BadResponse(`more than ${bytes} bytes without a response head`);
}

function notHttp(): BadResponse {
  return new BadResponse('the answer is no HTTP/1.x');
}
