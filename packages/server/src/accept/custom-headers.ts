/** The headers that a message may bring itself, beside those that its fields make. */

import { token, type Faults } from './faults.ts';
import type { AcceptLimits } from './limits.ts';
import { headerTextTrouble, isObject, octetsOf } from './text-rules.ts';

/** Set from the message's fields, by us, or by those who relay it; a second one would contradict or forge. */
const RESERVED: ReadonlySet<string> = new Set([
  'from',
  'sender',
  'to',
  'cc',
  'bcc',
  'reply-to',
  'subject',
  'date',
  'message-id',
  'mime-version',
  'received',
  'received-spf',
  'return-path',
  'delivered-to',
  'dkim-signature',
  'domainkey-signature',
  'authentication-results',
  'apparently-to',
]);
const RESERVED_PREFIXES = ['content-', 'resent-', 'arc-', 'x-postrider-'];
/** RFC 5322 field name, of the characters that every relay leaves alone. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,75}$/;
/** A line of mail ends before 998 octets (RFC 5322 section 2.1.1) and folds only at white space. */
const UNBROKEN = 900;
const SPACE = 0x20;
const TAB = 0x09;

const REMEDY: Readonly<Record<string, string>> = {
  from: 'use `from`',
  to: 'use `to`',
  cc: 'use `cc`',
  bcc: 'use `bcc`',
  'reply-to': 'use `reply_to`',
  subject: 'use `subject`',
};

export function readHeaders(
  value: unknown,
  at: string,
  limits: Pick<AcceptLimits, 'header_bytes'>,
  faults: Faults,
): [string, string][] {
  if (!isObject(value)) {
    faults.add(at, 'must be an object whose values are strings');
    return [];
  }
  const headers: [string, string][] = [];
  let octets = 0;
  for (const name of Object.keys(value)) {
    const text = value[name];
    octets += name.length + (typeof text === 'string' ? octetsOf(text) : 0) + 4;
    if (octets > limits.header_bytes || faults.full) break;
    const trouble = nameTrouble(name) ?? valueTrouble(text);
    if (trouble !== null) faults.add(`${at}/${token(name)}`, trouble);
    else headers.push([name, text as string]);
  }
  if (octets > limits.header_bytes)
    faults.add(at, `has more than ${limits.header_bytes} octets; the limit is limits.header_bytes`);
  return headers;
}

/** Null when one line of a header can carry `text`, folded at its spaces. */
export function valueTrouble(text: unknown): string | null {
  if (typeof text !== 'string') return 'must be a string';
  const trouble = headerTextTrouble(text);
  if (trouble !== null) return trouble;
  if (longestWord(text) > UNBROKEN)
    return `has more than ${UNBROKEN} characters without a space, which no header line can carry`;
  return null;
}

function longestWord(text: string): number {
  let longest = 0;
  let start = 0;
  for (let at = 0; at <= text.length; at++) {
    const code = at < text.length ? text.charCodeAt(at) : SPACE;
    if (code !== SPACE && code !== TAB) continue;
    longest = Math.max(longest, at - start);
    start = at + 1;
  }
  return longest;
}

function nameTrouble(name: string): string | null {
  if (!NAME.test(name)) return 'is no header name; use letters, digits, - and _, at most 76 of them';
  const lower = name.toLowerCase();
  if (!RESERVED.has(lower) && !RESERVED_PREFIXES.some((prefix) => lower.startsWith(prefix))) return null;
  return `is a reserved header; ${REMEDY[lower] ?? 'leave it out'}`;
}
