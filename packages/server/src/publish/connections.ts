/**
 * The connections of one endpoint. Each carries one request at a time and is made for one socket, so that it is known
 * which request is on which socket, how often that was used, and how far its connecting has come. The one used last
 * is used next: the others grow idle and are let go.
 *
 * A client of our own, because it is two fifths of the CPU of a delivery: docs/decisions/0012-own-webhook-client.md.
 */

import type { Socket } from 'node:net';
import type { ConnectPhase, ConnectTarget, ConnectWatcher, Guard, TlsSessions } from './guard.ts';
import { BadResponse, ResponseReader, type ResponseSink } from './response-reader.ts';

/** An idle socket is not used again after this: the peer's usual limit of 5 s and up would bite. */
const IDLE_MS = 4_000;
/** With the peer's own hint it may be more, and a second less than it says. */
const MAX_IDLE_MS = 60_000;
const HINT_MARGIN_MS = 1_000;

/** The peer closed, and the response was not whole. */
export class PeerClosed extends Error {
  readonly code = 'POSTRIDER_PEER_CLOSED';

  constructor() {
    super('the connection was closed by the peer');
  }
}

/** Who waits for a response. */
export interface Exchange extends ResponseSink {
  /** The request is on its way. `reused`: the socket has carried one before. */
  sent(reused: boolean): void;
  /** The first byte has come. */
  answered(): void;
  /** Nothing more comes; never after `end`. */
  failed(error: Error): void;
}

export class Connection implements ConnectWatcher {
  phase: ConnectPhase = 'lookup';
  /** Not to be used any more. */
  isClosed = false;
  /** Requests that were written to its socket. */
  written = 0;
  /** Monotonic ms. */
  idleSince = 0;
  readonly #gone: (connection: Connection) => void;
  #connecting: Socket | null = null;
  #socket: Socket | null = null;
  #reader: ResponseReader | null = null;
  #exchange: Exchange | null = null;
  #request: Buffer | null = null;

  /** Connects at once. `gone` is called when it has closed. */
  constructor(target: ConnectTarget, guard: Guard, sessions: TlsSessions, gone: (self: Connection) => void) {
    this.#gone = gone;
    guard.connect(target, this, sessions, (error, socket) => {
      this.#connecting = null;
      if (error !== null) this.#close(error);
      else if (socket !== null) this.#connected(socket);
    });
  }

  /** Whether it can be trusted to be open still at the other end. */
  isFresh(now: number): boolean {
    const hint = this.#reader?.keepAliveMs ?? null;
    const most = hint === null ? IDLE_MS : Math.min(hint - HINT_MARGIN_MS, MAX_IDLE_MS);
    return !this.isClosed && now - this.idleSince < most;
  }

  /** Whether the response that has ended lets it go on. */
  get isReusable(): boolean {
    return !this.isClosed && this.#reader?.isReusable === true;
  }

  send(request: Buffer, exchange: Exchange): void {
    this.#exchange = exchange;
    if (this.#socket !== null) this.#write(this.#socket, request);
    else this.#request = request;
  }

  /** Ends it; whoever waits for a response is not told. */
  destroy(error: Error): void {
    this.#exchange = null;
    this.#connecting?.destroy(error);
    this.#socket?.destroy();
    this.#close(error);
  }

  // The guard tells how far it has come.
  setPhase(phase: ConnectPhase): void {
    this.phase = phase;
  }

  setSocket(socket: Socket): void {
    this.#connecting = socket;
  }

  #connected(socket: Socket): void {
    if (this.isClosed) {
      socket.destroy();
      return;
    }
    this.#socket = socket;
    socket.on('data', this.#received);
    socket.on('end', this.#ended);
    socket.on('error', this.#failed);
    socket.on('close', this.#ended);
    if (this.#request !== null) this.#write(socket, this.#request);
    this.#request = null;
  }

  #write(socket: Socket, request: Buffer): void {
    const exchange = this.#exchange as Exchange;
    if (this.#reader === null) this.#reader = new ResponseReader(exchange);
    else this.#reader.reset(exchange);
    exchange.sent(this.written++ > 0);
    socket.write(request);
  }

  #received = (chunk: Buffer): void => {
    if (this.#exchange === null || this.#reader === null) {
      // An answer that nobody asked for must never be taken for that of the next request.
      this.destroy(new PeerClosed());
      return;
    }
    this.#exchange.answered();
    try {
      this.#reader.feed(chunk);
    } catch (error) {
      if (!(error instanceof BadResponse)) throw error;
      this.#close(error);
    }
  };

  #ended = (): void => {
    if (this.isClosed || this.#reader?.close() === true) this.#close(null);
    else this.#close(new PeerClosed());
  };

  #failed = (error: Error): void => this.#close(error);

  /** Called by whoever has got the end of a response: nobody waits any more. */
  release(): void {
    this.#exchange = null;
  }

  #close(error: Error | null): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#request = null;
    const exchange = this.#exchange;
    this.#exchange = null;
    this.#socket?.destroy();
    this.#gone(this);
    if (error !== null) exchange?.failed(error);
  }
}

export class Connections {
  readonly #target: ConnectTarget;
  readonly #guard: Guard;
  readonly #sessions: TlsSessions = { latest: null };
  readonly #idle: Connection[] = [];
  readonly #all = new Set<Connection>();
  /** What every request to this endpoint begins with. */
  readonly requestHead: string;
  #closed = false;

  constructor(url: URL, guard: Guard) {
    const { hostname, protocol, port, host, pathname, search } = url;
    this.#guard = guard;
    this.#target = {
      protocol,
      hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
    };
    this.requestHead = `POST ${pathname}${search} HTTP/1.1\r\nhost: ${host}\r\nconnection: keep-alive\r\n`;
  }

  get size(): number {
    return this.#all.size;
  }

  /** An idle connection or a new one; how many are taken at once is the lane's business. */
  take(): Connection {
    if (this.#idle.length === 0) return this.fresh();
    const now = performance.now();
    for (let idle = this.#idle.pop(); idle !== undefined; idle = this.#idle.pop()) {
      if (idle.isFresh(now)) return idle;
      this.drop(idle);
    }
    return this.fresh();
  }

  fresh(): Connection {
    const made = new Connection(this.#target, this.#guard, this.#sessions, this.#gone);
    this.#all.add(made);
    return made;
  }

  #gone = (connection: Connection): void => {
    this.#all.delete(connection);
  };

  giveBack(connection: Connection): void {
    if (!connection.isReusable || this.#closed) {
      this.drop(connection);
      return;
    }
    connection.release();
    connection.idleSince = performance.now();
    this.#idle.push(connection);
  }

  /** For a connection that must not carry another request. */
  drop(connection: Connection): void {
    connection.destroy(new Error('dropped'));
  }

  /** Lets go of what is idle; connections in use are dropped when they come back, once `closed`. */
  close(): void {
    this.#closed = true;
    this.trim();
  }

  /** Closes the idle connections. */
  trim(): void {
    for (const connection of this.#idle.splice(0)) this.drop(connection);
  }

  /** Closes everything at once. */
  destroy(error: Error): void {
    this.#closed = true;
    this.#idle.length = 0;
    for (const connection of this.#all) connection.destroy(error);
  }
}
