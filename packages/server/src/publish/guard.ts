/**
 * The only way out for webhooks: a connector that knows at each step which address it is about to talk to.
 * It judges IP literals, every address a name resolves to, and the peer's address once connected, so that a
 * name which resolves differently the second time (DNS rebinding) gains nothing. TLS starts after the last check:
 * not one byte goes to an address that is refused. With an egress proxy, the address that was checked is the one the
 * proxy is asked for. Proxy variables of the process are not looked at.
 */

import type { LookupAddress } from 'node:dns';
import { connect as connectTcp, isIP, Socket, type LookupFunction } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import type { AddressRules } from './address.ts';
import { openTunnel, proxyFailure, type EgressProxy } from './egress-proxy.ts';
import { Resolver, type Resolve } from './resolver.ts';

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

const SOCKET = { noDelay: true, keepAlive: true, keepAliveInitialDelay: 60_000 } as const;

export interface GuardOptions {
  addresses: AddressRules;
  resolve?: Resolve;
  /** Further certificate authorities in PEM; by default those of Node. */
  ca?: string;
  /** Everything goes through it. */
  proxy?: EgressProxy | null;
  /** For tests: dials instead of `net.connect`. */
  dial?: typeof connectTcp;
}

export class Guard {
  readonly addresses: AddressRules;
  readonly #resolve: Resolve;
  readonly #ca: string | undefined;
  readonly #proxy: EgressProxy | null;
  readonly #dial: typeof connectTcp;

  constructor(options: GuardOptions) {
    this.addresses = options.addresses;
    this.#resolve = options.resolve ?? new Resolver().resolve;
    this.#ca = options.ca;
    this.#proxy = options.proxy ?? null;
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
    const open = (error: Error | null, tcp: Socket | null): void => {
      if (tcp === null || target.protocol !== 'https:') {
        if (tcp !== null) watcher.setPhase('open');
        done(error, tcp);
      } else {
        this.#handshake(target, tcp, watcher, sessions, done);
      }
    };
    if (this.#proxy === null) this.#direct(target, watcher, open);
    else this.#throughProxy(target, this.#proxy, watcher, open);
  }

  #direct(target: ConnectTarget, watcher: ConnectWatcher, done: ConnectDone): void {
    const socket = this.#dial({
      host: target.hostname,
      port: target.port,
      lookup: this.#lookup(watcher),
      autoSelectFamily: true,
      ...SOCKET,
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
      } else {
        done(null, socket);
      }
    });
  }

  /** Whether the proxy's own address is fine is the operator's business. */
  #throughProxy(target: ConnectTarget, proxy: EgressProxy, watcher: ConnectWatcher, done: ConnectDone): void {
    // There before the name is looked up, so that giving up has something to destroy.
    const socket = new Socket();
    watcher.setSocket(socket);
    const failed = (error: Error) => done(proxyFailure(error), null);
    socket.once('error', failed);
    this.#checkedAddress(target.hostname, (error, address) => {
      if (socket.destroyed) return;
      if (error !== null) {
        socket.removeListener('error', failed);
        socket.destroy();
        queueMicrotask(() => done(error, null));
        return;
      }
      watcher.setPhase('connect');
      socket.connect({ host: proxy.host, port: proxy.port, autoSelectFamily: true, ...SOCKET });
      socket.once('connect', () => {
        socket.removeListener('error', failed);
        openTunnel(socket, proxy, { address, port: target.port }, (problem) => {
          if (problem !== null) socket.destroy();
          done(problem, problem === null ? socket : null);
        });
      });
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

  #lookup(watcher: ConnectWatcher): LookupFunction {
    return (hostname, options, callback) => {
      this.#checked(hostname, (error, addresses) => {
        const first = addresses[0];
        if (error !== null || first === undefined) {
          callback(error, []);
          return;
        }
        watcher.setPhase('connect');
        if (options.all === true) callback(null, addresses);
        else callback(null, first.address, first.family);
      });
    };
  }

  /** One address of a host, IPv4 before IPv6: a proxy tries no second one. */
  #checkedAddress(hostname: string, done: (error: Error | null, address: string) => void): void {
    if (isIP(hostname) !== 0) {
      done(null, hostname);
      return;
    }
    this.#checked(hostname, (error, addresses) => {
      const chosen = addresses.find(({ family }) => family === 4) ?? addresses[0];
      done(error, chosen?.address ?? '');
    });
  }

  /** One refused address refuses the name: a mixed answer is an attack or a mistake, never a service. */
  #checked(hostname: string, done: (error: Error | null, addresses: LookupAddress[]) => void): void {
    this.#resolve(hostname, (error, addresses) => {
      if (error !== null) {
        done(error, []);
        return;
      }
      for (const { address } of addresses) {
        const refusal = this.addresses.refusal(address);
        if (refusal !== null) {
          done(new BlockedAddressError(address, refusal), []);
          return;
        }
      }
      if (addresses.length > 0) done(null, addresses);
      else done(Object.assign(new Error(`${hostname} has no address`), { code: 'ENOTFOUND' }), []);
    });
  }
}

/** The latest TLS session with one host, to resume instead of a full handshake. */
export interface TlsSessions {
  latest: Buffer | null;
}
