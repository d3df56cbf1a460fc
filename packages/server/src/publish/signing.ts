/**
 * The headers and the body of one delivery, in the endpoint's dialect and signed with its keys. Each attempt is
 * stamped anew with wall time, because receivers refuse what is older than five minutes.
 */

import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { Dialect, SigningKeys, Stamp } from '@postrider/contract/dialects/dialect';
import { DIALECTS } from '@postrider/contract/dialects/dialects';
import type { Hmac } from '@postrider/contract/sign';
import type { Endpoint } from '../domain/endpoint.ts';

/** Opens what is sealed under the master key. */
export interface Opener {
  open(sealed: string): string;
}

export interface SignedRequest {
  /** Name and value in turn. */
  headers: string[];
  body: Buffer;
}

export interface ToSign {
  event_id: string;
  /** The envelope's JSON text without `seq`. */
  envelope: string;
  seq: number;
  /** 1 for the first. */
  attempt: number;
  /** The replay it belongs to; null for none. */
  replay_id: string | null;
  /** Marks a sample. */
  test: boolean;
}

export class Signer {
  readonly #dialect: Dialect;
  readonly #common: readonly string[];
  /** The same for a batch. */
  readonly #commonOfBatch: readonly string[];
  readonly #alone: SigningKeys<KeyObject>;
  /** The keys while the overlap of a rotation lasts, and its end in ms of wall time. */
  readonly #both: SigningKeys<KeyObject> | null;
  readonly #until: number;

  /**
   * Opens the secrets once and keeps key objects: importing a key costs five times the HMAC itself.
   * Throws when a secret cannot be opened or cannot sign.
   */
  constructor(endpoint: Endpoint, seal: Opener, userAgent: string) {
    this.#dialect = DIALECTS[endpoint.dialect];
    const own = Object.entries(endpoint.headers).flat();
    const { contentType, batchContentType } = this.#dialect;
    const common = ['user-agent', userAgent, ...own];
    this.#common = ['content-type', contentType, ...common];
    this.#commonOfBatch = ['content-type', batchContentType ?? contentType, ...common];
    const current = this.#key(seal.open(endpoint.secret_sealed));
    const sealed = endpoint.previous_secret_sealed;
    this.#alone = { current, previous: null };
    this.#both = sealed === null ? null : { current, previous: this.#key(seal.open(sealed)) };
    this.#until = endpoint.previous_secret_until ?? 0;
  }

  /** `wallNow` in ms. */
  sign(item: ToSign, wallNow: number): SignedRequest {
    const { event_id, attempt, replay_id } = item;
    const about = { id: event_id, attempt, replayId: replay_id };
    return this.#stamped(this.#common, this.#body(item), about, wallNow);
  }

  /** Several events as a JSON array under one id (`bat_…`); each keeps its own in the body. */
  signBatch(id: string, items: readonly ToSign[], wallNow: number): SignedRequest {
    const body = `[${items.map((item) => this.#body(item)).join(',')}]`;
    const attempt = items.reduce((most, item) => Math.max(most, item.attempt), 1);
    const replayId = items[0]?.replay_id ?? null;
    const isOneReplay = items.every((item) => item.replay_id === replayId);
    const about = { id, attempt, replayId: isOneReplay ? replayId : null };
    return this.#stamped(this.#commonOfBatch, body, about, wallNow);
  }

  #body({ envelope, seq, test }: ToSign): string {
    return this.#dialect.body(envelope, seq, test);
  }

  #stamped(
    common: readonly string[],
    text: string,
    about: Omit<Stamp, 'timestamp'>,
    wallNow: number,
  ): SignedRequest {
    const body = Buffer.from(text);
    const keys = this.#both !== null && wallNow < this.#until ? this.#both : this.#alone;
    const stamp = { ...about, timestamp: Math.floor(wallNow / 1000) };
    return { headers: [...common, ...this.#dialect.headers(hmacSha256, keys, stamp, body)], body };
  }

  #key(secret: string): KeyObject {
    return createSecretKey(this.#dialect.key(secret));
  }
}

const hmacSha256: Hmac<KeyObject> = (key, head, body, encoding) => {
  const hmac = createHmac('sha256', key);
  if (head !== '') hmac.update(head);
  return hmac.update(body).digest(encoding);
};
