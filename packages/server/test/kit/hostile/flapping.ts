/** Endpoints that are up now and down then. */

import type { Behaviour } from './exchange.ts';

/** `up` requests go well, then `down` go badly, and again. */
export function flappingByCount(up: number, good: Behaviour, down: number, bad: Behaviour): Behaviour {
  let count = 0;
  return (exchange) => (count++ % (up + down) < up ? good : bad)(exchange);
}

/** Up for `up_ms`, then down for `down_ms`, and again. */
export function flappingByTime(up_ms: number, good: Behaviour, down_ms: number, bad: Behaviour): Behaviour {
  const begun = performance.now();
  return (exchange) => {
    const isUp = (performance.now() - begun) % (up_ms + down_ms) < up_ms;
    (isUp ? good : bad)(exchange);
  };
}

/** A part of the requests goes badly, by a chance that the test can have again. */
export function failingAtRandom(
  part: number,
  next: () => number,
  good: Behaviour,
  bad: Behaviour,
): Behaviour {
  return (exchange) => (next() < part ? bad : good)(exchange);
}
