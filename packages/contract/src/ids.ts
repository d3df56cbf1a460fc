/**
 * Identifiers: a prefix that names the kind, and 128 bits as 26 characters of lower-case Crockford base32.
 *
 * Layout of the bits, most significant first: 48 of time (milliseconds since the epoch), 48 that grow within a
 * process, 32 of chance. Text order is therefore order of creation, and the first 96 bits alone are unique.
 * There is exactly one text per identifier: capitals, `i l o u` and anything past 128 bits are refused.
 */

/** What each prefix names. */
export const ID_PREFIXES = {
  att: 'attempt',
  bat: 'batch of events',
  del: 'delivery',
  end: 'endpoint',
  evt: 'event',
  key: 'API key',
  msg: 'message',
  prj: 'project',
  req: 'request',
  rpl: 'replay',
} as const;

export type IdPrefix = keyof typeof ID_PREFIXES;

/** Digits in ascending ASCII order, so that text order is numeric order. */
export const ID_ALPHABET = '0123456789abcdefghjkmnpqrstvwxyz';
/** Characters after `prefix_`. */
export const ID_BODY_LENGTH = 26;

const BYTES = 16;
const BAD = 255;

const DIGIT = digitTable();

/** `prefix_` and the 26 characters of 16 bytes. Throws `RangeError` for any other number of bytes. */
export function encodeId(prefix: string, bytes: Uint8Array): string {
  if (bytes.length !== BYTES) throw new RangeError(`An id has ${BYTES} bytes, not ${bytes.length}.`);
  // 26 digits are 130 bits: the two extra ones are zeroes in front.
  let text = `${prefix}_`;
  let held = 0;
  let bits = 2;
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ID_ALPHABET[(held >>> bits) & 31];
    }
  }
  return text;
}

/** The 16 bytes behind an id; null when `text` is not exactly `prefix_` and 26 canonical characters. */
export function decodeId(prefix: string, text: string): Uint8Array | null {
  const start = bodyStart(prefix, text);
  if (start < 0) return null;
  const bytes = new Uint8Array(BYTES);
  let held = DIGIT[text.charCodeAt(start)] as number;
  if (held > 7) return null;
  let bits = 3;
  let at = 0;
  for (let i = start + 1; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const digit = code < 128 ? (DIGIT[code] as number) : BAD;
    if (digit === BAD) return null;
    held = ((held << 5) | digit) & 0xfff;
    bits += 5;
    if (bits >= 8) {
      bits -= 8;
      bytes[at++] = (held >>> bits) & 0xff;
    }
  }
  return bytes;
}

/** Whether `text` is an id of this kind. */
export function isId(prefix: string, text: unknown): text is string {
  return typeof text === 'string' && decodeId(prefix, text) !== null;
}

/** When the id was made, in wall-clock milliseconds since the epoch; NaN for text that is no id. */
export function idTime(text: string): number {
  const bytes = decodeId(text.slice(0, Math.max(0, text.length - ID_BODY_LENGTH - 1)), text);
  if (bytes === null) return Number.NaN;
  let time = 0;
  for (let i = 0; i < 6; i++) time = time * 256 + (bytes[i] as number);
  return time;
}

/** Index of the first body character, or -1 when prefix, separator or length do not fit. */
function bodyStart(prefix: string, text: string): number {
  const start = prefix.length + 1;
  if (prefix.length === 0 || text.length !== start + ID_BODY_LENGTH) return -1;
  if (!text.startsWith(prefix) || text[prefix.length] !== '_') return -1;
  return text.charCodeAt(start) < 128 ? start : -1;
}

function digitTable(): Uint8Array {
  const table = new Uint8Array(128).fill(BAD);
  for (let i = 0; i < ID_ALPHABET.length; i++) table[ID_ALPHABET.charCodeAt(i)] = i;
  return table;
}
