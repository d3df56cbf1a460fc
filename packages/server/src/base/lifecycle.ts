/** What was started is stopped in reverse, each part with a bound on its time, so that an exit always comes. */

/** From being told to stop to the exit, ms: supervisors commonly kill after 15 s. */
export const STOP_WITHIN_MS = 14_000;

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
   * Remembers how to stop a part that has been started. `within_ms` bounds its stop.
   * Throws when all parts together would have more than `STOP_WITHIN_MS`, and when stopping has begun: the part would
   * never be stopped.
   */
  add(name: string, stop: () => Promise<void>, within_ms = 500): void {
    if (this.#stopping !== null) throw new Error(`${name} was started while everything stops`);
    const all = this.#parts.reduce((sum, part) => sum + part.within_ms, within_ms);
    if (all > STOP_WITHIN_MS) {
      const parts = [...this.#parts, { name, within_ms }].map((part) => `${part.name} ${part.within_ms}`);
      throw new Error(`The parts may take ${all} ms to stop, of ${STOP_WITHIN_MS}: ${parts.join(', ')}`);
    }
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
