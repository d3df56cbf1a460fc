/** One event due at one endpoint: its states, its attempts, its id. */

/**
 * pending: waiting for its first or next attempt. held: its lane does not send for now.
 * delivered, failed (dead letter), discarded: settled; only `failed` can be retried, a replay sends any of them again.
 */
export const DELIVERY_STATUSES = ['pending', 'held', 'delivered', 'failed', 'discarded'] as const;
export type DeliveryStatus = (typeof DELIVERY_STATUSES)[number];

/** Every step a delivery may take. `docs/states.md` is checked against this table. */
export const DELIVERY_TRANSITIONS: Readonly<Record<DeliveryStatus, readonly DeliveryStatus[]>> = {
  pending: ['pending', 'held', 'delivered', 'failed', 'discarded'],
  held: ['pending', 'delivered', 'failed', 'discarded'],
  delivered: ['pending'],
  failed: ['pending', 'discarded'],
  discarded: ['pending'],
};

/** Why an attempt did not get a 2xx head. `http` = the status tells. */
export type AttemptError =
  | 'http'
  | 'redirect'
  | 'timeout_connect'
  | 'timeout_tls'
  | 'timeout_head'
  | 'dns'
  | 'refused'
  | 'reset'
  | 'tls'
  | 'blocked_address'
  /** The way out through `publish.egress_proxy` did not open. */
  | 'proxy'
  | 'protocol'
  | 'network'
  /** Not an attempt: held for longer than `publish.max_hold_hours`. */
  | 'held_too_long';

/** One HTTP request of a delivery, as it is stored. */
export interface Attempt {
  /** 1 for the first. */
  attempt: number;
  /** Environment's clock, ms. */
  at: number;
  /** HTTP status; 0 when no head came. */
  status: number;
  latency_ms: number;
  error: AttemptError | null;
  /** The system's own words about `error`, bounded. */
  error_detail: string | null;
  /** First bytes of the response body, or null. */
  response_excerpt: string | null;
}

/** A delivery in a lane's window, ready to be sent. */
export interface DueDelivery {
  seq: number;
  /** Position of the event in its environment's log. */
  log: number;
  attempts: number;
  /** Attempts made before the present run of the retry schedule: a retried dead letter starts it anew. */
  base: number;
  /** Env time of this attempt; 0 for the first. */
  due_at: number;
  /** The replay that put it here (`rpl_…`); null for one that is due by itself. */
  replay_id: string | null;
  event: DueEvent;
}

/** What publishing needs of an event; one object is shared by all lanes of a fan-out. */
export interface DueEvent {
  event_id: string;
  event_type: string;
  message_id: string | null;
  /** The envelope's JSON text without `seq`. */
  envelope: string;
}
