/**
 * Log positions. In the file one integer holds environment and position, so that one b-tree is every
 * environment's log in order; outside the adapter only the position within the environment is seen.
 */

const SPAN = 2 ** 36;
/** 2^17 environments of 2^36 events each fit the integers that JavaScript holds exactly. */
export const MAX_ENVIRONMENTS = 2 ** 17;

export function logKey(env: number, position: number): number {
  return env * SPAN + position;
}

export function logPosition(key: number): number {
  return key % SPAN;
}

export function logEnv(key: number): number {
  return Math.floor(key / SPAN);
}

/** First key beyond the environment's log. */
export function logLimit(env: number): number {
  return (env + 1) * SPAN;
}
