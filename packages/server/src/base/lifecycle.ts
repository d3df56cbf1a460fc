/** What was started is stopped in reverse, each part with a bound on its time, so that an exit always comes. */

export interface StopFailure {
  name: string;
  error: Error;
}

export class Lifecycle {
  #parts: { name: string; stop: () => Promise<void>; within_ms: number }[] = [];
  #stopping: Promise<void> | null = null;
  readonly #onFailure: (failure: StopFailure) => void;

  /** `onFailure` hears of each part that did not stop, or not in time; the others are stopped all the same. */
  constructor(onFailure: (failure: StopFailure) => void = () => {}) {
    this.#onFailure = onFailure;
  }

  /** True from the first call of `stop` on. */
  get stopping(): boolean {
    return this.#stopping !== null;
  }

  /**
   * Remembers how to stop a part that has been started. `within_ms` bounds its stop: the sum over all parts
   * should stay under the 15 s that a supervisor commonly waits.
   * Throws when stopping has begun: the part would never be stopped.
   */
  add(name: string, stop: () => Promise<void>, within_ms = 10_000): void {
    if (this.#stopping !== null) throw new Error(`${name} was started while everything stops`);
    this.#parts.push({ name, stop, within_ms });
  }

  /** Stops everything, last started first. Repeated calls get the same promise; it never rejects. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopAll();
    return this.#stopping;
  }

  async #stopAll(): Promise<void> {
    for (const part of this.#parts.toReversed()) {
      try {
        await within(part.within_ms, part.name, part.stop);
      } catch (error) {
        this.#onFailure({
          name: part.name,
          error: error instanceof Error ? error : new Error(String(error)),
        });
      }
    }
    this.#parts = [];
  }
}

async function within(ms: number, name: string, stop: () => Promise<void>): Promise<void> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${name} did not stop within ${ms} ms`)), ms);
  try {
    await Promise.race([stop(), late]);
  } finally {
    clearTimeout(timer);
  }
}
