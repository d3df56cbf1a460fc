/** What the outcome of an attempt means for its delivery. Pure: times and chance are arguments. */

import { jittered, type Random } from '../base/backoff.ts';
import type { AttemptError } from '../domain/delivery.ts';

export interface Outcome {
  /** HTTP status; 0 when no head came. */
  status: number;
  error: AttemptError | null;
  /** Value of Retry-After, or null. */
  retryAfter: string | null;
}

export interface Verdict {
  verdict: 'delivered' | 'retry' | 'probed' | 'failed';
  /** Env time; null unless `retry`. */
  next_at: number | null;
  /** The endpoint said that it is gone for good (410). */
  gone: boolean;
}

const JITTER = 0.1;
const MAX_RETRY_AFTER_MS = 24 * 3600 * 1000;

export interface Now {
  env: number;
  wall: number;
}

/**
 * `attempt` is 1 for the first; `schedule` holds the seconds to wait after each failed attempt.
 * A 410 keeps its delivery for when the endpoint is enabled again, unless it was the last attempt.
 */
export function judge(
  outcome: Outcome,
  attempt: number,
  schedule: readonly number[],
  now: Now,
  random?: Random,
): Verdict {
  if (outcome.error === null) return { verdict: 'delivered', next_at: null, gone: false };
  const gone = outcome.status === 410;
  const seconds = schedule[attempt - 1];
  if (seconds === undefined) return { verdict: 'failed', next_at: null, gone };
  const scheduled = jittered(seconds * 1000, JITTER, random);
  const asked = asksToWait(outcome.status) ? retryAfterMs(outcome.retryAfter, now.wall) : 0;
  return { verdict: 'retry', next_at: now.env + Math.max(scheduled, asked), gone };
}

function asksToWait(status: number): boolean {
  return status === 429 || status === 503;
}

/** RFC 9110 section 10.2.3: seconds or an HTTP date. Milliseconds to wait, 0 when absent, past or not understood. */
export function retryAfterMs(value: string | null, wallNow: number): number {
  if (value === null) return 0;
  const text = value.trim();
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, MAX_RETRY_AFTER_MS);
  // Every form of HTTP date starts with a day's name; Date.parse alone would take much else. Only asctime's form
  // does not say GMT, which it is all the same.
  const isDate = /^(Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]*,? /.test(text);
  const at = isDate ? Date.parse(text.endsWith(' GMT') ? text : `${text} GMT`) : NaN;
  if (Number.isNaN(at)) return 0;
  return Math.min(Math.max(at - wallNow, 0), MAX_RETRY_AFTER_MS);
}
