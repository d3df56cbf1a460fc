/**
 * Mail addresses, strictly: the addr-spec of RFC 5321 section 4.1.2 with the internationalized local parts of
 * RFC 6531. No comments, no routes, no domain literals, no folding white space: what RFC 5322 section 4.4 still
 * lets a header carry is no way to name a recipient, and every lenient reading is a chance to mail someone else.
 */

import { domainToASCII, domainToUnicode } from 'node:url';

/** RFC 5321 section 4.5.3.1, in octets. A path is 256 with its brackets, which leaves 254 for the address. */
const MAX_ADDRESS_OCTETS = 254;
const MAX_LOCAL_OCTETS = 64;
const MAX_DOMAIN_OCTETS = 253;
const MAX_LABEL_OCTETS = 63;

export interface AddrSpec {
  ok: true;
  /**
   * One spelling per mailbox: the domain in lower case, as A-labels unless the local part is internationalized;
   * the local part as it was given, a quoted string only where a dot-atom cannot say the same.
   */
  address: string;
  local: string;
  /** Lower-case A-labels, for DNS. */
  domain: string;
  /** The local part needs SMTPUTF8 (RFC 6531) all the way. */
  utf8: boolean;
}
/** `reason` completes the sentence "the address …" and says the remedy. */
export interface AddressRefusal {
  ok: false;
  reason: string;
}

const PLAIN_LOCAL = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i;
/** RFC 6531 adds UTF8-non-ascii to atext. Of it only what can be seen: no controls, spaces, or invisible marks. */
const UTF8_LOCAL =
  /^[a-z0-9!#$%&'*+/=?^_`{|}~\p{L}\p{M}\p{N}\p{So}\p{Sc}\p{Sk}\p{Pd}\p{Pc}-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~\p{L}\p{M}\p{N}\p{So}\p{Sc}\p{Sk}\p{Pd}\p{Pc}-]+)*$/iu;
/** RFC 5321 QcontentSMTP, with visible non-ASCII besides. */
const QUOTED_LOCAL = /^"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|[^\p{C}\p{Z}\x20-\x7e]|\\[\x20-\x7e])*"$/u;
const PLAIN_DOMAIN = /^[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)+$/;
/** What may reach domainToASCII, which would otherwise decode `%`, drop tabs and cut at `/`. */
const IDN_INPUT = /^(?:[a-z0-9.\p{L}\p{M}\p{N}\u00b7\u0375\u05f3\u05f4\u30fb-]|\u200c|\u200d)+$/iu;
const CONTROL = /\p{Cc}/u;
const NON_ASCII = /\P{ASCII}/u;

/** Nearly every address: a dot-atom, a few labels, a top level of letters. Used on texts too short to pass a limit. */
const COMMON =
  /^([a-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]{1,64}){0,3})@((?:[a-z0-9](?:[a-z0-9-]{0,60}[a-z0-9])?\.){1,5}[a-z]{2,20})$/i;

/** Reads one addr-spec such as `ann@example.com`. Nothing around it: no spaces, no brackets, no display name. */
export function parseAddrSpec(text: string): AddrSpec | AddressRefusal {
  const common = text.length <= 64 ? commonAddress(text) : null;
  if (common !== null) return common;
  if (text.length === 0) return refuse('is empty; write it as local@domain');
  if (text.length > 1000) return refuse(`is longer than ${MAX_ADDRESS_OCTETS} octets`);
  const trouble = unusable(text);
  if (trouble !== null) return refuse(trouble);
  const at = text.startsWith('"') ? endOfQuotes(text) : text.indexOf('@');
  if (at < 0 || text[at] !== '@') return refuse('has no @ between local part and domain');
  const local = parseLocal(text.slice(0, at));
  if (!local.ok) return local;
  const domain = parseDomain(text.slice(at + 1));
  if (!domain.ok) return domain;
  const address = `${local.local}@${local.utf8 ? domainToUnicode(domain.domain) : domain.domain}`;
  if (octets(address) > MAX_ADDRESS_OCTETS) return refuse(`is longer than ${MAX_ADDRESS_OCTETS} octets`);
  return { ok: true, address, local: local.local, domain: domain.domain, utf8: local.utf8 };
}

function commonAddress(text: string): AddrSpec | null {
  const match = COMMON.exec(text);
  if (match === null) return null;
  const local = match[1] as string;
  const domain = (match[2] as string).toLowerCase();
  // A-labels have rules of their own.
  if (domain.includes('xn--')) return null;
  return { ok: true, address: `${local}@${domain}`, local, domain, utf8: false };
}

/** Reads a host name that mail can be sent to; resolves to lower-case A-labels. */
function parseDomain(text: string): { ok: true; domain: string } | AddressRefusal {
  if (text.length === 0) return refuse('has no domain after the @');
  if (text.startsWith('[')) return refuse('has a domain literal; write the domain name');
  if (text.includes('@')) return refuse('has more than one @; put an @ of the local part in quotes');
  const domain = NON_ASCII.test(text) ? idnToAscii(text) : text.toLowerCase();
  if (domain === null) return refuse('has an international domain that IDNA does not allow');
  if (domain.length > MAX_DOMAIN_OCTETS)
    return refuse(`has a domain longer than ${MAX_DOMAIN_OCTETS} octets`);
  if (!PLAIN_DOMAIN.test(domain)) return refuse(domainTrouble(domain));
  const labels = domain.split('.');
  if (labels.some((label) => label.length > MAX_LABEL_OCTETS))
    return refuse(`has a domain label longer than ${MAX_LABEL_OCTETS} octets`);
  if (/^[0-9]+$/.test(labels.at(-1) ?? ''))
    return refuse('has an IP address as domain; write the domain name');
  if (domain.includes('xn--') && !isAceDomain(domain))
    return refuse('has a domain label that starts with xn-- but is no valid IDNA A-label');
  return { ok: true, domain };
}

function parseLocal(text: string): { ok: true; local: string; utf8: boolean } | AddressRefusal {
  if (text.length === 0) return refuse('has nothing before the @');
  const spelled = spellLocal(text);
  // Quotes that say nothing do not count: with and without them it is one mailbox.
  return spelled.ok && octets(spelled.local) > MAX_LOCAL_OCTETS
    ? refuse(`has a local part longer than ${MAX_LOCAL_OCTETS} octets`)
    : spelled;
}

function spellLocal(text: string): { ok: true; local: string; utf8: boolean } | AddressRefusal {
  if (PLAIN_LOCAL.test(text)) return { ok: true, local: text, utf8: false };
  const utf8 = NON_ASCII.test(text);
  if (text.startsWith('"')) return unquoteLocal(text, utf8);
  if (utf8 && UTF8_LOCAL.test(text)) return { ok: true, local: text, utf8 };
  return refuse(localTrouble(text));
}

/** `"ann"@x` and `ann@x` are one mailbox (RFC 5321 section 4.1.2), so the quotes stay only where they are needed. */
function unquoteLocal(
  text: string,
  utf8: boolean,
): { ok: true; local: string; utf8: boolean } | AddressRefusal {
  if (!QUOTED_LOCAL.test(text))
    return refuse('has a quoted local part with a character that is not allowed there');
  const bare = text.slice(1, -1).replace(/\\(.)/gu, '$1');
  if (bare === '') return refuse('has an empty local part');
  if (PLAIN_LOCAL.test(bare) || (utf8 && UTF8_LOCAL.test(bare))) return { ok: true, local: bare, utf8 };
  return { ok: true, local: `"${bare.replace(/["\\]/g, '\\$&')}"`, utf8 };
}

/** Index just past the closing quote of a text that starts with one; -1 when it never closes. */
function endOfQuotes(text: string): number {
  for (let at = 1; at < text.length; at++) {
    if (text[at] === '\\') at++;
    else if (text[at] === '"') return at + 1;
  }
  return -1;
}

/** Null when IDNA refuses it, or when a label that is not ASCII turns out to stand for one that is (a disguise). */
function idnToAscii(text: string): string | null {
  if (!IDN_INPUT.test(text)) return null;
  const ascii = domainToASCII(text).toLowerCase();
  if (ascii === '') return null;
  const before = text.split('.');
  const after = ascii.split('.');
  if (before.length !== after.length) return null;
  const disguised = before.some((label, at) => NON_ASCII.test(label) && !after[at]?.startsWith('xn--'));
  return disguised ? null : ascii;
}

function isAceDomain(domain: string): boolean {
  const unicode = domainToUnicode(domain);
  return unicode !== '' && domainToASCII(unicode) === domain && !/(^|\.)xn--/.test(unicode);
}

function unusable(text: string): string | null {
  if (CONTROL.test(text)) return 'has a control character (NUL, CR, LF or another)';
  if (!text.isWellFormed()) return 'is not well-formed Unicode';
  if (/^\s|\s$/.test(text)) return 'has white space around it; remove it';
  return null;
}

function localTrouble(text: string): string {
  if (/^\.|\.$|\.\./.test(text))
    return 'has a dot at the start or end of the local part, or two in a row; quote the local part';
  if (/[<>]/.test(text))
    return 'has angle brackets; give the bare address, or `Name <local@domain>` where a mailbox is expected';
  if (text.includes('(')) return 'has a comment; remove it';
  return 'has a character in the local part that is only allowed in quotes';
}

function domainTrouble(domain: string): string {
  if (domain.endsWith('.')) return 'has a dot at the end of the domain; remove it';
  if (domain.includes('..') || domain.startsWith('.')) return 'has an empty label in its domain';
  if (/^[a-z0-9-]+$/.test(domain)) return 'has a domain without a dot; write the full domain name';
  if (domain.includes('_')) return 'has an underscore in its domain';
  return 'has a domain with a character that host names do not allow';
}

function refuse(reason: string): AddressRefusal {
  return { ok: false, reason };
}

function octets(text: string): number {
  return Buffer.byteLength(text);
}
