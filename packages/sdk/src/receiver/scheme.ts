/** What a sender decides: how its requests verify, and how a verified body becomes events. */

import type { HeadersLike } from '@postrider/contract/verify';
import type { ReceivedEvent } from './event.ts';

export interface WebhookRequest {
  method: string;
  url: string;
  /** From Node take `rawHeaders` as pairs: `headers` has already dropped or joined what came twice. */
  headers: HeadersLike;
  /** The bytes as they came, before any parser. */
  rawBody: Uint8Array;
  /** The sender's address as the adapter knows it; needed with `allowIps`. */
  ip?: string | undefined;
}

export type SchemeVerification =
  /** `id` is the request's own id where it is signed. */
  | { ok: true; id: string | null }
  /** `settings`: the receiver's own settings are wrong; `later`: it may pass on another attempt. */
  | { ok: false; reason: string; fault?: 'settings' | 'later' };

export interface UnusablePart {
  reason: string;
  /** The part as text; null: the whole body. */
  text: string | null;
}

export interface SchemeReading {
  events: ReceivedEvent[];
  unusable: UnusablePart[];
  /** Id of a request that may be used once. */
  guard?: string;
  /** A URL that the sender wants fetched once, with GET; it has passed the host rules. */
  confirm?: string;
}

export interface Scheme {
  /** Requests that prove nothing and bring nothing, to be answered with 200. */
  isProbe?(request: WebhookRequest): boolean;
  verify(request: WebhookRequest, env: { now: number; tolerance: number }): Promise<SchemeVerification>;
  /** Of a request that has verified. Never throws, whatever the body. */
  read(request: WebhookRequest, id: string | null, now: number): SchemeReading | Promise<SchemeReading>;
}

export function unusable(reason: string, text: string | null = null): SchemeReading {
  return { events: [], unusable: [{ reason, text }] };
}

/** SHA-256 in hex. */
export async function digest(bytes: Uint8Array): Promise<string> {
  const hash = new Uint8Array(await crypto.subtle.digest('SHA-256', new Uint8Array(bytes)));
  return Array.from(hash, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
