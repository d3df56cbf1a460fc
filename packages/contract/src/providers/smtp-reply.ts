/** The parts of a receiving server's reply, and what its enhanced code says of a bounce. */

import type { BounceCategory } from '../events.ts';
import { integer, text } from './json-fields.ts';

export interface SmtpReply {
  code: number | null;
  enhanced: string | null;
  message: string | null;
}

/** After `smtp;` of RFC 3464 or a provider's own words in front, the first thing that looks like a reply. */
const REPLY = /(?:^|[\s;(:])([245][0-5][0-9])(?:[ -]|$)/;
const ENHANCED = /(?:^|[\s#(;:-])([245]\.[0-9]{1,3}\.[0-9]{1,3})(?![0-9.])/;
const ENHANCED_ALONE = /^[245]\.[0-9]{1,3}\.[0-9]{1,3}$/;

/** `code` and `enhanced` where the provider has them apart; what it has not is looked for in `message`. */
export function smtpReply(message: unknown, code?: unknown, enhanced?: unknown): SmtpReply {
  const line = text(message);
  const apart = integer(code);
  const status = text(enhanced);
  return {
    code: apart !== null && apart >= 200 && apart < 600 ? apart : integer(REPLY.exec(line ?? '')?.[1]),
    enhanced:
      status !== null && ENHANCED_ALONE.test(status) ? status : (ENHANCED.exec(line ?? '')?.[1] ?? null),
    message: line,
  };
}

/** RFC 3463 subject and detail; 7.20 to 7.27 of RFC 7372 and RFC 7505. Only where the code alone leaves no doubt. */
const CATEGORY_OF: readonly (readonly [RegExp, BounceCategory])[] = [
  [/^\.1\.(?:1|3|6)$/, 'invalid_email'],
  [/^\.1\.(?:2|10)$/, 'domain_not_found'],
  [/^\.2\.1$/, 'suspended'],
  [/^\.2\.2$/, 'mailbox_full'],
  [/^\.(?:2\.3|3\.4)$/, 'message_too_large'],
  [/^\.4\.[1-6]$/, 'network'],
  [/^\.4\.7$/, 'timeout'],
  [/^\.6\.\d+$/, 'content'],
  [/^\.7\.2[0-7]$/, 'auth_failure'],
  [/^\.7\.1$/, 'blocked'],
  [/^\.7\.\d+$/, 'policy'],
];

export function categoryOfReply(reply: SmtpReply | null | undefined): BounceCategory | null {
  const detail = reply?.enhanced?.slice(1) ?? null;
  if (detail === null) return null;
  return CATEGORY_OF.find(([pattern]) => pattern.test(detail))?.[1] ?? null;
}
