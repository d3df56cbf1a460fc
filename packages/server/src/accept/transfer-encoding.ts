/** The two encodings that carry any octets through 7-bit mail: RFC 2045 sections 6.7 and 6.8. */

const CR = 0x0d;
const LF = 0x0a;
const TAB = 0x09;
const SPACE = 0x20;
const EQUALS = 0x3d;
const LINE = 76;
const HEX = Buffer.from('0123456789ABCDEF', 'latin1');
/** 57 octets make one line of 76 characters. */
const OCTETS_A_LINE = 57;

/** 1 = stands for itself wherever it is; 2 = a blank, which does so only inside a line; 0 = is encoded. */
const KIND = Uint8Array.from({ length: 256 }, (_, byte) => {
  if (byte === SPACE || byte === TAB) return 2;
  return byte > SPACE && byte < 0x7f && byte !== EQUALS ? 1 : 0;
});

export interface EncodedText {
  encoding: 'quoted-printable' | 'base64';
  body: Buffer;
}

/** Text in CRLF lines, in the encoding that makes it shorter: quoted-printable unless much of it is not ASCII. */
export function encodeText(text: Buffer): EncodedText {
  let special = 0;
  let foreign = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] as number;
    if (KIND[byte] === 0) special++;
    if (byte > 0x7f) foreign++;
  }
  if (foreign * 6 > text.length) return { encoding: 'base64', body: base64Lines(text) };
  return { encoding: 'quoted-printable', body: quotedPrintable(text, special) };
}

/**
 * Line breaks stay; a blank at the end of a line is encoded. `special` counts the octets of kind 0, by which the
 * room needed is known: three characters for each (line breaks pay for the blanks before them), and a soft
 * break in at most every 73.
 */
function quotedPrintable(text: Buffer, special: number): Buffer {
  const room = text.length + 2 * special + 2;
  const out = Buffer.allocUnsafe(room + Math.ceil(room / (LINE - 3)) * 3);
  let to = 0;
  let column = 0;
  for (let at = 0; at < text.length; at++) {
    const byte = text[at] as number;
    const kind = KIND[byte] as number;
    const plain = kind === 1 || (kind === 2 && at + 1 < text.length && text[at + 1] !== CR);
    if (plain && column < LINE - 1) {
      out[to++] = byte;
      column++;
      continue;
    }
    if (byte === CR && text[at + 1] === LF) {
      out[to++] = CR;
      out[to++] = LF;
      at++;
      column = 0;
      continue;
    }
    // The last column of a line is kept for the = of a soft break.
    if (plain || column + 3 > LINE - 1) {
      out[to++] = EQUALS;
      out[to++] = CR;
      out[to++] = LF;
      column = 0;
    }
    if (plain) {
      out[to++] = byte;
      column = 1;
      continue;
    }
    out[to++] = EQUALS;
    out[to++] = HEX[byte >> 4] as number;
    out[to++] = HEX[byte & 15] as number;
    column += 3;
  }
  return out.subarray(0, to);
}

/** Octets as base64 in lines of 76. */
export function base64Lines(content: Buffer): Buffer {
  const lines: string[] = [];
  for (let at = 0; at < content.length; at += OCTETS_A_LINE)
    lines.push(content.toString('base64', at, Math.min(at + OCTETS_A_LINE, content.length)));
  return Buffer.from(lines.join('\r\n'), 'latin1');
}
