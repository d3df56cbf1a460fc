/**
 * An open loop: what is offered is offered at its time, whatever became of what went before. Latency counts from the
 * time something was due to be offered, so that a stall of the receiver, or of this process, is in the figures of
 * everything that had to wait for it.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { sharedClockMs } from './wait.ts';

export interface Offer {
  count: number;
  perSecond: number;
  /** Makes the nth offer; its failure is that of the whole. */
  send: (n: number) => Promise<void>;
}

/** Resolves, when all offers are answered, to when each was due (shared clock, ms). */
export async function offer({ count, perSecond, send }: Offer): Promise<Float64Array> {
  const begun = sharedClockMs();
  const due = Float64Array.from({ length: count }, (_, n) => begun + (n * 1000) / perSecond);
  const answers: Promise<void>[] = [];
  for (let next = 0; next < count;) {
    const now = sharedClockMs();
    while (next < count && (due[next] as number) <= now) answers.push(send(next++));
    await sleep(1);
  }
  await Promise.all(answers);
  return due;
}
