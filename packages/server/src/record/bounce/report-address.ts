/** Addresses as reports give them: typed, encoded, in brackets, with remarks. */

const MAX_LENGTH = 320;
/** Local part as dot-atom or quoted, in any script (RFC 6531); domain or address literal. */
const ADDRESS =
  /^(?:"(?:[^"\\\p{Cc}]|\\[^\p{Cc}])+"|[^\s"<>()[\],;:\\@\p{Cc}]+)@(?:[^\s"<>()[\],;:\\@\p{Cc}]+|\[[^\s[\]@]+\])$/u;
const HIDDEN = /^(?:redacted|\[?redacted\]?|undisclosed|hidden|hashed|anonymous|x{3,}|\*+)$/i;

/** `<Ann@Example.COM> (remark)` as `Ann@example.com`; null for what is no address. */
export function bareAddress(text: string): string | null {
  const trimmed = text.slice(0, MAX_LENGTH * 3).trim();
  const inner = /^<([^<>]*)>/.exec(trimmed)?.[1] ?? trimmed.replace(/\s*\([^()]*\)\s*$/, '');
  const address = inner
    .trim()
    .replace(/^(?:smtp|rfc822|mailto):/i, '')
    .replace(/\.$/, '');
  if (address.length > MAX_LENGTH || !ADDRESS.test(address)) return null;
  const at = address.lastIndexOf('@');
  return `${address.slice(0, at)}@${address.slice(at + 1).toLowerCase()}`;
}

/** An address in X-Failed-Recipients; a relay may have written the domain into the local part (the percent hack). */
export function failedAddress(text: string): string | null {
  const address = bareAddress(text);
  const hacked = /^([^%]+)%([\w-]+(?:\.[\w-]+)+)@/.exec(address ?? '');
  return hacked === null ? address : bareAddress(`${hacked[1]}@${hacked[2]}`);
}

/** The same, but null for a placeholder that a feedback loop puts in place of the address (RFC 6590). */
export function shownAddress(text: string): string | null {
  const address = bareAddress(text);
  if (address === null) return null;
  const local = address.slice(0, address.lastIndexOf('@'));
  return HIDDEN.test(local) || address.endsWith('@redacted') || address.endsWith('.redacted')
    ? null
    : address;
}

/** `rfc822; ann@example.com`, `utf-8; …`, or without a type (RFC 3464 section 2.3.1, RFC 6533 section 3). */
export function typedAddress(value: string | null): string | null {
  if (value === null) return null;
  const semicolon = value.indexOf(';');
  const type = semicolon < 0 ? 'rfc822' : value.slice(0, semicolon).trim().toLowerCase();
  const text = value.slice(semicolon + 1).trim();
  if (type === 'utf-8') return bareAddress(fromUtf8Xtext(text));
  return type === 'rfc822' || type === 'smtp' || type === 'unknown' ? bareAddress(text) : null;
}

/**
 * Original-Recipient beside Final-Recipient. Its value is xtext (RFC 3461 section 4), but many servers copy the
 * address as it is: `ann+ab@example.com` is decoded only when it is not the final address already.
 */
export function originalAddress(original: string | null, final: string | null): string | null {
  const plain = typedAddress(original);
  if (original === null || plain === null || plain === final) return plain;
  return typedAddress(fromXtext(original)) ?? plain;
}

function fromXtext(text: string): string {
  return /\+(?![0-9A-F]{2})/.test(text)
    ? text
    : text.replace(/\+([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
}

/** `\x{7528}` (RFC 6533 section 3, utf-8-addr-xtext). */
function fromUtf8Xtext(text: string): string {
  return text.replace(/\\x\{([0-9A-Fa-f]{1,6})\}/g, (whole, hex: string) => {
    const code = Number.parseInt(hex, 16);
    return code <= 0x10ffff && (code < 0xd800 || code > 0xdfff) ? String.fromCodePoint(code) : whole;
  });
}
