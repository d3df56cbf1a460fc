/** Medians with their spread: these machines are noisy, so a single figure says little. */

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1
    ? (sorted[middle] as number)
    : ((sorted[middle - 1] as number) + (sorted[middle] as number)) / 2;
}

export function spread(values: readonly number[], digits = 0): string {
  const round = (value: number): string => value.toFixed(digits);
  return `${round(median(values))} [${round(Math.min(...values))}–${round(Math.max(...values))}]`;
}
