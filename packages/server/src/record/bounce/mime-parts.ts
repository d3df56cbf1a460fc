/**
 * The parts of a report, as a tree. The MIME parser of the product flattens a message into its texts and needs a
 * thread for large ones; a report is told from a letter by its tree, arrives from anybody, and must be read at once.
 * So this reader looks at structure only: one pass over the bytes for each level, never into an attached message, to a
 * fixed depth and number of parts. What lies deeper stays one opaque part.
 */

import { isUtf8 } from 'node:buffer';
import { field, parameters, readHeader, type Field } from './header-fields.ts';

export interface Part {
  fields: Field[];
  /** For example `text/plain`; in lower case. */
  type: string;
  params: Map<string, string>;
  /** As transferred: not decoded. */
  body: Uint8Array;
  /** Of a multipart, else empty. */
  parts: Part[];
}

const MAX_DEPTH = 8;
const MAX_PARTS = 100;
/** RFC 2046 section 5.1.1 allows 70 characters; some servers write a few more. */
const MAX_BOUNDARY = 200;
const LF = 0x0a;
const CR = 0x0d;

export function readParts(raw: Uint8Array): Part {
  return readPart(raw, { left: MAX_PARTS }, 0, 'text/plain');
}

function readPart(raw: Uint8Array, budget: { left: number }, depth: number, fallback: string): Part {
  const { fields, end } = readHeader(raw);
  const { value, params } = parameters(field(fields, 'content-type') ?? fallback);
  const type = /^[\w.+-]+\/[\w.+-]+$/.test(value) ? value : fallback;
  const part: Part = { fields, type, params, body: raw.subarray(end), parts: [] };
  const boundary = params.get('boundary') ?? '';
  if (
    !type.startsWith('multipart/') ||
    boundary === '' ||
    boundary.length > MAX_BOUNDARY ||
    depth >= MAX_DEPTH
  )
    return part;
  const inner = type === 'multipart/digest' ? 'message/rfc822' : 'text/plain';
  for (const body of between(part.body, boundary, budget))
    part.parts.push(readPart(body, budget, depth + 1, inner));
  return part;
}

/** What stands between the delimiter lines of a multipart body. */
function between(body: Uint8Array, boundary: string, budget: { left: number }): Uint8Array[] {
  const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  const delimiter = Buffer.from(`--${boundary}`, 'utf8');
  const found: Uint8Array[] = [];
  let start = -1;
  for (let at = bytes.indexOf(delimiter); at >= 0; at = bytes.indexOf(delimiter, at + delimiter.length)) {
    const after = at + delimiter.length;
    if ((at > 0 && bytes[at - 1] !== LF) || !endsLine(bytes, after)) continue;
    if (start >= 0) found.push(bytes.subarray(start, Math.max(start, beforeBreak(bytes, at))));
    const closes = bytes.toString('latin1', after, after + 2) === '--';
    if (closes || budget.left === 0) return found;
    budget.left--;
    const lf = bytes.indexOf(LF, after);
    if (lf < 0) return found;
    start = lf + 1;
  }
  // The end may be cut off: what came still counts.
  if (start >= 0) found.push(bytes.subarray(start));
  return found;
}

/** Behind a delimiter come `--`, blanks and the line's end; anything else is another boundary that begins alike. */
function endsLine(bytes: Buffer, at: number): boolean {
  const rest = bytes.toString('latin1', at, at + 3);
  return rest === '' || /^(--|[ \t\r\n])/.test(rest);
}

/** The line break before a delimiter belongs to it. */
function beforeBreak(bytes: Buffer, at: number): number {
  if (at > 0 && bytes[at - 1] === LF) return at > 1 && bytes[at - 2] === CR ? at - 2 : at - 1;
  return at;
}

/** The first `max` octets of a part's content as text: transfer encoding and charset undone. */
export function partText(part: Part, max: number): string {
  const raw = Buffer.from(part.body.buffer, part.body.byteOffset, Math.min(part.body.byteLength, max));
  const encoding = (field(part.fields, 'content-transfer-encoding') ?? '').trim().toLowerCase();
  const bytes =
    encoding === 'base64'
      ? Buffer.from(raw.toString('latin1'), 'base64')
      : encoding === 'quoted-printable'
        ? quotedPrintable(raw)
        : raw;
  return inCharset(bytes, part.params.get('charset') ?? '').replaceAll('\r\n', '\n');
}

function inCharset(bytes: Buffer, charset: string): string {
  const label = charset.trim().toLowerCase();
  if (label === '' || label === 'us-ascii' || label === 'utf-8' || label === 'utf8')
    return isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1');
  try {
    return new TextDecoder(label).decode(bytes);
  } catch (error) {
    // The only failure without `fatal`: a charset that nobody knows.
    if (!(error instanceof RangeError)) throw error;
    return isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1');
  }
}

/** RFC 2045 section 6.7; what is no valid escape stays as it is. */
function quotedPrintable(raw: Buffer): Buffer {
  const out = Buffer.allocUnsafe(raw.length);
  let to = 0;
  for (let at = 0; at < raw.length; at++) {
    const byte = raw[at] as number;
    if (byte !== 0x3d) {
      out[to++] = byte;
      continue;
    }
    const two = raw.toString('latin1', at + 1, at + 3);
    if (/^[0-9A-Fa-f]{2}$/.test(two)) {
      out[to++] = Number.parseInt(two, 16);
      at += 2;
    } else if (two === '\r\n') at += 2;
    else if (two.startsWith('\n')) at += 1;
    else out[to++] = byte;
  }
  return out.subarray(0, to);
}
