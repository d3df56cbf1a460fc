/**
 * The other end: a webhook receiver that keeps every request as it came and answers as the test says. Each hook is a
 * path of its own with its own record and its own behaviour.
 */

import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { PushedEnvelope } from '@postrider/contract/events';
import { Webhook } from 'standardwebhooks';
import { waitFor } from './wait.ts';

/** What a hook does with a request. */
export type Behaviour =
  | { status: number; headers?: Record<string, string>; body?: string; delay_ms?: number }
  /** Never answers. */
  | 'hang'
  /** A 2xx head, then one byte of the body now and then, without end. */
  | 'drip'
  /** Ends the connection with RST before any byte of the answer. */
  | 'reset'
  /** Ends the connection within the head of the answer. */
  | 'close_early';

export interface Received {
  /** Wall clock, ms. */
  at: number;
  method: string;
  path: string;
  headers: IncomingHttpHeaders;
  /** As they came: names and values in turn. */
  rawHeaders: string[];
  body: Buffer;
  /** Whether it was answered with 2xx. */
  acknowledged: boolean;
}

const OK: Behaviour = { status: 200, body: 'thanks' };
const DRIP_MS = 20;

export class Receiver {
  readonly #server: Server;
  readonly #hooks = new Map<string, Hook>();
  readonly #drips = new Set<NodeJS.Timeout>();

  private constructor() {
    this.#server = createServer((request, response) => void this.#take(request, response));
    this.#server.keepAliveTimeout = 60_000;
  }

  static async start(): Promise<Receiver> {
    const receiver = new Receiver();
    await new Promise<void>((resolve) => receiver.#server.listen(0, '127.0.0.1', resolve));
    return receiver;
  }

  /** A place to push to. Without `behaviour` it takes everything. */
  hook(behaviour?: Behaviour | ((request: Received, number: number) => Behaviour)): Hook {
    const { port } = this.#server.address() as AddressInfo;
    const path = `/hook/${this.#hooks.size + 1}`;
    const hook = new Hook(`http://127.0.0.1:${port}${path}`);
    if (behaviour !== undefined) hook.behave(behaviour);
    this.#hooks.set(path, hook);
    return hook;
  }

  async close(): Promise<void> {
    for (const drip of this.#drips) clearInterval(drip);
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const hook = this.#hooks.get(request.url ?? '');
    const chunks: Buffer[] = [];
    try {
      for await (const chunk of request) chunks.push(chunk as Buffer);
    } catch {
      // The sender left within the body: there is no request to keep.
      return;
    }
    if (hook === undefined) {
      response.writeHead(404).end();
      return;
    }
    const received: Received = {
      at: Date.now(),
      method: request.method ?? '',
      path: request.url ?? '',
      headers: request.headers,
      rawHeaders: request.rawHeaders,
      body: Buffer.concat(chunks),
      acknowledged: false,
    };
    this.#answer(hook.take(received), received, request, response);
  }

  #answer(
    behaviour: Behaviour,
    received: Received,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    if (behaviour === 'hang') return;
    if (behaviour === 'reset') {
      request.socket.resetAndDestroy();
      return;
    }
    if (behaviour === 'close_early') {
      request.socket.end('HTTP/1.1 20');
      return;
    }
    if (behaviour === 'drip') {
      received.acknowledged = true;
      response.writeHead(200);
      const drip = setInterval(() => response.write('.'), DRIP_MS);
      this.#drips.add(drip);
      request.socket.once('close', () => clearInterval(drip));
      return;
    }
    const send = (): void => {
      received.acknowledged = behaviour.status >= 200 && behaviour.status <= 299;
      response.writeHead(behaviour.status, behaviour.headers).end(behaviour.body ?? '');
    };
    if (behaviour.delay_ms === undefined) send();
    else setTimeout(send, behaviour.delay_ms);
  }
}

export class Hook {
  readonly url: string;
  /** Every request, in the order of arrival. */
  readonly requests: Received[] = [];
  #behaviour: (request: Received, number: number) => Behaviour = () => OK;

  constructor(url: string) {
    this.url = url;
  }

  /** `number` is 1 for the first request that the function is asked about. */
  behave(behaviour: Behaviour | ((request: Received, number: number) => Behaviour)): void {
    let number = 0;
    this.#behaviour = (request) =>
      typeof behaviour === 'function' ? behaviour(request, ++number) : behaviour;
  }

  take(request: Received): Behaviour {
    this.requests.push(request);
    return this.#behaviour(request, this.requests.length);
  }

  /** Events of the requests that were answered with 2xx, by `seq`: the order of the lane, whatever overtook what. */
  get events(): PushedEnvelope[] {
    return this.requests
      .filter((request) => request.acknowledged)
      .map(eventOf)
      .sort((a, b) => a.seq - b.seq);
  }

  /** Resolves once `count` events have been acknowledged. */
  async untilEvents(count: number, within_ms?: number): Promise<PushedEnvelope[]> {
    await waitFor(`event ${count} at the hook`, () => this.events.length >= count, within_ms);
    return this.events;
  }

  /** Resolves once there were `count` requests, whatever was answered. */
  async untilRequests(count: number, within_ms?: number): Promise<Received[]> {
    await waitFor(`request ${count} at the hook`, () => this.requests.length >= count, within_ms);
    return this.requests;
  }

  /** Throws when a request does not verify with `secret` by the standardwebhooks package. */
  verifyAll(secret: string): void {
    const webhook = new Webhook(secret);
    for (const request of this.requests)
      webhook.verify(request.body, request.headers as Record<string, string>);
  }
}

export function eventOf(request: Received): PushedEnvelope {
  return JSON.parse(request.body.toString('utf8')) as PushedEnvelope;
}
