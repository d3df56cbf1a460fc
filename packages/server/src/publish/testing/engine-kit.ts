/** What tests of the engine share: an engine that ends with its test, endpoints, a clock that is moved. */

import { afterEach } from 'vitest';
import type { Endpoint } from '../../domain/endpoint.ts';
import type { PublisherParts } from '../publisher.ts';
import { anEndpoint, anEngine, type Engine } from './fixtures.ts';
import { aRawServer, aReceiver, type Receiver } from './receiver.ts';

export const ENV = 1;
const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
});

/** Called when the test has ended, the last one first. */
export function atEnd(close: () => Promise<void> | void): void {
  closers.push(close);
}

export async function started(change: Partial<PublisherParts> = {}): Promise<Engine> {
  const engine = anEngine(change);
  atEnd(() => engine.publisher.stop(0));
  await engine.publisher.start();
  return engine;
}

export async function receiver(...parameters: Parameters<typeof aReceiver>): Promise<Receiver> {
  const made = await aReceiver(...parameters);
  atEnd(() => made.close());
  return made;
}

/** The URL of a peer that takes connections and says nothing. */
export async function silentPeer(): Promise<string> {
  const server = await aRawServer(() => {});
  atEnd(() => server.close());
  return server.url;
}

export type OneEndpoint = Engine & { endpoint: Endpoint };

/** An engine with one endpoint that is live. */
export async function withEndpoint(
  url: string,
  change: Partial<Endpoint> = {},
  parts: Partial<PublisherParts> = {},
): Promise<OneEndpoint> {
  const engine = await started(parts);
  const endpoint = anEndpoint(1, url, change);
  engine.store.addEndpoint(endpoint);
  await engine.publisher.idle(ENV);
  return { ...engine, endpoint };
}

/** Moves the sandbox's clock in steps to every due moment within `ms`, as the clock's advance does. */
export async function advance({ publisher, clocks }: Engine, ms: number): Promise<void> {
  const end = clocks.now(ENV) + ms;
  for (;;) {
    const due = await publisher.nextDueAt(ENV);
    const to = due === null || due > end ? end : due;
    clocks.setOffset(ENV, clocks.offset(ENV) + Math.max(0, to - clocks.now(ENV)));
    await publisher.idle(ENV);
    if (to === end) return;
  }
}

export const seqs = (peer: Receiver): number[] => peer.requests.map(({ json }) => json.seq);
export const sorted = (numbers: readonly number[]): number[] => numbers.toSorted((a, b) => a - b);
export const upTo = (count: number): number[] => Array.from({ length: count }, (_, i) => i + 1);
