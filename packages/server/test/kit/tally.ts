/** Both ends of a scenario compared: what one end took responsibility for, and what the other end got. */

export interface Tally {
  /** Taken at one end, never arrived at the other. */
  lost: string[];
  /** Arrived more than once. */
  doubled: string[];
  /** Arrived, but nobody ever took it in. */
  unknown: string[];
}

export const ALL_THERE: Tally = { lost: [], doubled: [], unknown: [] };

/** Compares by value; `expect(tally(…)).toEqual(ALL_THERE)` shows what is wrong. */
export function tally(taken: Iterable<string>, arrived: Iterable<string>): Tally {
  const counts = new Map<string, number>();
  for (const one of arrived) counts.set(one, (counts.get(one) ?? 0) + 1);
  const expected = new Set(taken);
  return {
    lost: [...expected].filter((one) => !counts.has(one)),
    doubled: [...counts].filter(([, count]) => count > 1).map(([one]) => one),
    unknown: [...counts.keys()].filter((one) => !expected.has(one)),
  };
}
