/** What a dialect decides: the text an endpoint receives, and how it is signed. */

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
  /**
   * The body's text, from the envelope's JSON text as the store keeps it (without `seq`). It is cut and joined,
   * never parsed: this runs once per attempt. `test` marks samples.
   */
  body(envelope: string, seq: number, test?: boolean): string;
  /** The key bytes of an endpoint's secret. Throws `RangeError` for one that cannot sign. */
  key(secret: string): Uint8Array<ArrayBuffer>;
  /** Names and values in turn, signature included. `content-type` is `application/json` in every dialect. */
  headers<Key>(hmac: Hmac<Key>, keys: SigningKeys<Key>, stamp: Stamp, body: Uint8Array): string[];
}
