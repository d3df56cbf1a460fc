/** Requests read off a bare socket, because a server that is to lie must not have a library between it and the wire. */

export interface RawRequest {
  method: string;
  path: string;
  /** Names in lower case; of a repeated one the last. */
  headers: Record<string, string>;
  body: Buffer;
}

const HEAD_END = '\r\n\r\n';

/** Bytes in, requests out. Understands what the product sends: a Content-Length, no chunks. */
export class RequestReader {
  #bytes: Buffer = Buffer.alloc(0);

  /** The requests that are complete with this chunk. */
  push(chunk: Buffer): RawRequest[] {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    const found: RawRequest[] = [];
    for (let next = this.#next(); next !== null; next = this.#next()) found.push(next);
    return found;
  }

  #next(): RawRequest | null {
    const end = this.#bytes.indexOf(HEAD_END);
    if (end < 0) return null;
    const [first = '', ...lines] = this.#bytes.toString('latin1', 0, end).split('\r\n');
    const headers: Record<string, string> = {};
    for (const line of lines) {
      const colon = line.indexOf(':');
      headers[line.slice(0, colon).toLowerCase()] = line.slice(colon + 1).trim();
    }
    const from = end + HEAD_END.length;
    const to = from + Number(headers['content-length'] ?? 0);
    if (this.#bytes.length < to) return null;
    const [method = '', path = ''] = first.split(' ');
    const body = Buffer.from(this.#bytes.subarray(from, to));
    this.#bytes = this.#bytes.subarray(to);
    return { method, path, headers, body };
  }
}
