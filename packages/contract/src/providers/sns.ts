/**
 * The envelope of Amazon SNS over HTTP, which Scaleway's Topics and Events has too.
 * Source: https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message-verify-message-signature.html,
 * https://docs.aws.amazon.com/sns/latest/dg/http-notification-json.html,
 * https://docs.aws.amazon.com/sns/latest/dg/sns-large-payload-raw-message-delivery.html.
 */

import { decodeBase64 } from '../base64.ts';
import { readHeaders } from '../verify.ts';
import { hasPassword, verifyAuthorization } from './authorization.ts';
import { readCertificates, type Certificate } from './certificate.ts';
import { fields, id, isoTime, parseJson, utf8, type Fields } from './json-fields.ts';
import {
  refused,
  VERIFIED,
  type ProviderCredentials,
  type ProviderEnv,
  type ProviderRequest,
  type Reading,
  type Verification,
} from './provider.ts';
import { firstRefusal, publicKey, RSA, secretBytes, signatureMatches, staleness } from './signatures.ts';

/** Where an operator of SNS keeps its certificates and confirms subscriptions, and whom it has sign. */
export interface SnsRules {
  maxAge: number;
  certificateHost: RegExp;
  certificatePath: RegExp;
  subscribeHost: RegExp;
  trusts(certificate: Certificate, credentials: ProviderCredentials, env: ProviderEnv): Promise<boolean>;
}

/** What is signed, in this order; `Subject` only when it is there. */
const SIGNED: Readonly<Record<string, readonly string[]>> = {
  Notification: ['Message', 'MessageId', 'Subject', 'Timestamp', 'TopicArn', 'Type'],
  SubscriptionConfirmation: [
    'Message',
    'MessageId',
    'SubscribeURL',
    'Timestamp',
    'Token',
    'TopicArn',
    'Type',
  ],
  UnsubscribeConfirmation: ['Message', 'MessageId', 'SubscribeURL', 'Timestamp', 'Token', 'TopicArn', 'Type'],
};

/** Version 1 is SHA-1, which SNS still uses unless a topic asks for 2. */
const HASHES = { '1': 'SHA-1', '2': 'SHA-256' } as const;

/** The body as an envelope; null when it is none: raw delivery, or not from SNS at all. */
function envelopeOf(request: ProviderRequest): Fields | null {
  const body = fields(parseJson(utf8(request.rawBody)));
  return typeof body['Type'] === 'string' && Object.hasOwn(SIGNED, body['Type']) && 'TopicArn' in body
    ? body
    : null;
}

/**
 * `secret` is the ARN of the topic, because a signature says only that some topic of some customer of the operator sent
 * this. Raw delivery has no signature: it takes a password in the subscribed URL, which may also stand alone.
 */
export async function verifySns(
  request: ProviderRequest,
  credentials: ProviderCredentials,
  env: ProviderEnv,
  rules: SnsRules,
): Promise<Verification> {
  const basic = hasPassword(credentials) ? verifyAuthorization(request, credentials) : null;
  if (basic?.ok === false) return basic;
  if (secretBytes(credentials.secret) === null) return basic ?? refused('bad_secret');
  const envelope = envelopeOf(request);
  if (envelope === null) return basic ?? refused('malformed_body');
  if (envelope['TopicArn'] !== credentials.secret) return refused('wrong_topic');
  const time = isoTime(envelope['Timestamp']);
  if (time === null) return refused('malformed_body');
  return (
    firstRefusal(staleness(time, env.now, rules.maxAge)) ?? verifyEnvelope(envelope, credentials, env, rules)
  );
}

async function verifyEnvelope(
  envelope: Fields,
  credentials: ProviderCredentials,
  env: ProviderEnv,
  rules: SnsRules,
): Promise<Verification> {
  const message = stringToSign(envelope);
  const version = envelope['SignatureVersion'];
  const signature = typeof envelope['Signature'] === 'string' ? decodeBase64(envelope['Signature']) : null;
  if (message === null || signature === null || (version !== '1' && version !== '2'))
    return refused('malformed_body');
  const url = allowedUrl(envelope['SigningCertURL'], rules.certificateHost);
  if (url === null || !rules.certificatePath.test(url.pathname) || url.search !== '' || url.hash !== '')
    return refused('wrong_host');
  const certificate = await fetchCertificate(url.href, env);
  if (certificate === null || !(await rules.trusts(certificate, credentials, env)))
    return refused('no_certificate');
  const algorithm = RSA(HASHES[version]);
  const key = await publicKey(certificate.publicKey, algorithm);
  if (key === null) return refused('no_certificate');
  const bytes = new TextEncoder().encode(message);
  return (await signatureMatches(key, algorithm, signature, bytes)) ? VERIFIED : refused('no_match');
}

/**
 * Name and value of each signed member, a line each; null when one of them is no text. A line break in any but the
 * message could be the seam of two members that somebody has run together: an id with a subject, for example.
 */
function stringToSign(envelope: Fields): string | null {
  let result = '';
  for (const name of SIGNED[String(envelope['Type'])] ?? []) {
    const value = envelope[name];
    if (value === undefined && name === 'Subject') continue;
    if (typeof value !== 'string' || (name !== 'Message' && value.includes('\n'))) return null;
    result += `${name}\n${value}\n`;
  }
  return result;
}

/**
 * The URL when it is https on a host of the operator, written as a URL parser would write it: anything else (a port,
 * a user, a backslash, a dot at the end) could be another host to the next parser.
 */
function allowedUrl(value: unknown, host: RegExp): URL | null {
  if (
    typeof value !== 'string' ||
    value.length > 2_000 ||
    !value.startsWith('https://') ||
    !URL.canParse(value)
  )
    return null;
  const url = new URL(value);
  const plain = url.href === value && url.port === '' && url.username === '' && url.password === '';
  return plain && host.test(url.hostname) ? url : null;
}

/** Null when it cannot be had: no fetcher, no answer, no certificate. */
export async function fetchPem(url: string, { fetchText }: ProviderEnv): Promise<Certificate[] | null> {
  if (fetchText === undefined) return null;
  try {
    return readCertificates(await fetchText(url));
  } catch {
    return null;
  }
}

async function fetchCertificate(url: string, env: ProviderEnv): Promise<Certificate | null> {
  return (await fetchPem(url, env))?.[0] ?? null;
}

/** What was published: its JSON and SNS's id of it, or what to do instead. */
export function openSns(
  request: ProviderRequest,
  rules: SnsRules,
): Reading | { message: unknown; text: string | null; messageId: string | null } {
  const envelope = envelopeOf(request);
  if (envelope === null) {
    const text = utf8(request.rawBody);
    const header = readHeaders(request.headers, ['x-amz-sns-message-id']);
    return { message: parseJson(text), text, messageId: typeof header === 'string' ? null : id(header[0]) };
  }
  if (envelope['Type'] === 'SubscriptionConfirmation') {
    const url = allowedUrl(envelope['SubscribeURL'], rules.subscribeHost);
    return url === null ? { kind: 'unusable', reason: 'wrong_host' } : { kind: 'confirm', url: url.href };
  }
  if (envelope['Type'] === 'UnsubscribeConfirmation') return { kind: 'events', events: [] };
  const text = typeof envelope['Message'] === 'string' ? envelope['Message'] : null;
  return { message: parseJson(text), text, messageId: id(envelope['MessageId']) };
}

/** SNS's id of what was published, the same on each retry. */
export function snsReplayKey(request: ProviderRequest): string | null {
  const envelope = envelopeOf(request);
  if (envelope !== null) return id(envelope['MessageId']);
  const header = readHeaders(request.headers, ['x-amz-sns-message-id']);
  return typeof header === 'string' ? null : id(header[0]);
}
