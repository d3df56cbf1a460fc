/** What the HTTP door reads. Every answer is a public object; `query/` makes them. */

import type { Environment } from '../domain/tenancy.ts';
import type { PageInput, PageOutput } from './page.ts';

interface MessageQuery {
  recipient: string | null;
  status: string | null;
  tag: string | null;
  campaign_id: string | null;
  after: number | null;
  before: number | null;
  q: string | null;
}

export interface EventQuery {
  event_type: string[] | null;
  message_id: string | null;
  recipient: string | null;
  campaign_id: string | null;
  tag: string | null;
  after: number | null;
  before: number | null;
}

interface DeliveryQuery {
  status: string | null;
  endpoint_id: string | null;
  event_id: string | null;
  message_id: string | null;
  after: number | null;
  before: number | null;
}

/** One event as the live stream sends it. */
export interface LiveEvent {
  event_id: string;
  /** The envelope's JSON text, on one line. */
  envelope: string;
}

/** A reader's place in one environment's log. It never runs ahead of what it has handed out. */
export interface LiveReader {
  /** The next events that match, oldest first; waits for some. Empty when `close` was called. */
  next(): Promise<LiveEvent[]>;
  /** The newest event looked at so far, matching or not; null before the first. */
  lastSeen(): string | null;
  close(): void;
}

export interface QueryService {
  message(environment: Environment, message_id: string): Promise<object>;
  messages(environment: Environment, filter: MessageQuery, page: PageInput): Promise<PageOutput<object>>;
  /** The MIME message; `gone` when past retention. */
  raw(environment: Environment, message_id: string): Promise<Uint8Array>;
  content(environment: Environment, message_id: string): Promise<object>;
  event(environment: Environment, event_id: string): Promise<object>;
  events(environment: Environment, filter: EventQuery, page: PageInput): Promise<PageOutput<object>>;
  delivery(environment: Environment, delivery_id: string): Promise<object>;
  deliveries(environment: Environment, filter: DeliveryQuery, page: PageInput): Promise<PageOutput<object>>;
  /** Captured mail of a sandbox, newest first. */
  captured(environment: Environment, page: PageInput): Promise<PageOutput<object>>;
  /** Opens the live stream at the end of the log, or right after `afterEventId`. */
  live(environment: Environment, filter: EventQuery, afterEventId: string | null): Promise<LiveReader>;
}
