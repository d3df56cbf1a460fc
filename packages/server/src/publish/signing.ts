/**
 * The headers and the body of one delivery, signed in the endpoint's dialect. Each attempt is stamped anew with
 * wall time, because receivers refuse what is older than five minutes.
 */

import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { DialectName, Endpoint } from '../domain/endpoint.ts';
import { withSeq } from '../domain/event.ts';

/** Opens what is sealed under the master key. */
export interface Opener {
  open(sealed: string): string;
}

export interface SignedRequest {
  /** Name and value in turn. */
  headers: string[];
  body: Buffer;
}

interface SigningKey {
  key: KeyObject;
  /** Wall clock ms from which this key no longer signs. */
  until: number;
}

export class Signer {
  readonly #dialect: DialectName;
  readonly #common: readonly string[];
  readonly #current: KeyObject;
  readonly #previous: SigningKey | null;

  /** Opens the secrets once and keeps key objects: importing a key costs five times the HMAC itself. */
  constructor(endpoint: Endpoint, seal: Opener, userAgent: string) {
    this.#dialect = endpoint.dialect;
    this.#common = [
      'content-type',
      'application/json',
      'user-agent',
      userAgent,
      ...Object.entries(endpoint.headers).flat(),
    ];
    this.#current = keyFor(endpoint.dialect, seal.open(endpoint.secret_sealed));
    this.#previous =
      endpoint.previous_secret_sealed === null
        ? null
        : {
            key: keyFor(endpoint.dialect, seal.open(endpoint.previous_secret_sealed)),
            until: endpoint.previous_secret_until ?? 0,
          };
  }

  /** `wallNow` in ms; `attempt` is 1 for the first. */
  sign(event_id: string, envelope: string, seq: number, attempt: number, wallNow: number): SignedRequest {
    return this.signBody(event_id, withSeq(envelope, seq), attempt, wallNow);
  }

  signBody(id: string, text: string, attempt: number, wallNow: number): SignedRequest {
    const body = Buffer.from(text);
    const timestamp = String(Math.floor(wallNow / 1000));
    const headers = this.#common.slice();
    if (this.#dialect === 'sendarix') this.#signSendarix(headers, text, timestamp, wallNow);
    else this.#signStandard(headers, id, text, timestamp, attempt, wallNow);
    return { headers, body };
  }

  /** Standard Webhooks: during a rotation both signatures, the new one first. */
  #signStandard(
    headers: string[],
    id: string,
    text: string,
    timestamp: string,
    attempt: number,
    wallNow: number,
  ): void {
    const content = `${id}.${timestamp}.${text}`;
    let signature = `v1,${createHmac('sha256', this.#current).update(content).digest('base64')}`;
    if (this.#previous !== null && wallNow < this.#previous.until) {
      signature += ` v1,${createHmac('sha256', this.#previous.key).update(content).digest('base64')}`;
    }
    headers.push('webhook-id', id, 'webhook-timestamp', timestamp, 'webhook-signature', signature);
    headers.push('postrider-attempt', String(attempt));
  }

  /** Room for one signature only: the old secret signs until its overlap ends. */
  #signSendarix(headers: string[], text: string, timestamp: string, wallNow: number): void {
    const old = this.#previous !== null && wallNow < this.#previous.until ? this.#previous.key : null;
    const signature = createHmac('sha256', old ?? this.#current)
      .update(text)
      .digest('hex');
    headers.push('X-Sendarix-Timestamp', timestamp, 'X-Sendarix-Signature', signature);
  }
}

/** `whsec_` and base64 are the key's bytes in Standard Webhooks; Sendarix' own verifiers use the text as it is. */
function keyFor(dialect: DialectName, secret: string): KeyObject {
  const bytes =
    dialect === 'sendarix' ? Buffer.from(secret) : Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  if (bytes.length === 0) throw new RangeError('the signing secret is empty');
  return createSecretKey(bytes);
}
