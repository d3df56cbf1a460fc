/**
 * Signing of webhooks: which bytes are signed, and the headers that carry the signature. The HMAC itself is
 * passed in, as Node and browsers have different ones. Bytes are signed, never a decoded string: two bodies that
 * differ only in invalid UTF-8 have different signatures.
 *
 * Standard Webhooks (https://www.standardwebhooks.com): HMAC-SHA256 over `id.timestamp.body`, base64, `v1,` in front.
 * Sendarix: HMAC-SHA256 over the body, lower-case hex; the timestamp travels beside it, unsigned.
 */

import { decodeBase64 } from './base64.ts';

/** How far a timestamp may be from the receiver's clock, either way, in seconds. */
export const TOLERANCE_SECONDS = 300;
export const SECRET_PREFIX = 'whsec_';

/** HMAC-SHA256 over the UTF-8 of `head` followed by `body`, as text. */
export type Hmac<Key> = (key: Key, head: string, body: Uint8Array, encoding: 'base64' | 'hex') => string;

/** The key bytes of a Standard Webhooks secret: `whsec_` and strict base64. Throws `RangeError` when it is neither, or empty. */
export function standardKey(secret: string): Uint8Array<ArrayBuffer> {
  const bytes = secret.startsWith(SECRET_PREFIX) ? decodeBase64(secret.slice(SECRET_PREFIX.length)) : null;
  if (bytes === null)
    throw new RangeError(`A signing secret is ${SECRET_PREFIX} and base64 with its padding.`);
  return refuseEmpty(bytes);
}

/** Sendarix takes the text of the secret as it is, prefix and all. Throws `RangeError` when it is empty. */
export function sendarixKey(secret: string): Uint8Array<ArrayBuffer> {
  return refuseEmpty(new TextEncoder().encode(secret));
}

/** HMAC takes an empty key without complaint, and everybody knows that one. */
function refuseEmpty(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  if (bytes.length === 0) throw new RangeError('A signing secret must not be empty.');
  return bytes;
}

/** What is signed in front of the body. `timestamp` in unix seconds. */
export function standardHead(id: string, timestamp: number): string {
  return `${id}.${timestamp}.`;
}

/** `head` and `body` as the one piece that a Web Crypto HMAC takes. */
export function signedBytes(head: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const prefix = new TextEncoder().encode(head);
  const bytes = new Uint8Array(prefix.length + body.length);
  bytes.set(prefix);
  bytes.set(body, prefix.length);
  return bytes;
}

/** The value of `webhook-signature`: one signature per key, the newest key first. */
export function standardSignature<Key>(
  hmac: Hmac<Key>,
  keys: readonly Key[],
  id: string,
  timestamp: number,
  body: Uint8Array,
): string {
  const head = standardHead(id, timestamp);
  return keys.map((key) => `v1,${hmac(key, head, body, 'base64')}`).join(' ');
}

/** The value of `X-Sendarix-Signature`. There is room for one key only. */
export function sendarixSignature<Key>(hmac: Hmac<Key>, key: Key, body: Uint8Array): string {
  return hmac(key, '', body, 'hex');
}
