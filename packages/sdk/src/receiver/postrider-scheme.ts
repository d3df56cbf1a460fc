/**
 * Postrider's own requests in any of its dialects: Standard Webhooks, or the headers of Sendarix. Which shape the body has is
 * seen from the body: it is looked at only after it verified, and all shapes are signed with the same secrets.
 */

import { isObject, utf8 } from '@postrider/contract/providers/json-fields';
import { verifySendarix, verifyStandard, type HeadersLike, type HmacBytes } from '@postrider/contract/verify';
import { readEvent } from './dialect-events.ts';
import { unusable, type Scheme, type SchemeReading, type SchemeVerification } from './scheme.ts';

export interface PostriderSchemeOptions {
  /** One, or several during a rotation. */
  secrets: readonly string[];
  /** HMAC-SHA256; Web Crypto when none is given. */
  hmac?: HmacBytes | undefined;
}

export function postriderScheme({ secrets, hmac }: PostriderSchemeOptions): Scheme {
  if (secrets.length === 0 || secrets.some((secret) => typeof secret !== 'string' || secret === ''))
    throw new TypeError('secrets: give at least one signing secret, and no empty one.');
  return {
    async verify({ headers, rawBody }, { now, tolerance }): Promise<SchemeVerification> {
      const verify = has(headers, 'x-sendarix-signature') ? verifySendarix : verifyStandard;
      const input = { body: rawBody, headers, secrets, now, tolerance, ...(hmac && { hmac }) };
      const verified = await verify(input);
      if (verified.ok) return { ok: true, id: verified.id };
      return verified.reason === 'bad_secret'
        ? { ok: false, reason: verified.reason, fault: 'settings' }
        : { ok: false, reason: verified.reason };
    },
    read: ({ rawBody }, id) => readBody(rawBody, id),
  };
}

function readBody(rawBody: Uint8Array, id: string | null): SchemeReading {
  const text = utf8(rawBody);
  let body: unknown;
  try {
    body = text === null ? undefined : JSON.parse(text);
  } catch {
    body = undefined;
  }
  if (body === undefined) return unusable('malformed_body');
  if (!Array.isArray(body)) {
    const event = isObject(body) ? readEvent(body, id) : null;
    return event === null ? unusable('unknown_shape') : { events: [event], unusable: [] };
  }
  const reading: SchemeReading = { events: [], unusable: [] };
  for (const item of body as unknown[]) {
    // The id of a batch is not that of its events.
    const event = isObject(item) ? readEvent(item, null) : null;
    if (event === null) reading.unusable.push({ reason: 'unknown_shape', text: JSON.stringify(item) });
    else reading.events.push(event);
  }
  return reading;
}

/** Whether the header is there at all; `verify` reads its values. */
function has(headers: HeadersLike, name: string): boolean {
  const names =
    Symbol.iterator in headers
      ? Array.from(headers as Iterable<readonly [string, string]>, ([key]) => key)
      : Object.keys(headers);
  return names.some((key) => key.toLowerCase() === name);
}
