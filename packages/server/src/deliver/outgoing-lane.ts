/** What the deliverer remembers of one environment: no recipients, only how it stands with them. */

import { Backoff } from '../base/backoff.ts';
import type { Alarm } from '../base/clock.ts';
import type { Environment } from '../domain/tenancy.ts';

const FIRST_RETRY_MS = 100;
const MOST_RETRY_MS = 30_000;

export class OutgoingLane {
  readonly env: number;
  /** Null until it has been looked up. */
  environment: Environment | null = null;
  /** Recipients claimed whose outcome is not recorded yet. */
  inFlight = 0;
  /** A claim is under way. */
  claiming = false;
  /** Something became due while it was. */
  again = false;
  /** Waits for room among all lanes. */
  hungry = false;
  /** The store failed; another claim is made after a while. */
  retry: NodeJS.Timeout | null = null;
  readonly backoff = new Backoff(FIRST_RETRY_MS, MOST_RETRY_MS);
  /** Env time at which the alarm goes off; null = nothing is known to come. */
  next: number | null = null;
  alarm: Alarm | null = null;
  #quiet: (() => void)[] = [];

  constructor(env: number) {
    this.env = env;
  }

  get quiet(): boolean {
    return this.inFlight === 0 && !this.claiming && !this.hungry && this.retry === null;
  }

  /** Resolves once the lane is quiet. */
  async untilQuiet(): Promise<void> {
    if (this.quiet) return;
    await new Promise<void>((resolve) => this.#quiet.push(resolve));
  }

  /** To be called after each change that may have made the lane quiet. */
  settled(): void {
    if (!this.quiet || this.#quiet.length === 0) return;
    const waiting = this.#quiet;
    this.#quiet = [];
    for (const resolve of waiting) resolve();
  }

  /** Lets go of the alarm and the retry. */
  disarm(): void {
    this.alarm?.cancel();
    this.alarm = null;
    this.next = null;
    if (this.retry !== null) clearTimeout(this.retry);
    this.retry = null;
  }
}
