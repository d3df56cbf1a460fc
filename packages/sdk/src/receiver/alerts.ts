/**
 * Handlers that tell of a bounce rate over a bound, and of any complaint. The thresholds are those of the deliverability
 * guides: over 5 % of bounces is bad list quality. Counts are of this process, since it started. Portable.
 */

import type { ReceivedEvent } from './event.ts';
import type { HandlerContext, Handlers } from './handlers.ts';

export type Alert =
  | { kind: 'complaint'; event: ReceivedEvent<unknown> }
  /** `rate` of hard bounces among `sent` results within the window. */
  | { kind: 'bounce_rate'; rate: number; bounced: number; sent: number };

export interface AlertOptions {
  onAlert: (alert: Alert) => void | Promise<void>;
  /** 0.05. */
  bounceRate?: number;
  /** Results that have to be there before a rate means anything; 20. */
  minimum?: number;
  /** Milliseconds; an hour. */
  window?: number;
  environment?: 'live' | 'sandbox';
  now?: () => number;
}

/** Parts of the window, which forgets one at a time: memory is the same for ten events and ten million. */
const PARTS = 60;

export function alerts<Tx = undefined>({
  onAlert,
  bounceRate = 0.05,
  minimum = 20,
  window = 3_600_000,
  environment = 'live',
  now = Date.now,
}: AlertOptions): Handlers<Tx> {
  const counts = new WindowCounts(window / PARTS);
  let alerted = false;

  /** An attempt after the first was counted already. */
  const result = async ({ event, attempt }: HandlerContext<unknown, Tx>): Promise<void> => {
    if (event.environment !== environment) return;
    if (attempt === 1) counts.add(now(), event.event_type === 'bounce');
    const { bounced, sent } = counts.within(now());
    const over = sent >= minimum && bounced / sent > bounceRate;
    // Once when the bound is passed, and again only after it was kept in between.
    if (!over || alerted) {
      alerted &&= over;
      return;
    }
    alerted = true;
    try {
      await onAlert({ kind: 'bounce_rate', rate: bounced / sent, bounced, sent });
    } catch (error) {
      alerted = false;
      throw error;
    }
  };
  return {
    delivered: result,
    bounce: result,
    complaint: ({ event }) =>
      event.environment === environment ? onAlert({ kind: 'complaint', event }) : undefined,
  };
}

class WindowCounts {
  readonly #partLength: number;
  #parts: { part: number; bounced: number; sent: number }[] = [];

  constructor(partLength: number) {
    this.#partLength = partLength;
  }

  add(now: number, bounced: boolean): void {
    const part = Math.floor(now / this.#partLength);
    let last = this.#parts.at(-1);
    if (last?.part !== part) this.#parts.push((last = { part, bounced: 0, sent: 0 }));
    last.sent++;
    if (bounced) last.bounced++;
  }

  within(now: number): { bounced: number; sent: number } {
    const oldest = Math.floor(now / this.#partLength) - PARTS;
    this.#parts = this.#parts.filter(({ part }) => part > oldest).slice(-PARTS);
    return this.#parts.reduce(
      (sum, { bounced, sent }) => ({ bounced: sum.bounced + bounced, sent: sum.sent + sent }),
      { bounced: 0, sent: 0 },
    );
  }
}
