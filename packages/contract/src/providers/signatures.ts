/** Checks that several providers share: ages, HMAC in hex over the body, public-key signatures with Web Crypto. */

import { decodeBase64 } from '../base64.ts';
import { signedBytes } from '../sign.ts';
import { equalBytes, fromHex, readHeaders, webCryptoHmac } from '../verify.ts';
import { readDer, readSequence } from './der.ts';
import { refused, VERIFIED, type ProviderRequest, type Refusal, type Verification } from './provider.ts';

type Bytes = Uint8Array<ArrayBuffer>;
export type Hash = 'SHA-1' | 'SHA-256' | 'SHA-384' | 'SHA-512';

/** How far a sender's clock may be ahead, in seconds. */
const SKEW = 300;
const MAX_KEY_TEXT = 16_384;

/** Null when a time (milliseconds) is within `maxAge` seconds of `now`. */
export function staleness(time: number, now: number, maxAge: number): 'too_old' | 'too_new' | null {
  if (now - time > (maxAge + SKEW) * 1000) return 'too_old';
  return time - now > SKEW * 1000 ? 'too_new' : null;
}

/** The bytes of a secret that is used as it is; null when it is absent or empty. */
export function secretBytes(secret: string | undefined): Bytes | null {
  return secret === undefined || secret === '' ? null : new TextEncoder().encode(secret);
}

/** HMAC-SHA256 of `message` is the hexadecimal `signature`. */
export async function hexMacMatches(key: Bytes, message: Bytes, signature: string): Promise<boolean> {
  if (!/^[0-9a-f]{64}$/i.test(signature)) return false;
  return equalBytes(await webCryptoHmac(key, message), fromHex(signature.toLowerCase()));
}

/** The header named is the hexadecimal HMAC-SHA256 of the body. */
export async function verifyHexHeader(
  request: ProviderRequest,
  secret: string | undefined,
  header: string,
): Promise<Verification> {
  const key = secretBytes(secret);
  if (key === null) return refused('bad_secret');
  const found = readHeaders(request.headers, [header]);
  if (typeof found === 'string') return refused(found);
  const matches = await hexMacMatches(key, signedBytes('', request.rawBody), found[0] as string);
  return matches ? VERIFIED : refused('no_match');
}

/** The DER of a PEM block, or of bare base64; null when it is neither, empty or very long. */
export function decodePem(pem: string, label: string): Bytes | null {
  if (pem.length > 4 * MAX_KEY_TEXT) return null;
  const block = new RegExp(`-----BEGIN ${label}-----([A-Za-z0-9+/=\\s]+)-----END ${label}-----`).exec(pem);
  const bytes = decodeBase64((block?.[1] ?? pem).replace(/\s+/g, ''));
  return bytes === null || bytes.length === 0 ? null : bytes;
}

type Algorithm =
  | { name: 'RSASSA-PKCS1-v1_5'; hash: Hash }
  | { name: 'ECDSA'; namedCurve: 'P-256'; hash: Hash };

export const RSA = (hash: Hash): Algorithm => ({ name: 'RSASSA-PKCS1-v1_5', hash });
export const P256: Algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };

/** A public key from its SubjectPublicKeyInfo or JWK; null when it is none of the algorithm. */
export async function publicKey(
  key: Bytes | { n: string; e: string },
  algorithm: Algorithm,
): Promise<CryptoKey | null> {
  try {
    if (key instanceof Uint8Array)
      return await crypto.subtle.importKey('spki', key, algorithm, false, ['verify']);
    return await crypto.subtle.importKey('jwk', { kty: 'RSA', ...key }, algorithm, false, ['verify']);
  } catch {
    return null;
  }
}

/** False for whatever is no signature, too. `signature` of ECDSA in DER, as OpenSSL and X.509 have it. */
export async function signatureMatches(
  key: CryptoKey,
  algorithm: Algorithm,
  signature: Bytes,
  message: Bytes,
): Promise<boolean> {
  const raw = algorithm.name === 'ECDSA' ? rawSignature(signature) : signature;
  return raw !== null && (await crypto.subtle.verify(algorithm, key, raw, message));
}

/** DER `SEQUENCE { r INTEGER, s INTEGER }` (RFC 3279 section 2.2.3) -> r and s of 32 bytes each, as Web Crypto wants. */
export function rawSignature(der: Bytes): Bytes | null {
  const outer = readDer(der, 0);
  if (outer === null || outer.next !== der.length) return null;
  const numbers = readSequence(der, outer);
  if (numbers?.length !== 2) return null;
  const raw = new Uint8Array(64);
  for (const [index, number] of numbers.entries()) {
    if (number.tag !== 0x02) return null;
    let start = number.start;
    while (start < number.next && der[start] === 0) start += 1;
    const length = number.next - start;
    if (length > 32) return null;
    raw.set(der.subarray(start, number.next), 32 * (index + 1) - length);
  }
  return raw;
}

/** Whether what a request says of itself is refused already; the first reason wins. */
export function firstRefusal(...reasons: (Refusal | null)[]): Verification | null {
  const reason = reasons.find((candidate) => candidate !== null);
  return reason === undefined ? null : refused(reason);
}
