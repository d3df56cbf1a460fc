/** Several consumers of the same events, each with its own handlers, retries, state of messages and dead letters. */

import type { Handlers } from './handlers.ts';

export class FanOut<Tx = undefined> {
  readonly consumers: Readonly<Record<string, Handlers<Tx>>>;

  constructor(consumers: Readonly<Record<string, Handlers<Tx>>>) {
    this.consumers = consumers;
  }
}

/**
 * Every event is queued once per consumer, in one commit. A consumer added later gets the events from then on; one that
 * failed gets its own dead letters, and none of the others' work is done again.
 */
export function fanOut<Tx = undefined>(consumers: Readonly<Record<string, Handlers<Tx>>>): FanOut<Tx> {
  const names = Object.keys(consumers);
  if (names.length === 0 || names.some((name) => !/^[a-z0-9_-]{1,64}$/i.test(name)))
    throw new TypeError('fanOut: name at least one consumer, with a-z, 0-9, - and _ only.');
  return new FanOut(consumers);
}
