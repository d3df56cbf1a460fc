/** Query parameters of the lists. Times are ISO-8601; `after` is inclusive, `before` is not. */

import type { EventType, MessageStatus, SuppressionReason } from '@postrider/contract/events';
import type { DeliveryObject } from '@postrider/contract/schemas/delivery';

export interface PageQuery {
  /** 1 to 100; 50 when absent. */
  limit?: number | undefined;
  /** `next_cursor` of the page before. */
  cursor?: string | undefined;
}

/** What an iterator takes: it finds the pages itself. `limit` is the size of one. */
export type Iterated<Query extends { cursor?: unknown }> = Omit<Query, 'cursor'>;

export interface TimeRange {
  after?: string | undefined;
  before?: string | undefined;
}

export interface EventFilter extends TimeRange {
  /** Types and prefixes such as `custom.*`. */
  event_type?: EventType | `${string}.*` | (EventType | `${string}.*`)[] | undefined;
  message_id?: string | undefined;
  recipient?: string | undefined;
  campaign_id?: string | undefined;
  tag?: string | undefined;
}
export type EventListQuery = EventFilter & PageQuery;

export interface MessageListQuery extends TimeRange, PageQuery {
  recipient?: string | undefined;
  status?: MessageStatus | undefined;
  tag?: string | undefined;
  campaign_id?: string | undefined;
  /** Text in the subject, the sender or a recipient. */
  q?: string | undefined;
}

export interface DeliveryListQuery extends TimeRange, PageQuery {
  status?: DeliveryObject['status'] | undefined;
  endpoint_id?: string | undefined;
  event_id?: string | undefined;
  message_id?: string | undefined;
}

export interface SuppressionListQuery extends PageQuery {
  reason?: SuppressionReason | undefined;
  /** Text in the address. */
  q?: string | undefined;
}

export interface EndpointQuery {
  /** Adds `secret`; the key needs the scope `manage`. */
  show_secret?: boolean | undefined;
}

export interface FeedQuery extends PageQuery {
  /** Events with a greater `seq` than this; from the beginning when absent. Not together with `cursor`. */
  after?: number | undefined;
}
