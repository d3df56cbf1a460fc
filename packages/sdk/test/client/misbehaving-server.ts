/** An HTTP server that answers as a test says, request by request, and keeps what it was sent. */

import { createServer, type IncomingHttpHeaders, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Kept {
  method: string;
  url: string;
  headers: IncomingHttpHeaders;
  body: string;
}
type Answer = (response: ServerResponse, request: Kept) => void;

export class MisbehavingServer {
  readonly requests: Kept[] = [];
  readonly #server: Server;
  #answers: Answer[] = [];

  private constructor() {
    this.#server = createServer((request, response) => {
      // What is open is then in use, and can be counted.
      response.shouldKeepAlive = false;
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const { method = '', url = '', headers } = request;
        const kept = { method, url, headers, body: Buffer.concat(chunks).toString() };
        this.requests.push(kept);
        const answer = this.#answers.length > 1 ? this.#answers.shift() : this.#answers[0];
        answer?.(response, kept);
      });
    });
  }

  static async start(): Promise<MisbehavingServer> {
    const server = new MisbehavingServer();
    await new Promise<void>((resolve) => server.#server.listen(0, '127.0.0.1', resolve));
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** One answer for each request; the last for all that follow. Forgets the requests before. */
  answers(...answers: Answer[]): void {
    this.#answers = answers;
    this.requests.length = 0;
  }

  /** How many connections are open. */
  connections(): Promise<number> {
    return new Promise((resolve, reject) =>
      this.#server.getConnections((error, count) => (error ? reject(error) : resolve(count))),
    );
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }
}

export function json(status: number, body: unknown, headers: Record<string, string> = {}): Answer {
  return (response) =>
    void response
      .writeHead(status, { 'content-type': 'application/json', ...headers })
      .end(JSON.stringify(body));
}

export function problem(status: number, code: string, headers: Record<string, string> = {}): Answer {
  return json(
    status,
    { type: 't', title: 't', status, code, detail: `This is ${code}.`, errors: [] },
    headers,
  );
}

export function text(status: number, body: string, headers: Record<string, string> = {}): Answer {
  return (response) => void response.writeHead(status, headers).end(body);
}

/** Closes the connection before any byte of an answer. */
export const hangUp: Answer = (response) => void response.destroy();
/** Never answers. */
export const silence: Answer = () => {};
/** A head that promises more than comes. */
export const cutOff: Answer = (response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"data":[', () => response.destroy());
};

/** Server-sent events, in pieces as they are given; the connection is then ended, dropped or kept. */
export function events(pieces: string[], then: 'end' | 'drop' | 'keep'): Answer {
  return (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
    for (const piece of pieces) response.write(piece);
    if (then === 'end') response.end();
    if (then === 'drop') response.write(': last\n', () => response.destroy());
  };
}
