/** An open load: so much per second of the server's time, whatever it answers, within a bound of work on its way. */

import type { ServerLives } from './server-lives.ts';

const TICK_MS = 5;

export interface Pace {
  /** Of whatever `send` counts in. */
  perSecond: number;
  /** Calls of `send` on their way at once. Those that a kill interrupts wait for the next life among them. */
  atOnce: number;
  /** Sends some; resolves when their fate is known. Returns how many it has taken on. */
  send: () => { count: number; done: Promise<void> };
}

export class Load {
  readonly #server: ServerLives;
  readonly #pace: Pace;
  #timer: NodeJS.Timeout | null = null;
  #offered = 0;
  readonly #open = new Set<Promise<void>>();
  #error: unknown = null;

  constructor(server: ServerLives, pace: Pace) {
    this.#server = server;
    this.#pace = pace;
  }

  start(): void {
    this.#timer = setInterval(() => this.#tick(), TICK_MS);
  }

  /** Nothing new begins; resolves when the fate of everything sent is known, and rejects when a send failed. */
  async stop(): Promise<void> {
    if (this.#timer !== null) clearInterval(this.#timer);
    await Promise.all(this.#open);
    this.check();
  }

  /** Throws what a send has thrown. */
  check(): void {
    if (this.#error !== null) throw this.#error;
  }

  #tick(): void {
    const { perSecond, atOnce, send } = this.#pace;
    const due = (this.#server.uptime / 1000) * perSecond;
    while (this.#server.isReady && this.#offered < due && this.#open.size < atOnce) {
      const { count, done } = send();
      this.#offered += count;
      const watched = done
        .catch((error: unknown) => {
          this.#error ??= error;
        })
        .finally(() => this.#open.delete(watched));
      this.#open.add(watched);
    }
  }
}
