/** Reading a reply or diagnostic as servers and relays hand it on: its codes, and its words ready for comparison. */

/** What is looked at of a text; a 10,000-line reply says nothing new after this. */
export const MAX_TEXT = 2000;

export interface ReplyCodes {
  smtp_code: number | null;
  enhanced_code: string | null;
}

const ENHANCED = /(?:^|[^\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.]*\d)/;
/** A reply code where one can stand: at the start, or after the words by which relays introduce it. */
const LEADING = /^(?:smtp;|smtp error[^:]{0,60}:|rcpt to:|data:)?[\s"'<(]*([245]\d\d)(?=[\s\-#:,.;]|$)/i;
const INNER =
  /(?:said:|returned:|replied:|response:|returned was:|error:|reason:|<<<|reply:|:|\n)\s*"?([45]\d\d)(?=[\s\-#])/i;
const ANYWHERE = /(?:^|[\s([<:;])([45][0-5]\d)[\s-]+#?[45]\.\d{1,3}\.\d{1,3}(?!\.?\d)/;
const STATUS = /^([245])\.(\d{1,3})\.(\d{1,3})$/;

/** Codes found in a text; an IP address is no code. */
export function replyCodes(text: string): ReplyCodes {
  const said = text.slice(0, MAX_TEXT).trim();
  const code = (LEADING.exec(said) ?? ANYWHERE.exec(said) ?? INNER.exec(said))?.[1];
  const enhanced = ENHANCED.exec(said)?.[1];
  return { smtp_code: code === undefined ? null : Number(code), enhanced_code: enhanced ?? null };
}

/** An RFC 3463 code, or null for anything else. */
export function enhancedCode(text: string | null): string | null {
  const found = STATUS.exec(text?.trim().split(/[\s(;]/)[0] ?? '');
  return found === null ? null : `${found[1]}.${Number(found[2])}.${Number(found[3])}`;
}

/**
 * Words for comparison: lower case, one space between them, without the codes that a reply of several lines repeats,
 * and without addresses: what a mailbox is called says nothing about it.
 */
export function comparable(text: string): string {
  const words = text
    .slice(0, MAX_TEXT)
    .toLowerCase()
    .replace(/[’‘`]/g, "'")
    .replace(/(^|\s)[245]\d\d-(?:#?[245]\.\d{1,3}\.\d{1,3}(?=\s|$))?/g, ' ')
    .split(/([\s<>"();,]+)/);
  return words
    .filter((word) => !isAddress(word))
    .join('')
    .replace(/\s[245]\d\d #?[245]\.\d{1,3}\.\d{1,3}(?=\s)/g, ' ')
    .replace(/\s+/g, ' ')
    .trim();
}

/** `mailto:` and `to=` before it included; an address in a URL's query is left, since the URL is what matters. */
function isAddress(word: string): boolean {
  return word.includes('@') && !word.includes('://');
}
