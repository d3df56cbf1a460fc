/** What of an endpoint matters to a lane that is under way. */

import type { Endpoint } from '../domain/endpoint.ts';

const REACH = [
  'url',
  'dialect',
  'secret_sealed',
  'previous_secret_sealed',
  'previous_secret_until',
  'timeout_ms',
] as const;

/** Whether requests go elsewhere, or look otherwise. */
export function differsInReach(a: Endpoint, b: Endpoint): boolean {
  return REACH.some((name) => a[name] !== b[name]) || JSON.stringify(a.headers) !== JSON.stringify(b.headers);
}

export function differsInPace(a: Endpoint, b: Endpoint): boolean {
  return a.rate_limit !== b.rate_limit || JSON.stringify(a.batch) !== JSON.stringify(b.batch);
}
