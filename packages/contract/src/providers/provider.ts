/**
 * What a mail provider's webhooks are to us: how to verify a request, how to read it, and how its event types map to
 * ours. Used by the server's `/v1/sources` and by the SDK's receiver; portable, so cryptography is Web Crypto and
 * anything from the network is passed in.
 */

import type { BounceCategory, CustomEventType, MailEventType } from '../events.ts';
import type { HeadersLike, VerifyFailure } from '../verify.ts';

export const PROVIDER_NAMES = [
  'amazon_ses',
  'sendgrid',
  'mailgun',
  'postmark',
  'resend',
  'sparkpost',
  'brevo',
  'mailjet',
  'mandrill',
  'mailersend',
  'mailtrap',
  'scaleway',
  'postal',
  'unisender_go',
] as const;

export type ProviderName = (typeof PROVIDER_NAMES)[number];

export interface ProviderRequest {
  method: string;
  /** As the sender called it, with the query. Signed by Mandrill, unless `options.url` says what it was told. */
  url: string;
  /** From Node take `rawHeaders` as pairs: `headers` has already dropped or joined what came twice. */
  headers: HeadersLike;
  /** The bytes as they came, before any parser; its size is bounded by the caller. */
  rawBody: Uint8Array;
}

export interface ProviderCredentials {
  /** What the provider signs with: an HMAC key, a public key, a token; for SNS the ARN of the topic. */
  secret?: string | undefined;
  username?: string | undefined;
  password?: string | undefined;
  options?: Readonly<Record<string, string>> | undefined;
}

export interface ProviderEnv {
  /** Milliseconds since the epoch. */
  now: number;
  /**
   * Fetches a certificate of SNS; the URL has passed the host rules. Bound its size and time, follow no redirect, and
   * cache by URL: it is asked for each request. Without it nothing that needs a certificate verifies.
   */
  fetchText?: ((url: string) => Promise<string>) | undefined;
}

/**
 * Answer 401, with `WWW-Authenticate: Basic` where a password is set up: SNS sends it only when asked
 * (https://docs.aws.amazon.com/sns/latest/dg/sns-http-https-endpoint-as-subscriber.html). `no_certificate` may pass: answer
 * 503, because SNS retries on 5xx alone. `bad_secret` and `wrong_topic` are about the receiver's own settings.
 */
export type Refusal =
  | VerifyFailure
  | 'wrong_method'
  | 'malformed_body'
  | 'wrong_host'
  | 'wrong_topic'
  | 'no_certificate';

export type Verification = { ok: true } | { ok: false; reason: Refusal };

/** One event of a provider in our words. */
export interface NormalizedEvent {
  event_type: MailEventType | CustomEventType;
  /** Milliseconds since the epoch; null when the event has no readable time: take the time of receipt. */
  at: number | null;
  /** Null when there is none, or when the event does not say which of several it is about. */
  recipient: string | null;
  provider_message_id: string | null;
  /** The same on every retry; null when the provider has none: take a digest of this event. */
  provider_event_id: string | null;
  /** The `Message-ID` of the mail, in angle brackets. */
  message_id_header?: string;
  tags: string[];
  metadata: Record<string, string>;
  data: NormalizedData;
}

/** Absent members are unknown. */
export interface NormalizedData {
  provider: ProviderName;
  provider_event: string;
  provider_message_id: string | null;
  provider_event_id: string | null;
  reason?: string;
  smtp_code?: number;
  enhanced_code?: string;
  smtp_message?: string;
  bounce_type?: 'hard' | 'soft';
  bounce_category?: BounceCategory;
  url?: string;
  user_agent?: string;
  ip?: string;
  machine?: boolean;
  /** What came, bounded; only in `custom.*` events. */
  payload?: unknown;
}

export type Reading =
  | { kind: 'events'; events: NormalizedEvent[] }
  /** The sender wants this URL fetched once, with GET, before it sends events. The URL has passed the host rules. */
  | { kind: 'confirm'; url: string }
  /** Genuine but of no use: asking for a retry would not help. */
  | { kind: 'unusable'; reason: 'malformed_body' | 'too_many_events' | 'wrong_host' };

/** One documented event type. */
export interface Mapping {
  /** Their name; after a `/` what refines it, for example `Bounce/Permanent`. The longest match decides. */
  theirs: string;
  /** `custom` is `custom.<provider>.<their name>`, with the payload. */
  ours: MailEventType | 'custom';
  category?: BounceCategory;
  machine?: boolean;
  note?: string;
}

/** What an attacker without the secret cannot change. */
export type Coverage =
  /** Every byte of the body. */
  | 'body'
  /** Everything that becomes an event, but not the bytes that carry it. */
  | 'content'
  /** A token beside the body, valid for one use. */
  | 'token'
  /** Nothing: whoever knows the password or token is believed. */
  | 'nothing';

export interface Provider {
  name: ProviderName;
  title: string;
  /** The public page that the mapping is taken from. */
  documentation: string;
  /** How requests are authenticated, and what `secret`, `username`, `password` and `options` hold. */
  authentication: string;
  coverage: Coverage;
  /** Seconds for which a signed request verifies; remember replay keys at least that long. Null: no signed time. */
  maxAge: number | null;
  mappings: readonly Mapping[];
  verify(request: ProviderRequest, credentials: ProviderCredentials, env: ProviderEnv): Promise<Verification>;
  /** Reads a request that has verified. Never throws, whatever the body. */
  read(request: ProviderRequest): Reading;
  /** The request's own id: seen before, it is a retry or a replay, to be answered with 200 and taken no further. */
  replayKey?(request: ProviderRequest): string | null;
  /** A check of the URL that proves nothing and brings no event: answer 200 without verifying. */
  isProbe?(request: ProviderRequest): boolean;
}

export const VERIFIED: Verification = { ok: true };

export function refused(reason: Refusal): Verification {
  return { ok: false, reason };
}
