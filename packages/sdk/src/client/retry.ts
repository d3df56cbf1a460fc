/** When a call is tried again, and how long it waits before. */

import { PostriderApiError, PostriderConnectionError } from './errors.ts';

const FIRST_DELAY_MS = 250;
const LONGEST_DELAY_MS = 8_000;
/** A server that asks for more than this is not waited for: the caller gets the error, with its `retry_after`. */
const LONGEST_RETRY_AFTER_S = 60;

/**
 * Whether a repetition does no harm. `always`: reading, setting, removing, and creating under an Idempotency-Key.
 * `if_refused`: an action whose repetition would be another one; only 429 says that nothing was begun.
 */
export type Repeatable = 'always' | 'if_refused';

/** Overload, and gateways that reached nobody. */
const PASSING = new Set([429, 502, 503, 504]);

export function isRetryable(error: unknown, repeatable: Repeatable): boolean {
  if (error instanceof PostriderApiError) {
    if ((error.retry_after ?? 0) > LONGEST_RETRY_AFTER_S) return false;
    return repeatable === 'always' ? PASSING.has(error.status) : error.status === 429;
  }
  if (repeatable !== 'always' || !(error instanceof PostriderConnectionError)) return false;
  return error.reason === 'unreachable' || error.reason === 'timeout';
}

/**
 * Milliseconds before the next try, after `failures` of them. Doubled each time, with a random part so that many
 * clients do not come back at one moment; never sooner than the server asked for.
 */
export function retryDelay(error: unknown, failures: number, random: () => number = Math.random): number {
  const most = Math.min(LONGEST_DELAY_MS, FIRST_DELAY_MS * 2 ** (failures - 1));
  const jittered = most * (0.5 + random() / 2);
  const asked = error instanceof PostriderApiError ? (error.retry_after ?? 0) * 1000 : 0;
  return asked > 0 ? asked + jittered / 4 : jittered;
}

/** Seconds of a Retry-After header, which is a number or a date (RFC 9110 section 10.2.3); null when it is neither. */
export function retryAfterSeconds(header: string | null, now: number): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header.trim())) return Number(header);
  const date = /[a-z]/i.test(header) ? Date.parse(header) : Number.NaN;
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - now) / 1000));
}

/** Rejects with the signal's reason when that is first. */
export function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as Error);
      return;
    }
    const onAbort = (): void => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, ms);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
