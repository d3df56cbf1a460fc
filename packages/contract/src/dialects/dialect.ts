/** What a dialect decides: which events it can tell, the text an endpoint receives, and how it is signed. */

import type { Hmac } from '../sign.ts';

/** The keys an endpoint signs with. `previous` is there while the overlap of a rotation lasts. */
export interface SigningKeys<Key> {
  current: Key;
  previous: Key | null;
}

/** What a single request adds to the event. */
export interface Stamp {
  /** The event's id, or that of a batch. */
  id: string;
  /** Unix seconds of wall time; each attempt has its own. */
  timestamp: number;
  /** 1 for the first. */
  attempt: number;
  /** Set when the request belongs to a replay. */
  replayId?: string | null;
}

export interface Dialect {
  /** The event types it has names for; null: all. An endpoint that names no types gets only these. */
  readonly types: ReadonlySet<string> | null;
  /**
   * Whether it can tell other types too, under our names, to endpoints that ask for them. False: its list is closed,
   * and events of other types are not due at its endpoints.
   */
  readonly open: boolean;
  /** Of a request with one event. */
  readonly contentType: string;
  /** Of a request with a JSON array of bodies; null: the product knows no batches. */
  readonly batchContentType: string | null;
  /**
   * The body's text, from the envelope's JSON text as the store keeps it (without `seq`). This runs once per attempt,
   * so the text is cut and joined rather than parsed where the shape allows it. `test` marks samples. Total: an event
   * of a type without a name, queued before its endpoint changed dialect, goes out under our name.
   */
  body(envelope: string, seq: number, test?: boolean): string;
  /** The key bytes of an endpoint's secret. Throws `RangeError` for one that cannot sign. */
  key(secret: string): Uint8Array<ArrayBuffer>;
  /** Names and values in turn, signature included, without the content type. */
  headers<Key>(hmac: Hmac<Key>, keys: SigningKeys<Key>, stamp: Stamp, body: Uint8Array): string[];
}

/** Whether a dialect can tell events of this type to an endpoint that asked for them (`asked`) or for nothing special. */
export function canTell(dialect: Dialect, eventType: string, asked: boolean): boolean {
  return dialect.types === null || dialect.types.has(eventType) || (asked && dialect.open);
}
