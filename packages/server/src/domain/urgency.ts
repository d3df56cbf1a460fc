/** What may overtake opens and clicks when a lane is behind; never within a message, never in a strict lane. */

import { OPERATIONAL_EVENT_TYPES } from '@postrider/contract/events';

const URGENT: ReadonlySet<string> = new Set([
  'complaint',
  'bounce',
  'unsubscribe',
  ...OPERATIONAL_EVENT_TYPES,
]);

export function isUrgent(eventType: string): boolean {
  return URGENT.has(eventType);
}
