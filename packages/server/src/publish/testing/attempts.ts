/** Single attempts against peers on loopback, for tests of what one request does. */

import { TimerWheel } from '../../base/timer-wheel.ts';
import { AddressRules } from '../address.ts';
import { Attempt, type AttemptLimits } from '../attempt.ts';
import { Connections } from '../connections.ts';
import { Guard, type GuardOptions } from '../guard.ts';
import type { Resolve } from '../resolver.ts';
import { aRawServer, aReceiver, type RawServer, type Receiver } from './receiver.ts';

export const LIMITS: AttemptLimits = {
  drain_bytes: 65_536,
  excerpt_bytes: 1_024,
  drain_ms: 200,
  slow_ms: 100,
};
export const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

export const toLoopback: Resolve = (_name, done) => done(null, [{ address: '127.0.0.1', family: 4 }]);

/** Lets loopback pass; every name is on it. */
export function guardWith(options: Partial<GuardOptions> = {}): Guard {
  const addresses = new AddressRules({ loopback: true, allow: [] });
  return new Guard({ addresses, resolve: toLoopback, ...options });
}

export interface PostOptions {
  timeout_ms?: number;
  limits?: AttemptLimits;
}

/** One timer wheel and everything opened by a test; `close` ends it all. */
export class AttemptBench {
  readonly #wheel = new TimerWheel(10);
  readonly #closers: (() => unknown)[] = [];

  /** To be called at the end, last opened first. */
  onClose(close: () => unknown): void {
    this.#closers.push(close);
  }

  async close(): Promise<void> {
    for (const close of this.#closers.splice(0).toReversed()) await close();
    this.#wheel.stop();
  }

  connectionsTo(url: string, guard = guardWith()): Connections {
    const connections = new Connections(new URL(url), guard);
    this.onClose(() => connections.destroy(new Error('test over')));
    return connections;
  }

  post(connections: Connections, options: PostOptions = {}): Promise<Attempt<null>> {
    return new Promise((resolve) => {
      const request = {
        path: '/hook',
        headers: ['content-type', 'application/json'],
        body: Buffer.from('{"event_id":"evt_1"}'),
        timeout_ms: options.timeout_ms ?? 5_000,
      };
      const owner = { slow: () => {}, finished: resolve };
      new Attempt(null, request, connections, this.#wheel, options.limits ?? LIMITS, owner).start();
    });
  }

  /** One attempt at `url`, alone. */
  send(url: string, options: PostOptions & { guard?: Guard } = {}): Promise<Attempt<null>> {
    return this.post(this.connectionsTo(url, options.guard), options);
  }

  async raw(...parameters: Parameters<typeof aRawServer>): Promise<RawServer> {
    const server = await aRawServer(...parameters);
    this.onClose(() => server.close());
    return server;
  }

  async http(...parameters: Parameters<typeof aReceiver>): Promise<Receiver> {
    const receiver = await aReceiver(...parameters);
    this.onClose(() => receiver.close());
    return receiver;
  }

  /** Calls `work` every `ms` until the test ends. */
  every(ms: number, work: () => void): void {
    const timer = setInterval(work, ms);
    this.onClose(() => clearInterval(timer));
  }
}
