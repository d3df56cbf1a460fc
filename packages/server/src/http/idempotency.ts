/** `Idempotency-Key`: its syntax, and the fingerprint that tells a repetition from another request. */

import { createHash } from 'node:crypto';
import { PostriderError } from '../domain/errors.ts';
import type { IdempotencyInput } from './services.ts';

/** 1–255 visible ASCII characters. */
const KEY = /^[\x21-\x7e]{1,255}$/;

/** Throws `malformed_request` for a header that is there and is no key. */
export function checkIdempotencyKey(header: string | string[] | undefined): void {
  if (header === undefined || (typeof header === 'string' && KEY.test(header))) return;
  throw new PostriderError(
    'malformed_request',
    'The Idempotency-Key header must be 1 to 255 visible ASCII characters.',
  );
}

/** Null without the header. `body` is the raw text of the request; null for a call without one. */
export function idempotencyOf(
  header: string | undefined,
  method: string,
  path: string,
  body: Buffer | null,
): IdempotencyInput | null {
  if (header === undefined) return null;
  const hash = createHash('sha256').update(`${method} ${path}\n`);
  if (body !== null) hash.update(body);
  return { key: header, fingerprint: hash.digest('hex'), now: Date.now() };
}
