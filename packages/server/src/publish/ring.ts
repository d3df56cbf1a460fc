/** Lanes that wait for their turn, and how much of the budget those that had it may have under way. */

import { Fifo } from './fifo.ts';

/** What can wait in a ring; `ring` is the one it waits in. */
interface Waiting {
  ring: object | null;
}

export class Ring<Lane extends Waiting> {
  readonly #lanes = new Fifo<Lane>();
  readonly #most: number;
  readonly #maxSlow: number;
  /** Lanes with an entry, whether it still counts or not; null where none can have two. */
  readonly #inside: Set<Lane> | null;
  /** Attempts under way that count against the budget. */
  active = 0;

  /** `maxSlow`: slow attempts, of all rings, beyond which this one starts none. `isLeft`: lanes may leave for another. */
  constructor(most: number, maxSlow: number, isLeft = false) {
    this.#most = most;
    this.#maxSlow = maxSlow;
    this.#inside = isLeft ? new Set() : null;
  }

  add(lane: Lane): void {
    lane.ring = this;
    if (this.#inside?.has(lane) === true) return;
    this.#inside?.add(lane);
    this.#lanes.push(lane);
  }

  /** The next lane, when one may start something. One that has moved on to another ring is passed over. */
  take(slow: number): Lane | undefined {
    if (this.active >= this.#most || slow >= this.#maxSlow) return undefined;
    for (let lane = this.#lanes.shift(); lane !== undefined; lane = this.#lanes.shift()) {
      this.#inside?.delete(lane);
      if (lane.ring !== this) continue;
      lane.ring = null;
      return lane;
    }
    return undefined;
  }
}
