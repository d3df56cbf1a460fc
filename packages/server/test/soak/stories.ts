/** The sandbox's recipients, as its documentation tells them: the events of each, and how it ends. */

import type { MessageStatus } from '@postrider/contract/events';

export interface Story {
  /** After `accepted`. */
  events: readonly string[];
  ends: MessageStatus;
}

export const STORIES: Readonly<Record<string, Story>> = {
  delivered: { events: ['delivered'], ends: 'delivered' },
  bounce: { events: ['bounce'], ends: 'bounce' },
  blocked: { events: ['bounce'], ends: 'bounce' },
  'mailbox-full': { events: ['deferred', 'deferred', 'soft_bounce'], ends: 'soft_bounce' },
  'soft-bounce': { events: ['deferred', 'soft_bounce'], ends: 'soft_bounce' },
  defer: { events: ['deferred', 'deferred', 'delivered'], ends: 'delivered' },
  slow: { events: ['delivered'], ends: 'delivered' },
  unknown: { events: ['deferred', 'delivered'], ends: 'delivered' },
  complaint: { events: ['delivered', 'complaint'], ends: 'complaint' },
  open: { events: ['delivered', 'open'], ends: 'open' },
  click: { events: ['delivered', 'open', 'click'], ends: 'click' },
  unsubscribe: { events: ['delivered', 'unsubscribe'], ends: 'unsubscribe' },
};

/** The story of `bounce+12.1@sandbox.test`. */
export function storyOf(address: string): Story {
  const name = address.slice(0, address.indexOf('+'));
  const story = STORIES[name];
  if (story === undefined) throw new Error(`${address} tells no story`);
  return story;
}
