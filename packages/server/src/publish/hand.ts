/** What a strict lane has sent and waits for: nothing goes before it is known what becomes of this. */

import type { DueDelivery } from '../domain/delivery.ts';
import type { Settlement } from '../store/ports.ts';

export class Hand {
  /** Of the lane's window when it was taken. */
  readonly epoch: number;
  readonly #waiting: Map<number, DueDelivery>;
  readonly #returning: DueDelivery[] = [];

  constructor(epoch: number, deliveries: readonly DueDelivery[]) {
    this.epoch = epoch;
    this.#waiting = new Map(deliveries.map((delivery) => [delivery.seq, delivery]));
  }

  /** What is to be sent again, in `seq` order. */
  get returning(): DueDelivery[] {
    return this.#returning.toSorted((a, b) => a.seq - b.seq);
  }

  /** Whether that was the last one. */
  settled({ seq, verdict, attempt, next_at }: Settlement): boolean {
    const delivery = this.#waiting.get(seq);
    if (delivery === undefined) return false;
    this.#waiting.delete(seq);
    if (verdict === 'retry') {
      this.#returning.push({ ...delivery, attempts: attempt.attempt, due_at: next_at ?? 0 });
    }
    return this.#waiting.size === 0;
  }
}
