/** Questions that wait for their answer from the other side of a thread. */

import { fromWireError, toWireError, type Outcome } from './protocol.ts';

interface Waiting {
  resolve: (value: unknown) => void;
  reject: (error: Error) => void;
}

export class Calls {
  readonly #waiting = new Map<number, Waiting>();
  #next = 0;

  /** `send` is given the number under which the answer comes. */
  make(send: (id: number) => void): Promise<unknown> {
    const id = this.#next++;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      send(id);
    });
  }

  answered(id: number, outcome: Outcome): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (outcome.ok) waiting?.resolve(outcome.value);
    else waiting?.reject(fromWireError(outcome.error));
  }

  /** Nobody will answer any more. */
  fail(error: Error): void {
    for (const { reject } of this.#waiting.values()) reject(error);
    this.#waiting.clear();
  }
}

/** Runs `work` and tells how it went. Never rejects. */
export async function outcomeOf(work: () => unknown): Promise<Outcome> {
  try {
    return { ok: true, value: await work() };
  } catch (error) {
    return { ok: false, error: toWireError(error) };
  }
}
