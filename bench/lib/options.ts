/** What the command line may say, for every row alike. */

import { parseArgs } from 'node:util';

export interface BenchOptions {
  /** Null: the row's own. */
  rounds: number | null;
  /** Events of one measurement; null: the row's own. */
  events: number | null;
  /** Settled deliveries of the row `history`. */
  history: number;
  /** Deliveries that wait in the row `dead-lane`. */
  pending: number;
  /** Of offering, in the row `latency`. */
  seconds: number | null;
  /** Tiny sizes, one round, no goals: shows that everything runs. */
  quick: boolean;
  /** Whether the report is kept in bench/results. */
  write: boolean;
}

const NUMBERS = ['rounds', 'events', 'history', 'pending', 'seconds'] as const;

/** Throws an error that names the option. */
export function readOptions(args: string[]): BenchOptions {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string' },
      events: { type: 'string' },
      history: { type: 'string' },
      pending: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      write: { type: 'boolean', default: false },
    },
  });
  const [rounds, events, history, pending, seconds] = NUMBERS.map((name) => positive(name, values[name]));
  const { quick, write } = values;
  if (quick && write) throw new Error('--quick measures nothing worth keeping; leave out --write');
  return {
    rounds: rounds ?? (quick ? 1 : null),
    events: events ?? null,
    history: history ?? (quick ? 5_000 : 10_000_000),
    pending: pending ?? (quick ? 2_000 : 1_000_000),
    seconds: seconds ?? null,
    quick,
    write,
  };
}

function positive(name: string, text: string | undefined): number | null {
  if (text === undefined) return null;
  const value = Number(text.replaceAll('_', ''));
  if (!Number.isSafeInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1`);
  return value;
}
