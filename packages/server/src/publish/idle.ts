/** Who waits for the engine to come to rest. Costs nothing while nobody waits. */

interface Waiter {
  ready: () => boolean;
  resolve: () => void;
}

export class IdleWaiters {
  readonly #isIdle: (env: number) => boolean;
  #waiters: Waiter[] = [];

  constructor(isIdle: (env: number) => boolean) {
    this.#isIdle = isIdle;
  }

  forEnv(env: number): Promise<void> {
    return this.until(() => this.#isIdle(env));
  }

  /** Resolves once `ready`; looked at with every `check`. */
  until(ready: () => boolean): Promise<void> {
    if (ready()) return Promise.resolve();
    return new Promise((resolve) => this.#waiters.push({ ready, resolve }));
  }

  /** To be called after everything that may bring rest. Looks once per turn of the event loop at most. */
  check(): void {
    if (this.#waiters.length === 0 || this.#looking) return;
    this.#looking = true;
    setImmediate(() => {
      this.#looking = false;
      const waiters = this.#waiters;
      this.#waiters = [];
      for (const waiter of waiters) {
        if (waiter.ready()) waiter.resolve();
        else this.#waiters.push(waiter);
      }
    });
  }

  #looking = false;
}
