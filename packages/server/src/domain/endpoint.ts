/** Where events are pushed: the policy of one endpoint, and which events it asked for. */

import type { DialectName } from '@postrider/contract/dialects/names';
import { INBOX_EVENT_TYPES, MAIL_EVENT_TYPES, OPERATIONAL_EVENT_TYPES } from '@postrider/contract/events';

export type Ordering = 'none' | 'message' | 'strict';
export type EndpointStatus = 'enabled' | 'disabled';
/** open: its last deliveries all failed; it is probed, and what is due is held. */
export type BreakerState = 'closed' | 'open';

/** Everything the API lets a customer set. */
export interface EndpointSettings {
  url: string;
  description: string;
  /** Empty = all mail events. `custom.*` and the like are prefixes; `*` is everything. */
  event_types: string[];
  /** Mongo-style query over the envelope; null = no filter. */
  filter: Record<string, unknown> | null;
  dialect: DialectName;
  headers: Record<string, string>;
  /** Seconds to wait after each failed attempt: n delays, n + 1 attempts. */
  retry_schedule: number[];
  timeout_ms: number;
  max_in_flight: number;
  /** Attempts per second; null = unlimited. */
  rate_limit: number | null;
  ordering: Ordering;
  batch: { max_events: number; max_wait_ms: number } | null;
}

export interface Endpoint extends EndpointSettings {
  /** The store's number of the lane; grows with each endpoint and is never used again. */
  lane: number;
  endpoint_id: string;
  env: number;
  status: EndpointStatus;
  disabled_reason: string | null;
  breaker: BreakerState;
  /** Env time of the first failure after the last success; null while the breaker is closed. */
  failing_since: number | null;
  /** Signing secret (`whsec_…`) sealed under the master key. */
  secret_sealed: string;
  /** The secret before the last rotation, while its overlap lasts. */
  previous_secret_sealed: string | null;
  /** Wall clock ms at which the previous secret stops signing. */
  previous_secret_until: number | null;
  created_at: number;
  updated_at: number;
}

/** What `docs/states.md` says of an endpoint: failing is enabled with an open breaker. */
export const ENDPOINT_STATES = ['enabled', 'failing', 'disabled'] as const;
export type EndpointState = (typeof ENDPOINT_STATES)[number];

export const ENDPOINT_TRANSITIONS: Readonly<Record<EndpointState, readonly EndpointState[]>> = {
  enabled: ['failing', 'disabled'],
  failing: ['enabled', 'disabled'],
  disabled: ['enabled'],
};

export function endpointState({ status, breaker }: Pick<Endpoint, 'status' | 'breaker'>): EndpointState {
  if (status === 'disabled') return 'disabled';
  return breaker === 'open' ? 'failing' : 'enabled';
}

/** DESIGN section 5.5: attempts at 0 s, then 30 s, 5 min, 30 min, 2 h, 5 h after the one before. */
export const DEFAULT_RETRY_SCHEDULE: readonly number[] = [30, 300, 1800, 7200, 18000];

const MAIL: ReadonlySet<string> = new Set(MAIL_EVENT_TYPES);

/** Whether an endpoint that asked for `patterns` wants events of `type`. */
export function wantsEventType(patterns: readonly string[], type: string): boolean {
  if (patterns.length === 0) return MAIL.has(type);
  for (const pattern of patterns) {
    if (pattern === type || pattern === '*') return true;
    if (pattern.endsWith('.*') && type.startsWith(pattern.slice(0, -1))) return true;
  }
  return false;
}

const KNOWN: readonly string[] = [...MAIL_EVENT_TYPES, ...INBOX_EVENT_TYPES, ...OPERATIONAL_EVENT_TYPES];
const CUSTOM = /^custom\.[a-z0-9_-]+(?:\.[a-z0-9_-]+)*(?:\.\*)?$/;

/** Whether some event can ever match this pattern: a type there is, an application's own, or a prefix of either. */
export function canMatchEventType(pattern: string): boolean {
  if (pattern === '*' || pattern === 'custom.*' || KNOWN.includes(pattern) || CUSTOM.test(pattern))
    return true;
  return pattern.endsWith('.*') && KNOWN.some((type) => type.startsWith(pattern.slice(0, -1)));
}
