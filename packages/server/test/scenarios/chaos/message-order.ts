/** What "in order within a message" means at the receiver, said apart from how the product does it. */

import type { Receipt } from '../../kit/hostile/receipt.ts';

/** For each request: an earlier event of its message that had not been taken when it came. */
export function inversions(receipts: readonly Receipt[]): string[] {
  const found: string[] = [];
  for (const [message_id, list] of Map.groupBy(receipts, ({ event }) => event.message_id)) {
    if (message_id === null) continue;
    const seqs = [...new Set(list.map(({ event }) => event.seq))].sort((a, b) => a - b);
    let next = 0;
    for (const { event, said, number } of list) {
      if (event.seq !== seqs[next])
        found.push(`${message_id}: request ${number} has seq ${event.seq}, not ${seqs[next]}`);
      if (said === 'taken' && event.seq === seqs[next]) next++;
    }
  }
  return found;
}

/** How far each message has come, read off the receipts as they come in; behaviours that answer at once only. */
export class MessageProgress {
  readonly taken = new Map<string, number>();
  /** Messages of which something was refused. */
  readonly stuck = new Set<string>();
  #read = 0;

  read(receipts: readonly Receipt[]): void {
    for (; this.#read < receipts.length; this.#read++) {
      const { said, event } = receipts[this.#read] as Receipt;
      const id = event.message_id ?? '';
      if (said === 'taken') this.taken.set(id, (this.taken.get(id) ?? 0) + 1);
      else this.stuck.add(id);
    }
  }
}
