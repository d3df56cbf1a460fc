/** CSV (RFC 4180) as the suppression list travels in it. */

import type { FieldError } from '@postrider/contract/errors';
import { invalid } from '../domain/errors.ts';

/** One field as CSV text; quoted where it has to be. */
function csvField(value: string): string {
  return /[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

export function csvLine(values: readonly string[]): string {
  return `${values.map(csvField).join(',')}\r\n`;
}

/** One record with the line it begins on, counted from 1. */
export interface CsvRecord {
  line: number;
  fields: string[];
}

/** A line of more is no table of ours, and would cost many times its size. */
const MAX_FIELDS = 100;

/**
 * Records of `text`; empty lines are left out. Throws `validation_failed` for quotes that do not close and for
 * more than `most` records.
 */
export function parseCsv(text: string, most: number): CsvRecord[] {
  const records: CsvRecord[] = [];
  const state = { at: text.startsWith('\ufeff') ? 1 : 0, line: 1 };
  while (state.at < text.length) {
    const line = state.line;
    const fields = readRecord(text, state);
    if (fields.length === 1 && fields[0] === '') continue;
    if (records.length === most)
      throw invalid([
        {
          path: `/${line}`,
          message: `is past the ${most} lines that one call takes; send the rest in another`,
        },
      ]);
    records.push({ line, fields });
  }
  return records;
}

interface Position {
  at: number;
  line: number;
}

function readRecord(text: string, position: Position): string[] {
  const fields: string[] = [];
  for (;;) {
    if (fields.length === MAX_FIELDS) throw badLine(position.line, `has more than ${MAX_FIELDS} fields`);
    fields.push(text[position.at] === '"' ? readQuoted(text, position) : readPlain(text, position));
    const next = text[position.at];
    position.at++;
    if (next === ',') continue;
    if (next === '\r' && text[position.at] === '\n') position.at++;
    position.line++;
    return fields;
  }
}

const PLAIN_END = /[,\r\n]|$/g;

function readPlain(text: string, position: Position): string {
  PLAIN_END.lastIndex = position.at;
  const end = PLAIN_END.exec(text)?.index ?? text.length;
  const field = text.slice(position.at, end);
  position.at = end;
  return field;
}

function readQuoted(text: string, position: Position): string {
  const line = position.line;
  let field = '';
  let from = position.at + 1;
  for (;;) {
    const quote = text.indexOf('"', from);
    if (quote < 0) throw badLine(line, 'has a quote that is never closed');
    const part = text.slice(from, quote);
    position.line += part.split('\n').length - 1;
    field += part;
    if (text[quote + 1] !== '"') {
      position.at = quote + 1;
      if (position.at < text.length && !',\r\n'.includes(text[position.at] as string))
        throw badLine(line, 'has text after a closing quote');
      return field;
    }
    field += '"';
    from = quote + 2;
  }
}

function badLine(line: number, message: string): Error {
  return invalid([lineError(line, message)]);
}

/** A field error about a line of a CSV body. */
export function lineError(line: number, message: string): FieldError {
  return { path: `/${line}`, message: `line ${line} ${message}` };
}
