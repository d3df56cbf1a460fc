/**
 * What came of one attempt to hand a recipient to a transport. A transport returns one of these and writes
 * nothing; recording turns it into events. SMTP replies are RFC 5321 section 4.2, enhanced codes RFC 3463.
 */

import type {
  BounceCategory,
  ClickData,
  ComplaintData,
  DropReason,
  OpenData,
  UnsubscribeData,
} from '@postrider/contract/events';

/** What the other side said. Codes are null when it said nothing, for example because no connection was made. */
export interface SmtpReply {
  smtp_code: number | null;
  /** For example `4.2.2`. */
  enhanced_code: string | null;
  smtp_message: string;
}

export interface Delivered {
  kind: 'delivered';
  /** The reply to the end of DATA, as it came. */
  smtp_response: string;
  /** Host name of the server that took the message. */
  server: string;
  /** Facts that come with the delivery, in order; they are recorded in the same commit. */
  follow_ups?: readonly FollowUp[];
}

/** A temporary failure. Recording asks for another attempt, or gives up when the schedule is at its end. */
export interface Deferred extends SmtpReply {
  kind: 'deferred';
  /** Category of the soft bounce that follows when this was the last attempt. */
  bounce_category?: BounceCategory;
  /**
   * The link died after DATA: the server may or may not have taken the message (DESIGN section 5.8).
   * Trying again is the policy, so the recipient may get it twice.
   */
  unknown?: true;
  /** Wait on the environment's clock when the transport knows better than the schedule. */
  retry_after_ms?: number;
}

/** A temporary failure that the transport itself gives up on. */
export interface SoftBounced extends SmtpReply {
  kind: 'soft_bounce';
  bounce_category: BounceCategory;
}

export interface Bounced extends SmtpReply {
  kind: 'bounce';
  bounce_category: BounceCategory;
  /** The rule that decided, for example `sandbox.invalid_email`. */
  rule: string;
  /** The address is at fault, so it is not to be mailed again; false for a blocklisting or a policy. */
  suppress: boolean;
}

/** Not tried, or not done yet: ask again after a while. No event comes of it. */
export interface Later {
  kind: 'later';
  /** Wait on the environment's clock. */
  after_ms: number;
  /** Whether it uses up an attempt of the schedule. */
  counts: boolean;
}

/** We decided not to send after all. */
export interface Dropped {
  kind: 'dropped';
  reason: Exclude<DropReason, 'suppressed'>;
}

export type Outcome = Delivered | Deferred | SoftBounced | Bounced | Later | Dropped;

export type FollowUp =
  | { event_type: 'complaint'; data: ComplaintData }
  | { event_type: 'unsubscribe'; data: UnsubscribeData }
  | { event_type: 'open'; data: OpenData }
  | { event_type: 'click'; data: ClickData };
