/**
 * Verification of webhooks on the raw bytes of the body. Strict where a lenient reading helps only an attacker:
 * a header that is there twice, a signature that is no base64 of 32 bytes, a timestamp that is no plain number.
 */

import { decodeBase64 } from './base64.ts';
import { sendarixKey, signedBytes, standardHead, standardKey, TOLERANCE_SECONDS } from './sign.ts';

/** HMAC-SHA256 as bytes; Web Crypto when none is given. */
export type HmacBytes = (
  key: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
) => Uint8Array | Promise<Uint8Array>;

/** A `Headers` object, Node's `request.headers`, or pairs of name and value. */
export type HeadersLike =
  | Iterable<readonly [string, string]>
  | Readonly<Record<string, string | readonly string[] | undefined>>;

export interface VerifyInput {
  /** The bytes as they came, before any parser. */
  body: Uint8Array;
  headers: HeadersLike;
  /** One secret, or several during a rotation. */
  secrets: readonly string[];
  /** Milliseconds since the epoch; the clock when absent. */
  now?: number;
  /** Seconds either way; 300 when absent. */
  tolerance?: number;
  hmac?: HmacBytes;
}

/** bad_secret: none given, empty, or not of the scheme's form: the receiver's own settings are wrong. */
export type VerifyFailure =
  | 'bad_secret'
  | 'missing_header'
  | 'duplicate_header'
  | 'malformed_header'
  | 'too_old'
  | 'too_new'
  | 'no_match';

export type Verified =
  /** `id` is the `webhook-id`; null in schemes that have none. `timestamp` in unix seconds. */
  { ok: true; id: string | null; timestamp: number } | { ok: false; reason: VerifyFailure };

const MAC_BYTES = 32;
/** More signatures than a rotation ever needs; bounds what a hostile header costs. */
const MAX_SIGNATURES = 16;
/** Printable ASCII without comma, so that two ids joined by a proxy are no id. */
const ID = /^[!-+\--~]{1,256}$/;
const TIMESTAMP = /^(?:0|[1-9][0-9]{0,11})$/;
const HEX = /^[0-9a-f]{64}$/;

/** Standard Webhooks, as the `postrider` dialect signs. */
export async function verifyStandard(input: VerifyInput): Promise<Verified> {
  const keys = keysOf(input.secrets, standardKey);
  if (keys === null) return failed('bad_secret');
  const headers = readHeaders(input.headers, ['webhook-id', 'webhook-timestamp', 'webhook-signature']);
  if (typeof headers === 'string') return failed(headers);
  const [id, stamp, signature] = headers as [string, string, string];
  const signatures = readSignatures(signature);
  if (!ID.test(id) || !TIMESTAMP.test(stamp) || signatures === null) return failed('malformed_header');
  const timestamp = Number(stamp);
  const late = staleness(timestamp, input);
  if (late !== null) return failed(late);
  const message = signedBytes(standardHead(id, timestamp), input.body);
  return (await anyMatch(input.hmac ?? webCryptoHmac, keys, message, signatures))
    ? { ok: true, id, timestamp }
    : failed('no_match');
}

/** The `sendarix` dialect. Its timestamp is not signed: it bounds honest delays, not an attacker. */
export async function verifySendarix(input: VerifyInput): Promise<Verified> {
  const keys = keysOf(input.secrets, sendarixKey);
  if (keys === null) return failed('bad_secret');
  const headers = readHeaders(input.headers, ['x-sendarix-timestamp', 'x-sendarix-signature']);
  if (typeof headers === 'string') return failed(headers);
  const [stamp, signature] = headers as [string, string];
  if (!TIMESTAMP.test(stamp) || !HEX.test(signature)) return failed('malformed_header');
  const timestamp = Number(stamp);
  const late = staleness(timestamp, input);
  if (late !== null) return failed(late);
  const message = signedBytes('', input.body);
  return (await anyMatch(input.hmac ?? webCryptoHmac, keys, message, [fromHex(signature)]))
    ? { ok: true, id: null, timestamp }
    : failed('no_match');
}

export const webCryptoHmac: HmacBytes = async (key, message) => {
  const algorithm = { name: 'HMAC', hash: 'SHA-256' };
  const imported = await crypto.subtle.importKey('raw', key, algorithm, false, ['sign']);
  return new Uint8Array(await crypto.subtle.sign('HMAC', imported, message));
};

/** Whether two byte strings are the same, in a time that depends on their lengths only. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] as number) ^ (b[i] as number);
  return difference === 0;
}

function failed(reason: VerifyFailure): Verified {
  return { ok: false, reason };
}

/** Null when there is no secret, or one that cannot be used: half a rotation must not pass unseen. */
function keysOf(
  secrets: readonly string[],
  keyOf: (secret: string) => Uint8Array<ArrayBuffer>,
): Uint8Array<ArrayBuffer>[] | null {
  if (secrets.length === 0) return null;
  try {
    return secrets.map(keyOf);
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** The values of `names`, in that order, or why they cannot be had. Names are compared without case. */
export function readHeaders(headers: HeadersLike, names: readonly string[]): string[] | VerifyFailure {
  const values = new Map<string, string>();
  for (const [name, value] of pairsOf(headers)) {
    const lower = name.toLowerCase();
    if (!names.includes(lower)) continue;
    if (values.has(lower)) return 'duplicate_header';
    values.set(lower, value);
  }
  const found = names.map((name) => values.get(name));
  return found.some((value) => value === undefined || value === '') ? 'missing_header' : (found as string[]);
}

function* pairsOf(headers: HeadersLike): Generator<readonly [string, string]> {
  if (Symbol.iterator in headers) {
    yield* headers as Iterable<readonly [string, string]>;
    return;
  }
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined) continue;
    for (const one of typeof value === 'string' ? [value] : value) yield [name, one];
  }
}

/** The `v1` signatures; others are of later versions and skipped. Null when the header is malformed. */
function readSignatures(header: string): Uint8Array[] | null {
  const parts = header.split(' ', MAX_SIGNATURES + 1);
  if (parts.length > MAX_SIGNATURES) return null;
  const signatures: Uint8Array[] = [];
  for (const part of parts) {
    const comma = part.indexOf(',');
    if (comma < 1) return null;
    if (part.slice(0, comma) !== 'v1') continue;
    const bytes = decodeBase64(part.slice(comma + 1));
    if (bytes === null || bytes.length !== MAC_BYTES) return null;
    signatures.push(bytes);
  }
  return signatures;
}

function staleness(timestamp: number, { now, tolerance }: VerifyInput): 'too_old' | 'too_new' | null {
  const age = Math.floor((now ?? Date.now()) / 1000) - timestamp;
  const bound = tolerance ?? TOLERANCE_SECONDS;
  if (age > bound) return 'too_old';
  return age < -bound ? 'too_new' : null;
}

/** Looks at every pair of key and signature, whatever matched before. */
async function anyMatch(
  hmac: HmacBytes,
  keys: readonly Uint8Array<ArrayBuffer>[],
  message: Uint8Array<ArrayBuffer>,
  signatures: readonly Uint8Array[],
): Promise<boolean> {
  let matches = 0;
  for (const key of keys) {
    const expected = await hmac(key, message);
    for (const signature of signatures) matches += equalBytes(expected, signature) ? 1 : 0;
  }
  return matches > 0;
}

export function fromHex(text: string): Uint8Array {
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}
