/**
 * The connections of one endpoint. Each is an undici `Client` that carries one request at a time, so that it is
 * known which request is on which socket, how often that socket was used, and how far its connecting has come.
 * The one used last is used next: the others grow idle and close.
 */

import type { Socket } from 'node:net';
import { Client, type Dispatcher } from 'undici';
import type { ConnectPhase, ConnectTarget, Guard, TlsSessions } from './guard.ts';

/** Idle sockets are closed before the peer's usual limit of 5 s and up bites; its `Keep-Alive` hint may shorten it. */
const IDLE_MS = 4_000;
const MAX_IDLE_MS = 60_000;
const MAX_HEAD_BYTES = 16_384;

export class Connection {
  readonly client: Client;
  phase: ConnectPhase = 'lookup';
  /** Requests that were written to the present socket. */
  written = 0;
  #connecting: Socket | null = null;
  #socket: Socket | null = null;

  constructor(origin: string, target: ConnectTarget, guard: Guard, sessions: TlsSessions) {
    this.client = new Client(origin, {
      pipelining: 1,
      // The timer wheel bounds head and body; undici's own timers would be a second set.
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS,
      keepAliveMaxTimeout: MAX_IDLE_MS,
      maxHeaderSize: MAX_HEAD_BYTES,
      allowH2: false,
      connect: (_options, done) => {
        this.written = 0;
        this.#socket = null;
        guard.connect(target, this, sessions, (error, socket) => {
          this.#connecting = null;
          this.#socket = socket;
          if (error !== null) done(error, null);
          else if (socket !== null) done(null, socket);
        });
      },
    });
  }

  /** Bytes that the present socket has received. */
  get received(): number {
    return this.#socket?.bytesRead ?? 0;
  }

  dispatch(options: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): void {
    this.client.dispatch(options, handler);
  }

  /** Gives up a connection that is not there yet; the request waiting for it fails with `error`. */
  giveUp(error: Error): void {
    if (this.#connecting !== null) this.#connecting.destroy(error);
    else this.destroy(error);
  }

  destroy(error: Error): void {
    this.client.destroy(error, () => {});
  }

  // The guard tells how far it has come.
  setPhase(phase: ConnectPhase): void {
    this.phase = phase;
  }

  setSocket(socket: Socket): void {
    this.#connecting = socket;
  }
}

export class Connections {
  readonly #origin: string;
  readonly #target: ConnectTarget;
  readonly #guard: Guard;
  readonly #sessions: TlsSessions = { latest: null };
  readonly #idle: Connection[] = [];
  readonly #all = new Set<Connection>();
  #closed = false;

  constructor(url: URL, guard: Guard) {
    const { hostname, protocol, port } = url;
    this.#origin = url.origin;
    this.#guard = guard;
    this.#target = {
      protocol,
      hostname: hostname.startsWith('[') ? hostname.slice(1, -1) : hostname,
      port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port),
    };
  }

  get size(): number {
    return this.#all.size;
  }

  /** An idle connection or a new one; how many are taken at once is the lane's business. */
  take(): Connection {
    return this.#idle.pop() ?? this.fresh();
  }

  fresh(): Connection {
    const made = new Connection(this.#origin, this.#target, this.#guard, this.#sessions);
    this.#all.add(made);
    return made;
  }

  giveBack(connection: Connection): void {
    if (connection.client.destroyed || this.#closed) this.drop(connection);
    else this.#idle.push(connection);
  }

  /** For a connection that must not carry another request. */
  drop(connection: Connection): void {
    this.#all.delete(connection);
    if (!connection.client.destroyed) connection.destroy(new Error('dropped'));
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

  /** Fails every request in flight with `error`. */
  destroy(error: Error): void {
    this.#closed = true;
    this.#idle.length = 0;
    for (const connection of this.#all) connection.destroy(error);
    this.#all.clear();
  }
}
