/** One mail submitted, with its recipients. */

import type { AcceptedData, DropReason, MessageStatus, StateSnapshot } from '@postrider/contract/events';

export type RecipientRole = 'to' | 'cc' | 'bcc';

export interface Message {
  message_id: string;
  env: number;
  via: AcceptedData['via'];
  from: string;
  subject: string;
  stream: string;
  tags: string[];
  metadata: Record<string, string>;
  campaign_id: string | null;
  /** Octets of the MIME message. */
  size: number;
  created_at: number;
  send_at: number | null;
  expires_at: number | null;
  cancelled_at: number | null;
}

export interface Recipient {
  address: string;
  role: RecipientRole;
  state: StateSnapshot | null;
}

/** A message ready for the store. Text fields are stored as they are. */
export interface NewMessage {
  message_id: string;
  env: number;
  via: AcceptedData['via'];
  from: string;
  subject: string;
  stream: string;
  /** JSON text made by `labelsJson`: goes into every envelope of this message. */
  labels: string;
  tags: string[];
  metadata: Record<string, string>;
  campaign_id: string | null;
  size: number;
  /** Milliseconds on the environment's clock. */
  created_at: number;
  send_at: number | null;
  expires_at: number | null;
  /** JSON text of `{opens, clicks, unsubscribe}` as asked for. */
  options: string;
  /** The MIME message, compressed with zstd. */
  raw: Uint8Array;
  recipients: NewRecipient[];
}

export interface NewRecipient {
  /** RFC 5321 addr-spec, domain in lower case A-labels unless the local part is internationalized. */
  address: string;
  role: RecipientRole;
  /** Id of the `accepted` or `dropped` event, whichever the store decides. */
  event_id: string;
  /** Set when we already know that we will not send, for example `expired`. */
  drop: DropReason | null;
}

/** What the store decided about each recipient. */
export interface AcceptedRecipient {
  address: string;
  status: Extract<MessageStatus, 'accepted' | 'dropped'>;
  reason?: DropReason;
}

/** A recipient waiting for a transport. */
export interface OutgoingRecipient {
  /** The store's number of this piece of work. */
  outgoing: number;
  env: number;
  message_id: string;
  recipient: string;
  from: string;
  stream: string;
  size: number;
  /** When the message was accepted, environment's clock. */
  accepted_at: number;
  expires_at: number | null;
  /** Attempts made so far. */
  attempts: number;
  /** When it became due, environment's clock. */
  next_at: number;
}
