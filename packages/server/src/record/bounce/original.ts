/** The mail that a report is about, from the copy or the header that came with it. */

import { field, readHeader, type Field } from './header-fields.ts';
import { partText, type Part } from './mime-parts.ts';
import { NO_ORIGINAL, type OriginalMessage } from './report.ts';

/** RFC 3462, RFC 6522, RFC 6533. */
const TYPES = new Set([
  'message/rfc822',
  'message/global',
  'text/rfc822-headers',
  'text/rfc822-header',
  'message/rfc822-headers',
  'message/global-headers',
]);
const HEADER_BYTES = 128 * 1024;
const MESSAGE_ID = /<([^<>\s]{1,990})>/;

/** Header of the attached original; empty when there is none. */
export function originalFields(parts: readonly Part[]): Field[] {
  const part = parts.find(({ type }) => TYPES.has(type));
  if (part === undefined) return [];
  return fieldsOf(partText(part, HEADER_BYTES));
}

/** A header that stands in the text of a report. */
export function fieldsOf(text: string): Field[] {
  return readHeader(Buffer.from(text.slice(0, HEADER_BYTES).trimStart())).fields;
}

export function originalMessage(fields: readonly Field[]): OriginalMessage {
  if (fields.length === 0) return NO_ORIGINAL;
  return {
    message_id: messageId(field(fields, 'message-id')),
    return_path: field(fields, 'return-path')?.replace(/^<|>$/g, '') ?? null,
    list_unsubscribe: field(fields, 'list-unsubscribe'),
    to: field(fields, 'to'),
  };
}

export function messageId(value: string | null): string | null {
  if (value === null) return null;
  return MESSAGE_ID.exec(value)?.[1] ?? (/^[^\s<>]+@[^\s<>]+$/.test(value) ? value : null);
}
