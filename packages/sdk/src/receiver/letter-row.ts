/** A dead letter as both SQL stores keep it. */

import type { DeadLetter } from './store.ts';

export const MAX_LETTERS = 100;

export interface LetterRow {
  id: string;
  consumer: string;
  reason: string;
  attempt: number;
  /** Text in PostgreSQL, whose `bigint` is wider than a number. */
  at: number | string;
  event: string | null;
  raw: string | null;
}

export function letterOf({ id, consumer, reason, attempt, at, event, raw }: LetterRow): DeadLetter {
  const parsed = event === null ? null : (JSON.parse(event) as DeadLetter['event']);
  return { id, consumer, reason, attempts: attempt, at: Number(at), event: parsed, raw };
}
