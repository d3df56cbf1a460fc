/**
 * As much of X.509 (RFC 5280 section 4.1) as verifying a webhook needs, because Web Crypto reads no certificates:
 * the public key, the time of validity, and whether another certificate's key signed it.
 */

import { equalBytes } from '../verify.ts';
import { readDer, readSequence, type DerElement } from './der.ts';
import { decodePem, P256, publicKey, RSA, signatureMatches } from './signatures.ts';

type Bytes = Uint8Array<ArrayBuffer>;

export interface Certificate {
  /** SubjectPublicKeyInfo. */
  publicKey: Bytes;
  /** Milliseconds. */
  notBefore: number;
  notAfter: number;
  issuer: Bytes;
  subject: Bytes;
  signed: Bytes;
  algorithm: Bytes;
  signature: Bytes;
}

const MAX_CHAIN = 10;

/** The certificates of a PEM text in their order; null when one of them cannot be read, or there is none. */
export function readCertificates(pem: string): Certificate[] | null {
  const blocks = pem.split('-----BEGIN CERTIFICATE-----').slice(1, MAX_CHAIN + 2);
  if (blocks.length === 0 || blocks.length > MAX_CHAIN) return null;
  const certificates: Certificate[] = [];
  for (const block of blocks) {
    const der = decodePem(`-----BEGIN CERTIFICATE-----${block}`, 'CERTIFICATE');
    const certificate = der === null ? null : readCertificate(der);
    if (certificate === null) return null;
    certificates.push(certificate);
  }
  return certificates;
}

function readCertificate(der: Bytes): Certificate | null {
  const outer = readDer(der, 0);
  const parts = outer === null || outer.next !== der.length ? null : readSequence(der, outer);
  const [signed, algorithm, signature] = parts ?? [];
  if (signed === undefined || algorithm === undefined || signature?.tag !== 0x03) return null;
  const members = readSequence(der, signed);
  if (members === null) return null;
  // The version has a default, and so is not always there.
  const [, , issuer, validity, subject, key] = members[0]?.tag === 0xa0 ? members.slice(1) : members;
  if (issuer === undefined || validity === undefined || subject === undefined || key === undefined)
    return null;
  const [notBefore, notAfter] = (readSequence(der, validity) ?? []).map((time) => readTime(der, time));
  if (typeof notBefore !== 'number' || typeof notAfter !== 'number') return null;
  const whole = (element: DerElement): Bytes => der.slice(element.from, element.next);
  return {
    publicKey: whole(key),
    notBefore,
    notAfter,
    issuer: whole(issuer),
    subject: whole(subject),
    signed: whole(signed),
    algorithm: whole(algorithm),
    // A bit string begins with the number of unused bits.
    signature: der.slice(signature.start + 1, signature.next),
  };
}

/** UTCTime until 2049, GeneralizedTime after (RFC 5280 section 4.1.2.5). */
function readTime(der: Bytes, { tag, start, next }: DerElement): number | null {
  const text = String.fromCharCode(...der.subarray(start, Math.min(next, start + 20)));
  const match = /^([0-9]{2,4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})Z$/.exec(text);
  if (match === null || match[1]?.length !== (tag === 0x17 ? 2 : 4)) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1).map(Number);
  const century = tag === 0x18 ? 0 : year < 50 ? 2000 : 1900;
  return Date.UTC(century + year, month - 1, day, hour, minute, second);
}

export function isValidAt(certificate: Certificate, now: number): boolean {
  return certificate.notBefore <= now && now <= certificate.notAfter;
}

/** Signature algorithms by the hexadecimal of their object identifier (RFC 8017, RFC 5758). */
const ALGORITHMS = new Map([
  ['2a864886f70d01010b', RSA('SHA-256')],
  ['2a864886f70d01010c', RSA('SHA-384')],
  ['2a864886f70d01010d', RSA('SHA-512')],
  ['2a8648ce3d040302', P256],
]);

/** Whether the key of `issuer` signed `certificate`. */
export async function isIssuedBy(certificate: Certificate, issuer: Certificate): Promise<boolean> {
  if (!equalBytes(certificate.issuer, issuer.subject)) return false;
  const outer = readDer(certificate.algorithm, 0);
  const [identifier] = outer === null ? [] : (readSequence(certificate.algorithm, outer) ?? []);
  if (identifier === undefined) return false;
  const name = Array.from(certificate.algorithm.subarray(identifier.start, identifier.next), (byte) =>
    byte.toString(16).padStart(2, '0'),
  ).join('');
  const algorithm = ALGORITHMS.get(name);
  const key = algorithm === undefined ? null : await publicKey(issuer.publicKey, algorithm);
  if (algorithm === undefined || key === null) return false;
  return signatureMatches(key, algorithm, certificate.signature, certificate.signed);
}
