/**
 * Endpoints that mean harm: a server on a bare socket, a path for each endpoint, a behaviour for each path that the
 * test changes while it runs, and a record of everything that came and of what was said to it.
 */

import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { waitFor } from '../wait.ts';
import { healthy } from './answers.ts';
import { Exchange, type Behaviour } from './exchange.ts';
import { RequestReader, type RawRequest } from './raw-request.ts';
import { receiptOf, type Receipt } from './receipt.ts';

export class HostilePath {
  readonly name: string;
  readonly url: string;
  /** In the order of arrival. */
  readonly receipts: Receipt[] = [];
  behaviour: Behaviour = healthy;

  constructor(name: string, url: string) {
    this.name = name;
    this.url = url;
  }

  /** Ids of the events that were answered with a 2xx head, each once. */
  get taken(): Set<string> {
    const ids = this.receipts.filter(({ said }) => said === 'taken').map(({ event_id }) => event_id);
    return new Set(ids);
  }

  async untilTaken(count: number, within_ms?: number): Promise<void> {
    await waitFor(`event ${count} taken by ${this.name}`, () => this.taken.size >= count, within_ms);
  }

  async untilRequests(count: number, within_ms?: number): Promise<void> {
    await waitFor(`request ${count} at ${this.name}`, () => this.receipts.length >= count, within_ms);
  }
}

export class HostileServer {
  /** The present life of the product under test; kept with each receipt. */
  life = 1;
  readonly #server: Server;
  readonly #paths = new Map<string, HostilePath>();
  readonly #sockets = new Set<Socket>();
  #reading = true;

  private constructor() {
    this.#server = createServer((socket) => this.#connected(socket));
  }

  static async start(): Promise<HostileServer> {
    const server = new HostileServer();
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  path(name: string, behaviour: Behaviour = healthy): HostilePath {
    const { port } = this.#server.address() as AddressInfo;
    const path = new HostilePath(name, `http://127.0.0.1:${port}/${name}`);
    path.behaviour = behaviour;
    this.#paths.set(`/${name}`, path);
    return path;
  }

  /** Takes connections and reads nothing from them, so that requests are never seen. */
  stopReading(): void {
    this.#reading = false;
  }

  /** Reads again. The connections that were never read from end. */
  readAgain(): void {
    this.#reading = true;
    for (const socket of this.#sockets) if (socket.isPaused()) socket.destroy();
  }

  /** Resolves once nobody is connected: what a killed server had still sent has been read by then. */
  async untilDisconnected(): Promise<void> {
    await waitFor('end of the dead server’s connections', () => this.#sockets.size === 0);
  }

  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #connected(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket));
    // The peer may leave at any moment, which is its right here; 'close' follows and ends what was going on.
    socket.on('error', () => undefined);
    const reader = new RequestReader();
    socket.on('data', (chunk: Buffer) => {
      for (const request of reader.push(chunk)) this.#take(request, socket);
    });
    if (!this.#reading) socket.pause();
  }

  #take(request: RawRequest, socket: Socket): void {
    const path = this.#paths.get(request.path);
    if (path === undefined) {
      socket.end('HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    const receipt = receiptOf(request, path.receipts.length + 1, this.life);
    path.receipts.push(receipt);
    path.behaviour(new Exchange(receipt, socket));
  }
}
