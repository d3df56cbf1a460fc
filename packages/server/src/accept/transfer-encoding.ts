/** The two encodings that carry any octets through 7-bit mail (RFC 2045 sections 6.7 and 6.8), in one pass each. */

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const EQUALS = 0x3d;
const LINE = 76;
const HEX = Buffer.from('0123456789ABCDEF', 'latin1');
/** 57 octets make one line of 76 characters. */
const OCTETS_A_LINE = 57;

/** Text in CRLF lines as quoted-printable. Line breaks stay; a blank at the end of a line is encoded. */
export function quotedPrintable(text: Buffer): Buffer {
  // Three characters per octet, and a soft break after every 25 of those at worst.
  const out = Buffer.allocUnsafe(text.length * 3 + Math.ceil(text.length / 24) * 3);
  let to = 0;
  let column = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] as number;
    if (byte === CR && text[at + 1] === LF) {
      out[to++] = CR;
      out[to++] = LF;
      at++;
      column = 0;
      continue;
    }
    const plain = isPlain(byte, text[at + 1]);
    const width = plain ? 1 : 3;
    // The last column of a line is kept for the = of a soft break.
    if (column + width > LINE - 1) {
      out[to++] = EQUALS;
      out[to++] = CR;
      out[to++] = LF;
      column = 0;
    }
    column += width;
    if (plain) {
      out[to++] = byte;
      continue;
    }
    out[to++] = EQUALS;
    out[to++] = HEX[byte >> 4] as number;
    out[to++] = HEX[byte & 15] as number;
  }
  return out.subarray(0, to);
}

function isPlain(byte: number, next: number | undefined): boolean {
  if (byte === SPACE || byte === TAB) return next !== undefined && next !== CR;
  return byte > SPACE && byte < 0x7f && byte !== EQUALS;
}

/** Octets as base64 in lines of 76. */
export function base64Lines(content: Buffer): Buffer {
  const lines: string[] = [];
  for (let at = 0; at < content.length; at += OCTETS_A_LINE)
    lines.push(content.toString('base64', at, Math.min(at + OCTETS_A_LINE, content.length)));
  return Buffer.from(lines.join('\r\n'), 'latin1');
}
