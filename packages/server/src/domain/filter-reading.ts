/** What reading one filter keeps: its problems so far, its size, and how much one evaluation may look at. */

import type { FieldError } from '@postrider/contract/errors';

/** Levels of `$and`, `$or`, `$nor`, `$not`, `$elemMatch` and of values inside one another. */
export const MAX_FILTER_DEPTH = 8;
/** Conditions, operators and values; the members of `$in` and `$nin` are free, as looking one up costs the same. */
export const MAX_FILTER_NODES = 256;
/**
 * Elements of arrays that one evaluation looks at. Filters run in the commit path, so one event with long arrays must
 * not hold up everybody: beyond this the event counts as matching, because one too many is better than one lost.
 * Looking at so many takes 35 to 130 µs. It is more than all conditions of the largest filter over all tags of an event.
 */
export const MAX_FILTER_STEPS = 10_000;
const MAX_PROBLEMS = 20;

/** Thrown by `Steps.take`. Made once: the stack says nothing, and this may happen for each event. */
export const OUT_OF_STEPS = new Error(`A filter looked at more than ${MAX_FILTER_STEPS} elements of arrays.`);

export class Steps {
  #left = 0;

  begin(): void {
    this.#left = MAX_FILTER_STEPS;
  }

  take(): void {
    if (--this.#left < 0) throw OUT_OF_STEPS;
  }
}

export class FilterReading {
  readonly problems: FieldError[] = [];
  readonly steps = new Steps();
  #nodes = 0;
  #full = false;

  problem(path: string, message: string): void {
    if (this.problems.length < MAX_PROBLEMS) this.problems.push({ path, message });
  }

  /** Counts one node at this depth. False, with a problem, when the filter is too deep or too large to go on. */
  enter(path: string, depth: number): boolean {
    if (depth > MAX_FILTER_DEPTH) {
      this.problem(path, `is more than ${MAX_FILTER_DEPTH} levels deep; flatten the filter`);
      return false;
    }
    this.#nodes++;
    if (this.#nodes <= MAX_FILTER_NODES) return true;
    if (!this.#full) {
      this.#full = true;
      const message = `is one more than the ${MAX_FILTER_NODES} conditions and values a filter may have; put alternatives of one field into \`$in\``;
      this.problem(path, message);
    }
    return false;
  }
}

/** A member's JSON Pointer (RFC 6901 section 3). */
export function pointer(at: string, member: string | number): string {
  return `${at}/${String(member).replaceAll('~', '~0').replaceAll('/', '~1')}`;
}
