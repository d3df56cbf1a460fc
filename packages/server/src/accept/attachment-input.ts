/** Attachments of a message by the API. */

import { MAX_FILENAME } from '@postrider/contract/schemas/limits';
import { detectMimeType } from 'nodemailer/lib/mime-funcs';
import { refuseUnknown, type Faults } from './faults.ts';
import type { AcceptLimits } from './limits.ts';
import { isObject, lineTrouble } from './text-rules.ts';

export interface AttachmentInput {
  filename: string;
  content: Buffer;
  /** MIME type, with its parameters if it has any. */
  content_type: string;
  /** Set on parts that the HTML shows by `cid:`. */
  content_id: string | null;
}

const FIELDS = { known: new Set(['filename', 'content', 'content_type', 'content_id']) };
const CR = 0x0d;
const LF = 0x0a;
const NOT_BASE64 = /[^A-Za-z0-9+/]/;
const TOKEN = "[A-Za-z0-9!#$%&'*+.^_`{|}~-]{1,80}";
const CONTENT_TYPE = new RegExp(
  `^(${TOKEN})/${TOKEN}(?:; ?${TOKEN}=(?:${TOKEN}|"[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]{0,120}"))*$`,
);
/** RFC 2392: the left side of a msg-id, at least; blanks and brackets would end it. */
const CONTENT_ID = /^[A-Za-z0-9!#$%&'*+./=?@^_`{|}~:-]{1,250}$/;

export function readAttachments(
  value: unknown,
  at: string,
  limits: Pick<AcceptLimits, 'attachments'>,
  faults: Faults,
): AttachmentInput[] {
  if (!Array.isArray(value)) {
    faults.add(at, 'must be a list of attachments');
    return [];
  }
  if (value.length > limits.attachments) {
    faults.add(
      at,
      `has ${value.length} attachments; at most ${limits.attachments} are allowed (limits.attachments)`,
    );
    return [];
  }
  const attachments: AttachmentInput[] = [];
  const ids = new Set<string>();
  for (const [index, item] of value.entries()) {
    const attachment = readAttachment(item, `${at}/${index}`, faults);
    if (attachment === null) continue;
    if (attachment.content_id !== null && ids.has(attachment.content_id))
      faults.add(`${at}/${index}/content_id`, 'is used by another attachment; make it unique');
    if (attachment.content_id !== null) ids.add(attachment.content_id);
    attachments.push(attachment);
  }
  return attachments;
}

function readAttachment(item: unknown, at: string, faults: Faults): AttachmentInput | null {
  if (!isObject(item)) {
    faults.add(at, 'must be an object with `filename` and `content`');
    return null;
  }
  const before = faults.count;
  refuseUnknown(item, FIELDS, at, faults);
  const content = readContent(item.content, `${at}/content`, faults);
  report(faults, `${at}/filename`, filenameTrouble(item.filename));
  report(faults, `${at}/content_id`, contentIdTrouble(item.content_id));
  const type = readType(item, content, `${at}/content_type`, faults);
  if (faults.count > before) return null;
  return {
    filename: item.filename as string,
    content,
    content_type: type,
    content_id: (item.content_id as string | null | undefined) ?? null,
  };
}

function readType(item: Record<string, unknown>, content: Buffer, at: string, faults: Faults): string {
  if (item.content_type === undefined || item.content_type === null) {
    const guess = typeof item.filename === 'string' ? detectMimeType(item.filename) : '';
    return CONTENT_TYPE.test(guess) && compositeTrouble(guess, content) === null
      ? guess
      : 'application/octet-stream';
  }
  const type = item.content_type;
  if (typeof type !== 'string' || type.length > 255 || !CONTENT_TYPE.test(type)) {
    faults.add(at, 'is no MIME type; write it as type/subtype, for example application/pdf');
    return '';
  }
  report(faults, at, compositeTrouble(type, content));
  return type;
}

/** Composite types may not be encoded (RFC 2046 section 5.2.1), so only what is fit to stand in mail as it is goes in. */
function compositeTrouble(type: string, content: Buffer): string | null {
  if (/^multipart\//i.test(type)) return 'may not be multipart; use application/octet-stream';
  if (!/^message\//i.test(type) || isCleanMail(content)) return null;
  return 'is a message type, but the content is not 7-bit text in CRLF lines of at most 998 octets; use application/octet-stream';
}

function isCleanMail(content: Buffer): boolean {
  let line = 0;
  for (let at = 0; at < content.length; at++) {
    const byte = content[at] as number;
    if (byte === 0 || byte > 0x7f || byte === LF) return false;
    if (byte !== CR) {
      if (++line > 998) return false;
      continue;
    }
    if (content[++at] !== LF) return false;
    line = 0;
  }
  return true;
}

/** Strict RFC 4648 section 4: no line breaks, padding required, no bits left over. */
function readContent(value: unknown, at: string, faults: Faults): Buffer {
  const empty = Buffer.alloc(0);
  if (typeof value !== 'string') {
    faults.add(at, 'must be the content as a base64 string');
    return empty;
  }
  const padding = value.endsWith('==') ? 2 : value.endsWith('=') ? 1 : 0;
  const digits = padding === 0 ? value : value.slice(0, -padding);
  if (value.length % 4 !== 0 || NOT_BASE64.test(digits)) {
    faults.add(at, 'is not base64; use the standard alphabet with padding and without line breaks');
    return empty;
  }
  const content = Buffer.from(value, 'base64');
  const tail = value.slice(-4);
  if (padding > 0 && Buffer.from(tail, 'base64').toString('base64') !== tail) {
    faults.add(at, 'is not base64; the bits before the padding must be zero');
    return empty;
  }
  return content;
}

function filenameTrouble(name: unknown): string | null {
  if (typeof name !== 'string' || name === '') return 'must be a name, for example report.pdf';
  if (name.length > MAX_FILENAME) return `is longer than ${MAX_FILENAME} characters`;
  if (/[/\\]/.test(name)) return 'must be a name without a path; remove / and \\';
  return lineTrouble(name);
}

function contentIdTrouble(id: unknown): string | null {
  if (id === undefined || id === null) return null;
  if (typeof id === 'string' && CONTENT_ID.test(id)) return null;
  return 'must be 1 to 250 letters, digits or marks without white space or brackets, for example logo@example';
}

function report(faults: Faults, path: string, trouble: string | null): void {
  if (trouble !== null) faults.add(path, trouble);
}
