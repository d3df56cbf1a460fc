/** A key to sign with, read once and kept: parsing a PEM takes as long as half a signature. */

import { createPrivateKey, type KeyObject } from 'node:crypto';
import { DkimError } from './canonical.ts';

export interface DkimKey {
  /** The signing domain, `d=`. */
  readonly domain: string;
  readonly selector: string;
  readonly algorithm: 'rsa-sha256' | 'ed25519-sha256';
  readonly key: KeyObject;
}

/** RFC 8301 section 3.2: signers should not use less. */
const MIN_RSA_BITS = 2048;
/** Verifiers need to support no more (RFC 8301), and its record would not fit into what DNS carries with ease. */
const MAX_RSA_BITS = 4096;
const LABELS =
  /^(?!.{254})(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/**
 * `domain` and `selector` as they stand in the DNS, in lower case (A-labels for other scripts); `pem` is PKCS #8 or PKCS #1.
 * Throws `DkimError` that names what is wrong, without the key in it.
 */
export function readDkimKey(domain: string, selector: string, pem: string): DkimKey {
  if (!LABELS.test(domain) || !domain.includes('.'))
    throw new DkimError(`domain: "${domain}" is no domain name in lower-case ASCII.`);
  if (!LABELS.test(selector)) throw new DkimError(`selector: "${selector}" is no DNS label.`);
  const key = privateKey(pem);
  return { domain, selector, algorithm: algorithmOf(key), key };
}

function privateKey(pem: string): KeyObject {
  try {
    return createPrivateKey(pem);
  } catch {
    // The cause could quote the key.
    throw new DkimError('key: not a private key in PEM form.');
  }
}

function algorithmOf(key: KeyObject): DkimKey['algorithm'] {
  if (key.asymmetricKeyType === 'ed25519') return 'ed25519-sha256';
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa')
    throw new DkimError(`key: DKIM knows RSA and Ed25519, not ${key.asymmetricKeyType ?? 'this'}.`);
  if (bits < MIN_RSA_BITS || bits > MAX_RSA_BITS)
    throw new DkimError(`key: an RSA key must have ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits, not ${bits}.`);
  return 'rsa-sha256';
}
