/** One table walked in its own (time-like) order, in steps, round after round. */

import type { WriteContext } from '../write-context.ts';

/** `keep`: old but needed. `young`: the sweep is over. */
export type Verdict = 'delete' | 'keep' | 'young';

export function sweep<R extends Record<string, unknown>>(
  context: WriteContext,
  name: string,
  round: number,
  rowsAfter: (key: number) => R[],
  keyOf: (row: R) => number,
  judge: (row: R) => Verdict,
  remove: (row: R) => void,
  next: 'goes on' | 'starts anew' = 'goes on',
): number {
  const before = context.sweeps.get(name) ?? { at: -1, skipped: null, overIn: -1 };
  if (before.overIn === round) return 0;
  let { at, skipped } = before;
  let looked = 0;
  let removed = 0;
  let over = true;
  for (const row of rowsAfter(at)) {
    const verdict = judge(row);
    over = verdict === 'young';
    if (over) break;
    looked++;
    at = keyOf(row);
    if (verdict === 'delete') {
      remove(row);
      removed++;
    } else {
      skipped ??= at - 1;
    }
  }
  // The next round begins at the first row that had to stay, which by then may be free to go.
  const again = next === 'goes on' ? (skipped ?? at) : -1;
  const after = over ? { at: again, skipped: null, overIn: round } : { at, skipped, overIn: -1 };
  context.sweeps.set(name, after);
  context.onRollback(() => context.sweeps.set(name, before));
  return over ? removed : looked;
}
