/** The endpoints of a soak: who wants what, and how each one answers. */

import type { EndpointCreateBody } from '@postrider/contract/schemas/endpoint';
import type { Random } from './random.ts';

/** `taken`: a 2xx was decided at the moment of arrival, and goes out after `delay_ms`. */
type Reaction = { taken: boolean; status: number; delay_ms: number } | 'hang';

export interface PlannedEndpoint {
  name: string;
  /** Whether everything it wants has to arrive in the end. */
  drains: boolean;
  settings: Omit<EndpointCreateBody, 'url'>;
  /** What it wants, said here a second time and in other words than the product does. */
  wants(eventType: string): boolean;
  react(random: Random): Reaction;
}

const TAKEN: Reaction = { taken: true, status: 200, delay_ms: 0 };
const SLOW_MS = 150;
/** The flaky endpoint is down for this part of each period. */
const OUTAGE_MS = 1_200;
const PERIOD_MS = 6_000;
const RETRY_SECONDS = 0.4;
/** What an application may ask for at most: a delivery outlives any outage of the soak. */
const RETRIES = 30;

export const ENDPOINTS: readonly PlannedEndpoint[] = [
  {
    name: 'everything',
    drains: true,
    settings: { event_types: ['*'] },
    wants: () => true,
    react: () => TAKEN,
  },
  {
    name: 'mail',
    drains: true,
    settings: { event_types: [] },
    wants: isMail,
    react: () => TAKEN,
  },
  {
    name: 'slow',
    drains: true,
    settings: { event_types: ['custom.slow.*', 'bounce', 'complaint'] },
    wants: (type) => type.startsWith('custom.slow.') || type === 'bounce' || type === 'complaint',
    react: () => ({ taken: true, status: 204, delay_ms: SLOW_MS }),
  },
  {
    name: 'flaky',
    drains: true,
    settings: {
      event_types: ['custom.flaky.*', 'delivered'],
      retry_schedule: Array.from({ length: RETRIES }, () => RETRY_SECONDS),
    },
    wants: (type) => type.startsWith('custom.flaky.') || type === 'delivered',
    react: (random) => {
      if (Date.now() % PERIOD_MS < OUTAGE_MS) return { taken: false, status: 503, delay_ms: 0 };
      return random.chance(0.1) ? { taken: false, status: 500, delay_ms: 0 } : TAKEN;
    },
  },
  {
    // The worst kind of dead: it takes the connection and never answers.
    name: 'dead',
    drains: false,
    settings: { event_types: ['*'], timeout_ms: 2_000 },
    wants: () => true,
    react: () => 'hang',
  },
];

const MAIL: ReadonlySet<string> = new Set([
  'accepted',
  'delivered',
  'deferred',
  'soft_bounce',
  'bounce',
  'dropped',
  'complaint',
  'unsubscribe',
  'open',
  'click',
]);

export function isMail(eventType: string): boolean {
  return MAIL.has(eventType);
}
