/** Mailboxes as people write them: `ann@example.com`, `Ann <ann@example.com>`, `"Doe, Ann" <ann@example.com>`. */

import { parseAddrSpec, type AddressRefusal, type AddrSpec } from './address.ts';

/** Longest display name, in characters. */
const MAX_NAME_LENGTH = 256;

export interface Mailbox extends AddrSpec {
  /** Display name without its quotes; empty when there is none. */
  name: string;
}

const CONTROL = /[\p{Cc}\u2028\u2029]/u;
/** RFC 5322 specials but the dot, which everyone writes (`John Q. Public`). Outside quotes they change the meaning. */
const SPECIALS = /[()<>[\]:;@\\,"]/;
const QUOTED_NAME = /^"((?:[^"\\]|\\.)*)"$/s;

/** Reads exactly one mailbox. Lists, groups and comments are refused. */
export function parseMailbox(text: string): Mailbox | AddressRefusal {
  if (text.length > 4 * MAX_NAME_LENGTH) return refuse('is too long');
  if (!text.endsWith('>')) return withName('', parseAddrSpec(text));
  const open = openingBracket(text);
  if (open < 0) return refuse('has a > without a <');
  const name = readName(text.slice(0, open));
  if (typeof name !== 'string') return name;
  return withName(name, parseAddrSpec(text.slice(open + 1, -1)));
}

/** Null when `name` may stand in a header as a display name, else what is wrong with it. */
export function nameTrouble(name: string): string | null {
  if (name.length > MAX_NAME_LENGTH) return `has a display name longer than ${MAX_NAME_LENGTH} characters`;
  if (CONTROL.test(name)) return 'has a control character (NUL, CR, LF or another) in its display name';
  if (!name.isWellFormed()) return 'has a display name that is not well-formed Unicode';
  return null;
}

/** The bracket that opens the address: the first one outside quotes. */
function openingBracket(text: string): number {
  let quoted = false;
  for (let at = 0; at < text.length; at++) {
    const char = text[at];
    if (quoted && char === '\\') at++;
    else if (char === '"') quoted = !quoted;
    else if (char === '<' && !quoted) return at;
  }
  return -1;
}

function readName(text: string): string | AddressRefusal {
  const trouble = nameTrouble(text);
  if (trouble !== null) return refuse(trouble);
  const phrase = text.trim();
  const quoted = QUOTED_NAME.exec(phrase);
  if (quoted) return (quoted[1] ?? '').replace(/\\(.)/gs, '$1').trim();
  if (SPECIALS.test(phrase))
    return refuse('has a special character in its display name; put the name in double quotes');
  return phrase;
}

function withName(name: string, address: AddrSpec | AddressRefusal): Mailbox | AddressRefusal {
  return address.ok ? { ...address, name } : address;
}

function refuse(reason: string): AddressRefusal {
  return { ok: false, reason };
}
