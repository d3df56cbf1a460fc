/** The SMTP submission door (RFC 6409): listens, bounds the number of connections, stops gracefully. */

import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { loadCertificate, type Certificate } from './certificate.ts';
import { Connection } from './connection.ts';
import { isLoopback, plainAddress } from './peer.ts';
import { PendingBytes } from './pending-bytes.ts';
import { renderReply, reply } from './replies.ts';
import { NO_METRICS, type SmtpMetrics } from './metrics.ts';
import type { SmtpAccess, SmtpServices, SmtpSubmissions } from './session-context.ts';
import { ownName, SMTP_TUNING, type SmtpSettings, type SmtpTuning } from './settings.ts';
import type { Logger } from '../base/logger.ts';

export interface SmtpDoorOptions {
  submissions: SmtpSubmissions;
  access: SmtpAccess;
  config: SmtpSettings & Partial<SmtpTuning>;
  log: Logger;
  metrics?: SmtpMetrics;
  /** Why no message may begin for now; null = it may. */
  pressure?: () => string | null;
}

/** Beyond the limit, so many get a 421 at once; more than these are dropped without a word. */
const REFUSED_AT_ONCE = 64;

export class SmtpDoor {
  readonly #services: SmtpServices;
  readonly #connections = new Set<Connection>();
  readonly #perAddress = new Map<string, number>();
  readonly #refused = new Set<Socket>();
  readonly #server: Server;
  #certificate: Certificate | null = null;
  #plainAuth = false;
  #closing: Promise<void> | null = null;

  constructor({ submissions, access, config, log, metrics, pressure }: SmtpDoorOptions) {
    // Two of the largest messages always fit, or the limit on messages would be a lie.
    const pending_bytes = Math.max(SMTP_TUNING.pending_bytes, 2 * config.message_bytes);
    const settings = { ...SMTP_TUNING, pending_bytes, ...config };
    this.#services = {
      submissions,
      access,
      settings,
      log,
      metrics: metrics ?? NO_METRICS,
      name: ownName(settings),
      pending: new PendingBytes(settings.pending_bytes, () => (pressure?.() ?? null) === null),
    };
    // Half-open, so that a client which ends its side early still gets its answers.
    this.#server = createServer({ allowHalfOpen: true, noDelay: true, keepAlive: true }, (socket) =>
      this.#accept(socket),
    );
  }

  /** Rejects when the address cannot be had or the certificate cannot be used. */
  async listen(): Promise<{ host: string; port: number }> {
    const { settings, name, log } = this.#services;
    this.#certificate = await loadCertificate(settings, name);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#server.once('error', reject);
    this.#server.listen(settings.port, settings.host, resolve);
    await promise;
    this.#server.off('error', reject);
    this.#server.on('error', (error) => log.error({ err: error }, 'smtp.listener_failed'));
    const { address, port } = this.#server.address() as AddressInfo;
    this.#plainAuth =
      settings.plain_auth === 'loopback' && settings.profile === 'development' && isLoopback(address);
    log.info(
      { host: address, port, plain_auth: this.#plainAuth, certificate: this.#certificate.fingerprint },
      'smtp.listening',
    );
    return { host: address, port };
  }

  /** Connections that are open now. */
  get connections(): number {
    return this.#connections.size;
  }

  /** Octets of messages that are coming in or wait for the store. */
  get pendingBytes(): number {
    return this.#services.pending.used;
  }

  /** No new connections; idle ones get 421 4.3.2, running transactions finish within the grace time. */
  close(): Promise<void> {
    this.#closing ??= this.#stop();
    return this.#closing;
  }

  async #stop(): Promise<void> {
    const { promise: stopped, resolve } = Promise.withResolvers<void>();
    // An error here says that it was not listening, which is what is wanted.
    this.#server.close(() => resolve());
    for (const connection of this.#connections) connection.shutDown();
    for (const socket of this.#refused) socket.destroy();
    const late = setTimeout(() => {
      for (const connection of this.#connections) connection.abort();
    }, this.#services.settings.shutdown_grace_ms);
    await Promise.all([...this.#connections].map((connection) => connection.gone));
    clearTimeout(late);
    await stopped;
  }

  #accept(socket: Socket): void {
    const remote = plainAddress(socket.remoteAddress ?? '');
    const already = this.#perAddress.get(remote) ?? 0;
    const { settings, log } = this.#services;
    const full =
      this.#connections.size >= settings.max_connections || already >= settings.max_connections_per_address;
    if (full || this.#closing !== null) {
      log.debug({ remote, connections: this.#connections.size }, 'smtp.connection_refused');
      this.#refuse(socket);
      return;
    }
    const connection = new Connection(
      socket,
      { ...this.#services, remote, plainAuth: this.#plainAuth, startTls: this.#certificate !== null },
      () => this.#certificate?.context ?? null,
    );
    this.#connections.add(connection);
    this.#perAddress.set(remote, already + 1);
    void connection.gone.then(() => this.#leave(connection, remote));
    connection.start();
  }

  #leave(connection: Connection, remote: string): void {
    this.#connections.delete(connection);
    const left = (this.#perAddress.get(remote) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(remote, left);
    else this.#perAddress.delete(remote);
  }

  #refuse(socket: Socket): void {
    socket.on('error', () => socket.destroy());
    if (this.#refused.size >= REFUSED_AT_ONCE) {
      socket.destroy();
      return;
    }
    this.#refused.add(socket);
    const timer = setTimeout(() => socket.destroy(), this.#services.settings.linger_timeout_ms);
    socket.on('close', () => {
      clearTimeout(timer);
      this.#refused.delete(socket);
    });
    socket.end(renderReply(reply(this.#closing === null ? 'too_many_connections' : 'shutting_down')));
    socket.resume();
  }
}
