/** Header fields of reports, read as leniently as mail servers write them. Bounded in size and number. */

import { isUtf8 } from 'node:buffer';
import { decodeWords } from 'postal-mime';

export interface Field {
  /** In lower case. */
  name: string;
  /** Unfolded, not decoded. */
  value: string;
}

export interface ReadHeader {
  fields: Field[];
  /** Offset of what follows the empty line. */
  end: number;
}

const MAX_HEADER_BYTES = 256 * 1024;
const MAX_FIELDS = 1000;
/** No value that is looked at is longer; a Subject of 998 characters is the longest RFC 5322 allows on a line. */
const MAX_VALUE = 4000;
const MAX_DECODED = 2000;
const LF = 0x0a;
const FIELD = /^([!-9;-~]{1,100})[ \t]*:/;

/** The header at the start of `raw`; lines may end in LF or CRLF, and an mbox `From ` line before it is passed over. */
export function readHeader(raw: Uint8Array): ReadHeader {
  const bytes = Buffer.from(raw.buffer, raw.byteOffset, Math.min(raw.byteLength, MAX_HEADER_BYTES));
  const fields: Field[] = [];
  let at = 0;
  while (at < bytes.length && fields.length < MAX_FIELDS) {
    const lf = bytes.indexOf(LF, at);
    const next = lf < 0 ? bytes.length : lf + 1;
    const line = textOf(bytes.subarray(at, next)).replace(/\r?\n$/, '');
    if (line === '') return { fields, end: next };
    const last = fields.at(-1);
    const name = FIELD.exec(line);
    // Some programs forget the white space before a parameter on a line of its own.
    const goesOn = /^[ \t]/.test(line) || (name === null && last?.value.endsWith(';') === true);
    if (goesOn && last !== undefined) append(last, line);
    else if (name?.[1] !== undefined)
      fields.push({
        name: name[1].toLowerCase(),
        value: line.slice(name[0].length).trim().slice(0, MAX_VALUE),
      });
    else if (at > 0 || !/^>?From /.test(line)) return { fields, end: at };
    at = next;
  }
  return { fields, end: at };
}

/** First value of a field. */
export function field(fields: readonly Field[], name: string): string | null {
  return fields.find((each) => each.name === name)?.value ?? null;
}

/** First value of a field with its encoded words (RFC 2047) decoded; empty when the field is absent. */
export function fieldText(fields: readonly Field[], name: string): string {
  const value = (field(fields, name) ?? '').slice(0, MAX_DECODED);
  return value.includes('=?') ? decodeWords(value) : value;
}

/** A structured value (RFC 2045 section 5.1): what stands before the first `;`, and the parameters. Lower-case names. */
export function parameters(value: string): { value: string; params: Map<string, string> } {
  const [first = '', ...rest] = splitOutsideQuotes(value);
  const params = new Map<string, string>();
  for (const piece of rest) {
    const equals = piece.indexOf('=');
    if (equals <= 0) continue;
    const name = piece.slice(0, equals).trim().toLowerCase();
    if (!params.has(name)) params.set(name, unquoted(piece.slice(equals + 1).trim()));
  }
  return { value: first.trim().toLowerCase(), params };
}

function append(to: Field, line: string): void {
  if (to.value.length < MAX_VALUE) to.value = `${to.value} ${line.trim()}`.trimStart().slice(0, MAX_VALUE);
}

function splitOutsideQuotes(value: string): string[] {
  const pieces: string[] = [];
  let start = 0;
  let quoted = false;
  for (let at = 0; at < value.length; at++) {
    const char = value[at];
    if (quoted && char === '\\') at++;
    else if (char === '"') quoted = !quoted;
    else if (char === ';' && !quoted) {
      pieces.push(value.slice(start, at));
      start = at + 1;
    }
  }
  pieces.push(value.slice(start));
  return pieces;
}

function unquoted(value: string): string {
  if (!value.startsWith('"')) return value.split(/[\s(]/, 1)[0] ?? '';
  const end = value.lastIndexOf('"');
  return value.slice(1, end > 0 ? end : undefined).replace(/\\(.)/g, '$1');
}

/** Headers are UTF-8 (RFC 6532) or, in older mail, any one-byte charset. */
function textOf(bytes: Buffer): string {
  return isUtf8(bytes) ? bytes.toString('utf8') : bytes.toString('latin1');
}
