/** Work under way at once has a limit for each environment, below that for all of them: none uses up the others' share. */

import { PostriderError } from '../domain/errors.ts';

export interface SlotLimits {
  most: number;
  mostOfOne: number;
}

export class Slots {
  readonly #limits: SlotLimits;
  readonly #taken = new Map<number, number>();
  #all = 0;

  constructor(limits: SlotLimits) {
    this.#limits = limits;
  }

  /** Does `work`, or rejects with `too_many_requests` while there is no room; `what` names what there are too many of. */
  async hold<T>(env: number, what: string, work: () => Promise<T>): Promise<T> {
    const { most, mostOfOne } = this.#limits;
    const taken = this.#taken.get(env) ?? 0;
    if (taken >= mostOfOne) throw tooMany(`${mostOfOne} ${what} in this environment; wait for one of them.`);
    if (this.#all >= most) throw tooMany(`${most} ${what}; wait for one of them.`);
    this.#all++;
    this.#taken.set(env, taken + 1);
    try {
      return await work();
    } finally {
      this.#all--;
      this.#free(env);
    }
  }

  #free(env: number): void {
    const left = (this.#taken.get(env) ?? 1) - 1;
    if (left === 0) this.#taken.delete(env);
    else this.#taken.set(env, left);
  }
}

function tooMany(detail: string): PostriderError {
  return new PostriderError('too_many_requests', detail, { retryAfterSeconds: 1 });
}
