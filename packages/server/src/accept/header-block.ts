/** The header of a message as it came in, in place: where each field stands, so that the rest stays byte for byte. */

import { decodeWords } from 'postal-mime';
import { PostriderError } from '../domain/errors.ts';

export interface HeaderField {
  /** In lower case. */
  name: string;
  /** Offsets into the message: from the name to behind the field's last CRLF. */
  start: number;
  end: number;
}

export interface HeaderBlock {
  fields: HeaderField[];
  /** Offset behind the last field. */
  end: number;
  /** Offset of the empty line, or the message's length when it has none. */
  rest: number;
}

const MAX_FIELDS = 1000;
const CR = 0x0d;
const LF = 0x0a;
const COLON = 0x3a;
const SPACE = 0x20;
const TAB = 0x09;

/** Throws `validation_failed` for what is no header: RFC 5322 section 2.2, without its obsolete forms. */
export function readHeaderBlock(raw: Buffer, maxOctets: number): HeaderBlock {
  const fields: HeaderField[] = [];
  let at = 0;
  while (at < raw.length && raw[at] !== CR) {
    const end = lineEnd(raw, at, fields.length);
    if (end > maxOctets)
      throw headerError('', `the header has more than ${maxOctets} octets; the limit is limits.header_bytes`);
    const last = fields.at(-1);
    if (raw[at] === SPACE || raw[at] === TAB) {
      if (last === undefined)
        throw headerError('', 'the message starts with white space instead of a header');
      last.end = end;
    } else {
      if (fields.length === MAX_FIELDS)
        throw headerError('', `the header has more than ${MAX_FIELDS} fields`);
      fields.push({ name: fieldName(raw, at, end, fields.length), start: at, end });
    }
    at = end;
  }
  if (at < raw.length && raw[at + 1] !== LF) throw bareBreak(fields.length);
  return { fields, end: at, rest: at };
}

/** The field's value: unfolded, decoded (RFC 2047), without white space around it. */
export function fieldText(raw: Buffer, field: HeaderField): string {
  const from = raw.indexOf(COLON, field.start) + 1;
  const value = raw.toString('utf8', from, field.end).replace(/\r\n/g, '').trim();
  return value.includes('=?') ? decodeWords(value) : value;
}

export function headerError(name: string, message: string): PostriderError {
  const path = name === '' ? '/headers' : `/headers/${name}`;
  return new PostriderError('validation_failed', `${name === '' ? '' : `${name}: `}${message}`, {
    errors: [{ path, message }],
  });
}

/** Offset behind the CRLF of the line at `start`. A CR or LF alone would let two parsers see two messages. */
function lineEnd(raw: Buffer, start: number, line: number): number {
  const lf = raw.indexOf(LF, start);
  if (lf < 0 || raw[lf - 1] !== CR) throw bareBreak(line);
  const cr = raw.indexOf(CR, start);
  if (cr !== lf - 1) throw bareBreak(line);
  return lf + 1;
}

function bareBreak(line: number): PostriderError {
  return headerError('', `header field ${line + 1} does not end in CRLF, or has a CR or LF alone in it`);
}

function fieldName(raw: Buffer, start: number, end: number, index: number): string {
  const colon = raw.indexOf(COLON, start);
  const name = colon < 0 || colon >= end ? '' : raw.toString('latin1', start, colon);
  if (!/^[!-9;-~]+$/.test(name)) throw headerError('', `line ${index + 1} of the header is no "Name: value"`);
  if (raw.subarray(colon, end).includes(0))
    throw headerError('', `header field ${index + 1} has a NUL character; remove it`);
  return name.toLowerCase();
}
