/** Waits between tries: jittered, so that what failed together does not come back together. */

/** A number in [0, 1). Passed in, so that tests decide it. */
export type Random = () => number;

/** `ms` moved by up to `spread` of itself, either way, to a whole millisecond. */
export function jittered(ms: number, spread: number, random: Random = Math.random): number {
  return Math.round(ms * (1 + spread * (random() * 2 - 1)));
}

/** Doubles from `first` to `most` milliseconds, jittered by a tenth, until something succeeds. */
export class Backoff {
  readonly #first: number;
  readonly #most: number;
  readonly #random: Random;
  #failures = 0;

  constructor(first: number, most: number, random: Random = Math.random) {
    this.#first = first;
    this.#most = most;
    this.#random = random;
  }

  /** Milliseconds to wait after one more failure. */
  next(): number {
    // 2 ** 30 times any first wait is beyond every cap; more would only lose precision.
    const wait = Math.min(this.#first * 2 ** Math.min(this.#failures, 30), this.#most);
    this.#failures++;
    return jittered(wait, 0.1, this.#random);
  }

  succeeded(): void {
    this.#failures = 0;
  }
}
