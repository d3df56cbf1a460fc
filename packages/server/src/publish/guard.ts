/**
 * The only way out for webhooks: a connector that knows at each step which address it is about to talk to.
 * It judges IP literals, every address a name resolves to, and the peer's address once connected, so that a
 * name which resolves differently the second time (DNS rebinding) gains nothing. TLS starts after the last check:
 * not one byte goes to an address that is refused. Proxy variables of the process are not looked at.
 */

import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import { connect as connectTcp, isIP, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { AddressRules } from './address.ts';

/** All addresses of a name. */
export type Resolve = (
  hostname: string,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
) => void;

export class BlockedAddressError extends Error {
  readonly code = 'POSTRIDER_BLOCKED_ADDRESS';

  constructor(address: string, reason: string) {
    super(`${address} is not allowed (${reason})`);
    this.name = 'BlockedAddressError';
  }
}

/** How far a connection has come; tells which timeout it was. */
export type ConnectPhase = 'lookup' | 'connect' | 'tls' | 'open';

export interface ConnectTarget {
  protocol: string;
  /** Without brackets. */
  hostname: string;
  port: number;
}

export interface ConnectWatcher {
  setPhase(phase: ConnectPhase): void;
  /** What to destroy to give up. */
  setSocket(socket: Socket): void;
}

export type ConnectDone = (error: Error | null, socket: Socket | null) => void;

export interface GuardOptions {
  addresses: AddressRules;
  resolve?: Resolve;
  /** Further certificate authorities in PEM; by default those of Node. */
  ca?: string;
  /** For tests: dials instead of `net.connect`. */
  dial?: typeof connectTcp;
}

export class Guard {
  readonly addresses: AddressRules;
  readonly #resolve: Resolve;
  readonly #ca: string | undefined;
  readonly #dial: typeof connectTcp;

  constructor(options: GuardOptions) {
    this.addresses = options.addresses;
    this.#resolve = options.resolve ?? resolveAll;
    this.#ca = options.ca;
    this.#dial = options.dial ?? connectTcp;
  }

  /**
   * Connects, and with `https:` finishes the TLS handshake, resuming the latest session in `sessions`.
   * Calls `done` exactly once, later.
   */
  connect(target: ConnectTarget, watcher: ConnectWatcher, sessions: TlsSessions, done: ConnectDone): void {
    const literal = isIP(target.hostname) !== 0;
    const refusal = literal ? this.addresses.refusal(target.hostname) : null;
    if (refusal !== null) {
      queueMicrotask(() => done(new BlockedAddressError(target.hostname, refusal), null));
      return;
    }
    watcher.setPhase(literal ? 'connect' : 'lookup');
    const socket = this.#dial({
      host: target.hostname,
      port: target.port,
      lookup: this.#lookup(watcher),
      autoSelectFamily: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: 60_000,
    });
    watcher.setSocket(socket);
    const failed = (error: Error) => done(error, null);
    socket.once('error', failed);
    socket.once('connect', () => {
      const reached = socket.remoteAddress ?? '';
      const late = this.addresses.refusal(reached);
      socket.removeListener('error', failed);
      if (late !== null) {
        socket.destroy();
        done(new BlockedAddressError(reached, late), null);
      } else if (target.protocol === 'https:') {
        this.#handshake(target, socket, watcher, sessions, done);
      } else {
        watcher.setPhase('open');
        done(null, socket);
      }
    });
  }

  #handshake(
    target: ConnectTarget,
    tcp: Socket,
    watcher: ConnectWatcher,
    sessions: TlsSessions,
    done: ConnectDone,
  ): void {
    watcher.setPhase('tls');
    const socket: TLSSocket = connectTls({
      socket: tcp,
      host: target.hostname,
      ...(isIP(target.hostname) === 0 ? { servername: target.hostname } : {}),
      ...(sessions.latest === null ? {} : { session: sessions.latest }),
      ...(this.#ca === undefined ? {} : { ca: this.#ca }),
      // Spelled out, so that NODE_TLS_REJECT_UNAUTHORIZED cannot turn it off.
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
      minVersion: 'TLSv1.2',
    });
    watcher.setSocket(socket);
    tcp.on('error', (error) => socket.destroy(error));
    socket.on('session', (session: Buffer) => {
      sessions.latest = session;
    });
    const failed = (error: Error) => {
      // A session that the server no longer knows must not fail the next handshake too.
      sessions.latest = null;
      done(error, null);
    };
    socket.once('error', failed);
    socket.once('secureConnect', () => {
      socket.removeListener('error', failed);
      watcher.setPhase('open');
      done(null, socket);
    });
  }

  /** One refused address refuses the name: a mixed answer is an attack or a mistake, never a service. */
  #lookup(watcher: ConnectWatcher): LookupFunction {
    return (hostname, options, callback) => {
      this.#resolve(hostname, (error, addresses) => {
        if (error !== null) {
          callback(error, []);
          return;
        }
        for (const { address } of addresses) {
          const refusal = this.addresses.refusal(address);
          if (refusal !== null) {
            callback(new BlockedAddressError(address, refusal), []);
            return;
          }
        }
        const first = addresses[0];
        if (first === undefined) {
          callback(Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' }), []);
          return;
        }
        watcher.setPhase('connect');
        if (options.all === true) callback(null, addresses);
        else callback(null, first.address, first.family);
      });
    };
  }
}

/** The latest TLS session with one host, to resume instead of a full handshake. */
export interface TlsSessions {
  latest: Buffer | null;
}

function resolveAll(
  hostname: string,
  done: (error: NodeJS.ErrnoException | null, addresses: LookupAddress[]) => void,
): void {
  systemLookup(hostname, { all: true, verbatim: false }, (error, addresses) => done(error, addresses));
}
