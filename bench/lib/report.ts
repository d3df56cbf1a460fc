/** How a row's figures are written down. */

import type { Figures } from './drive.ts';
import { median, spread } from './statistics.ts';

export interface Goal {
  /** What is measured, as the line begins. */
  what: string;
  values: readonly number[];
  digits: number;
  unit?: string;
  atLeast?: number;
  atMost?: number;
  /** More than what is asked for, hoped for all the same. */
  hoped?: number;
}

export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  return [line(columns), `|${'---|'.repeat(columns.length)}`, ...rows.map(line)].join('\n');
}

export interface Column<T> {
  title: string;
  pick: (one: T) => number | undefined;
  digits: number;
}

export const RATE_COLUMNS: readonly Column<Figures>[] = [
  { title: 'deliveries/s', pick: (one) => one.perSecond, digits: 0 },
  { title: 'CPU µs per delivery', pick: (one) => one.cpuMicros, digits: 1 },
];
export const PEAK_COLUMN: Column<{ peakMb?: number }> = {
  title: 'peak memory, MB',
  pick: (one) => one.peakMb,
  digits: 0,
};

/** A row for each side, medians with their spread. */
export function spreadTable<T>(
  first: string,
  sides: readonly (readonly [name: string, figures: readonly T[]])[],
  columns: readonly Column<T>[],
): string {
  const rows = sides.map(([name, figures]) => [
    name,
    ...columns.map(({ pick, digits }) => {
      const values = figures.flatMap((one) => pick(one) ?? []);
      return values.length === 0 ? '–' : spread(values, digits);
    }),
  ]);
  return table([first, ...columns.map((column) => column.title)], rows);
}

/** One line: the median with its spread, and, unless this is only a try, whether it is what was asked for. */
export function goalLine(goal: Goal, quick: boolean): string {
  const unit = goal.unit === undefined ? '' : ` ${goal.unit}`;
  const figures = `${goal.what}: **${spread(goal.values, goal.digits)}${unit}**`;
  if (quick) return `${figures}.`;
  const value = median(goal.values);
  const { atLeast, atMost, hoped } = goal;
  const met = (atLeast === undefined || value >= atLeast) && (atMost === undefined || value <= atMost);
  const wanted = atLeast === undefined ? `at most ${atMost}` : `at least ${atLeast}`;
  const more = hoped === undefined ? '' : `, ${hoped} hoped for`;
  return `${figures} (goal: ${wanted}${unit}${more}; ${met ? 'met' : 'MISSED'}).`;
}

/** Lines one by one, without the markdown paragraphs running into one another. */
export function paragraphs(...blocks: readonly string[]): string {
  return blocks.filter((block) => block !== '').join('\n\n');
}

export function list(lines: readonly string[]): string {
  return lines.map((line) => `- ${line}`).join('\n');
}

const WIDTH = 78;

/** What was not done, so that nobody takes it for done. */
export function shout(text: string): void {
  console.log(`${'!'.repeat(WIDTH)}\n${text}\n${'!'.repeat(WIDTH)}`);
}
