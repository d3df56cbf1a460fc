/** Reading of JSON whose shape is somebody else's promise: wrong types read as absent, sizes are bounded. */

import { MAX_ADDRESS, MAX_METADATA, MAX_TAG, MAX_TAGS, MAX_URL } from '../schemas/limits.ts';

export type Fields = Readonly<Record<string, unknown>>;

const MAX_TEXT = 1_000;
/** Of JSON within a text: what a sender hung on a mail, for example. */
export const MAX_JSON = 65_536;
/** The last instant a `Date` can hold, in milliseconds. */
const MAX_TIME = 8_640_000_000_000_000;
const NOTHING: Fields = Object.freeze({});
const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The text of a body; null when it is no UTF-8. Encoding it again gives the same bytes. */
export function utf8(bytes: Uint8Array): string | null {
  try {
    return UTF8.decode(bytes);
  } catch {
    return null;
  }
}

/**
 * The JSON value of a text, undefined when it is none. Integers of 16 digits and more become strings of the same
 * digits: ids of Mailjet are beyond what a number holds exactly.
 */
export function parseJson(text: string | null): unknown {
  if (text === null) return undefined;
  try {
    return JSON.parse(/[0-9]{16}/.test(text) ? quoteLongIntegers(text) : text);
  } catch {
    return undefined;
  }
}

function quoteLongIntegers(json: string): string {
  return json.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|(?<![\w.+-])-?[0-9]{16,}(?![\w.])/gs, (match) =>
    match.startsWith('"') ? match : `"${match}"`,
  );
}

export function isObject(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** The object, or an empty one. */
export function fields(value: unknown): Fields {
  return isObject(value) ? value : NOTHING;
}

export function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

/** A text that is not empty, or a number as text; cut to `limit`, without NUL and lone surrogates. */
export function text(value: unknown, limit = MAX_TEXT): string | null {
  if (typeof value === 'number' && Number.isFinite(value)) return String(value);
  if (typeof value !== 'string') return null;
  const clean = value.slice(0, limit).toWellFormed().replaceAll('\0', '\uFFFD').trim();
  return clean === '' ? null : clean;
}

/** Like `text`, but null when too long: half an id is another id. */
export function id(value: unknown): string | null {
  return typeof value === 'string' && value.length > MAX_TEXT ? null : text(value);
}

export function url(value: unknown): string | null {
  return text(value, MAX_URL);
}

export function integer(value: unknown): number | null {
  const number = typeof value === 'string' && /^-?[0-9]{1,15}$/.test(value) ? Number(value) : value;
  return Number.isSafeInteger(number) ? (number as number) : null;
}

/** The address of `Name <address>` or of a bare address. */
export function address(value: unknown): string | null {
  if (typeof value !== 'string' || value.length > 2 * MAX_ADDRESS) return null;
  const inner = value.trim().endsWith('>')
    ? value.slice(value.lastIndexOf('<') + 1, value.lastIndexOf('>'))
    : value;
  const clean = text(inner);
  return clean === null || clean.length > MAX_ADDRESS || !clean.includes('@') ? null : clean;
}

/** A `Message-ID` in angle brackets, whether it came with them or not (RFC 5322 section 3.6.4). */
export function messageIdHeader(value: unknown): string | null {
  const bare = id(value)?.replace(/^<|>$/g, '') ?? null;
  return bare === null || bare === '' ? null : `<${bare}>`;
}

/** Seconds since the epoch, whole or not, as number or text -> milliseconds. */
export function seconds(value: unknown): number | null {
  const number = typeof value === 'string' && /^[0-9.]{1,20}$/.test(value) ? Number(value) : value;
  return typeof number === 'number' ? milliseconds(number * 1000) : null;
}

export function milliseconds(value: unknown): number | null {
  const number = typeof value === 'string' && /^[0-9]{1,16}$/.test(value) ? Number(value) : value;
  if (typeof number !== 'number' || !(number > 0 && number <= MAX_TIME)) return null;
  return Math.floor(number);
}

const DATE_TIME =
  /^([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}:[0-9]{2})(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:?[0-9]{2})?$/;

/** ISO 8601 -> milliseconds; UTC when it names no zone. */
export function isoTime(value: unknown): number | null {
  const match = typeof value === 'string' ? DATE_TIME.exec(value) : null;
  if (match === null) return null;
  const [, date, time, fraction = '', zone = 'Z'] = match;
  return milliseconds(Date.parse(`${date}T${time}${fraction.slice(0, 4)}${zone}`));
}

/** Texts of a list, or one text as a list. */
export function tags(value: unknown): string[] {
  const values = Array.isArray(value) ? value.slice(0, MAX_TAGS) : [value];
  return values.map((tag) => text(tag, MAX_TAG)).filter((tag) => tag !== null);
}

/** The members that are texts, numbers or booleans, as texts. */
export function metadata(value: unknown): Record<string, string> {
  const entries: [string, string][] = [];
  for (const [key, member] of Object.entries(fields(value))) {
    if (entries.length === MAX_METADATA) break;
    const name = text(key, MAX_TAG);
    const content = typeof member === 'boolean' ? String(member) : text(member);
    if (name !== null && name !== '__proto__' && content !== null) entries.push([name, content]);
  }
  return Object.fromEntries(entries);
}

/** A copy that is safe to store and to write as JSON: bounded in members, and so in depth, and in length of texts. */
export function bounded(value: unknown): unknown {
  return copy(value, { members: 500 });
}

/** What is left to copy. */
interface Budget {
  members: number;
}

function copy(value: unknown, budget: Budget): unknown {
  if (typeof value === 'string') return value.slice(0, MAX_URL).toWellFormed().replaceAll('\0', '\uFFFD');
  if (typeof value !== 'object' || value === null) return value ?? null;
  const entries: [string, unknown][] = [];
  for (const [key, member] of Object.entries(value)) {
    if (budget.members <= 0) break;
    budget.members -= 1;
    const name = text(key, MAX_TAG);
    if (name !== null && name !== '__proto__') entries.push([name, copy(member, budget)]);
  }
  return Array.isArray(value) ? entries.map(([, member]) => member) : Object.fromEntries(entries);
}
