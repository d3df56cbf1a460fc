/** How much of everything: what a change is checked with, and what `npm run soak -- chaos` does with the same scenarios. */

interface Sizes {
  /** Events into a server with every kind of hostile endpoint. */
  hostileEvents: number;
  /** For how long the machine sleeps. */
  sleep_ms: number;
  /** Syncs stall for at least so long, in all. */
  stalls_ms: number;
  /** Events due at an endpoint that comes back. */
  due: number;
  /** Messages in a lane that keeps the order of each, ten events to a message. */
  orderedMessages: number;
  /** Of `publish.max_hold_hours`; the long one is the default. */
  hold_hours: number;
}

const QUICK: Sizes = {
  hostileEvents: 300,
  sleep_ms: 3_000,
  stalls_ms: 2_000,
  due: 2_000,
  orderedMessages: 200,
  hold_hours: 12,
};
const LONG: Sizes = {
  hostileEvents: 3_000,
  sleep_ms: 15_000,
  stalls_ms: 30_000,
  due: 10_000,
  orderedMessages: 10_000,
  hold_hours: 72,
};

const isLong = process.env['POSTRIDER_TEST_LONG'] === '1';

export const SIZES: Sizes = isLong ? LONG : QUICK;
/** Of one test. */
export const WITHIN_MS = isLong ? 600_000 : 60_000;
