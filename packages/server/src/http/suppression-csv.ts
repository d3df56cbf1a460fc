/** The suppression list as CSV, in and out: `address,reason,event_id,created_at`; only `address` is needed. */

import type { FieldError } from '@postrider/contract/errors';
import type { SuppressionReason } from '@postrider/contract/events';
import { SUPPRESSION_REASONS } from '@postrider/contract/schemas/suppression';
import { parseAddrSpec } from '../accept/address.ts';
import { invalid } from '../domain/errors.ts';
import { csvLine, lineError, parseCsv, type CsvRecord } from './csv.ts';
import type { SuppressionRecord } from './services.ts';

const COLUMNS = ['address', 'reason', 'event_id', 'created_at'];
/** Errors told at once. */
const MAX_ERRORS = 50;

export const CSV_HEADER = csvLine(COLUMNS);

/** What a spreadsheet takes for the start of a formula, of the characters that an address can begin with. */
const FORMULA = /^[=+\-\uff0d]/;

/**
 * The same mailbox with its local part in quotes (RFC 5321 section 4.1.2). Addresses come from strangers, and a
 * spreadsheet would run `=cmd|…@example.com`; it shows text that begins with a quote, and an import reads it back.
 */
function inertAddress(address: string): string {
  if (!FORMULA.test(address)) return address;
  const at = address.lastIndexOf('@');
  return `"${address.slice(0, at)}"${address.slice(at)}`;
}

export function suppressionLine(record: SuppressionRecord): string {
  return csvLine([
    inertAddress(record.address),
    record.reason,
    record.event_id ?? '',
    new Date(record.created_at).toISOString(),
  ]);
}

/**
 * Addresses and reasons of an import, each address once. A first line that names columns is understood; without one
 * the first field is the address and the second, if any, the reason. Throws `validation_failed` naming each bad line.
 */
export function readSuppressionCsv(
  text: string,
  mostRows: number,
): { address: string; reason: SuppressionReason }[] {
  const records = parseCsv(text, mostRows + 1);
  const columns = columnsOf(records[0]);
  const rows = columns.named ? records.slice(1) : records;
  const errors: FieldError[] = [];
  const items = new Map<string, SuppressionReason>();
  for (const record of rows) {
    const item = readRow(record, columns, errors);
    if (item !== null && !items.has(item.address)) items.set(item.address, item.reason);
    if (errors.length >= MAX_ERRORS) break;
  }
  if (errors.length > 0) throw invalid(errors);
  if (items.size === 0) throw invalid([{ path: '', message: 'has no addresses; send one a line' }]);
  return [...items].map(([address, reason]) => ({ address, reason }));
}

interface Columns {
  named: boolean;
  address: number;
  /** -1 = none; every row is `manual`. */
  reason: number;
}

function columnsOf(first: CsvRecord | undefined): Columns {
  const names = (first?.fields ?? []).map((field) => field.trim().toLowerCase());
  const address = names.findIndex((name) => name === 'address' || name === 'email');
  if (address < 0) return { named: false, address: 0, reason: 1 };
  return { named: true, address, reason: names.indexOf('reason') };
}

function readRow(
  record: CsvRecord,
  columns: Columns,
  errors: FieldError[],
): { address: string; reason: SuppressionReason } | null {
  const parsed = parseAddrSpec((record.fields[columns.address] ?? '').trim());
  if (!parsed.ok) {
    errors.push(lineError(record.line, `: the address ${parsed.reason}`));
    return null;
  }
  const text = (columns.reason < 0 ? '' : (record.fields[columns.reason] ?? '')).trim();
  const reason = text === '' ? 'manual' : SUPPRESSION_REASONS.find((known) => known === text);
  if (reason === undefined) {
    errors.push(lineError(record.line, `: the reason must be one of ${SUPPRESSION_REASONS.join(', ')}`));
    return null;
  }
  return { address: parsed.address, reason };
}
