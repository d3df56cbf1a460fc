/**
 * A finished message as it comes by SMTP: our own headers taken out and used, what a submission server adds
 * added (RFC 6409 section 8), every other byte left as it is.
 */

import type { RecipientRole } from '../domain/message.ts';
import { Faults, token } from './faults.ts';
import {
  fieldText,
  headerError,
  readHeaderBlock,
  type HeaderBlock,
  type HeaderField,
} from './header-block.ts';
import { readCampaign, readMetadata, readTags, type Labels } from './labels.ts';
import type { AcceptLimits } from './limits.ts';
import { mailDate } from './mail-date.ts';
import { DEFAULT_STREAM, readStream } from './message-input.ts';

/** Who handed the message in, for the Received header. */
export interface SmtpClient {
  /** What it said in EHLO. */
  helo: string;
  /** IP address of the other end. */
  address: string;
  /** RFC 3848 and RFC 6531: ESMTP, ESMTPA, ESMTPS, ESMTPSA, UTF8SMTPSA … */
  protocol: string;
}

export interface MimeOptions {
  limits: AcceptLimits;
  message_id: string;
  /** For Message-ID, should it be absent. Without angle brackets. */
  messageIdHeader: string;
  /** Our own host name, for Received. */
  hostname: string;
  date: Date;
  client: SmtpClient | null;
}

export interface MimeInput extends Labels {
  raw: Buffer;
  subject: string;
  stream: string;
  /** Role of an address as the header shows it; what it does not show is `bcc`. */
  roleOf(address: string): RecipientRole;
}

const PREFIX = 'x-postrider-';
const TAG = 'x-postrider-tag';
const METADATA = 'x-postrider-metadata';
const CAMPAIGN = 'x-postrider-campaign';
const STREAM = 'x-postrider-stream';
const MAX_SUBJECT_LENGTH = 998;

/** Throws `validation_failed` naming the header that does not fit. */
export function readMime(raw: Buffer, options: MimeOptions): MimeInput {
  const block = readHeaderBlock(raw, options.limits.header_bytes);
  const own = ownHeaders(raw, block, options.limits);
  const froms = block.fields.filter((field) => field.name === 'from').length;
  if (froms !== 1)
    throw headerError(
      'From',
      froms === 0 ? 'is missing; add the sender' : 'is there more than once; keep one',
    );
  const subject = block.fields.find((field) => field.name === 'subject');
  return {
    ...own,
    raw: rewrite(raw, block, options),
    subject: subject === undefined ? '' : shownSubject(fieldText(raw, subject)),
    roleOf: roles(raw, block),
  };
}

/** As it is listed. Encoded words can say anything, line breaks and NUL included; the message itself keeps them. */
function shownSubject(text: string): string {
  return text
    .replace(/\p{Cc}+/gu, ' ')
    .slice(0, MAX_SUBJECT_LENGTH)
    .toWellFormed();
}

/** The X-Postrider headers. An unknown one is a misspelt one, and is refused rather than sent to the recipient. */
function ownHeaders(raw: Buffer, block: HeaderBlock, limits: AcceptLimits): Labels & { stream: string } {
  const values: Record<string, string[]> = { [TAG]: [], [METADATA]: [], [CAMPAIGN]: [], [STREAM]: [] };
  const faults = new Faults();
  for (const field of block.fields) {
    if (!field.name.startsWith(PREFIX)) continue;
    const list = values[field.name];
    if (list === undefined)
      faults.add(
        `/headers/${token(field.name)}`,
        'is unknown; there are X-Postrider-Tag, -Metadata, -Campaign and -Stream',
      );
    else list.push(fieldText(raw, field));
  }
  const tags = (values[TAG] ?? []).flatMap((value) => value.split(',').map((tag) => tag.trim()));
  const own = {
    tags: readTags(tags, '/headers/X-Postrider-Tag', limits, faults),
    metadata: readMetadataHeaders(values[METADATA] ?? [], limits, faults),
    campaign_id: readCampaign(
      single(values[CAMPAIGN], 'X-Postrider-Campaign', faults),
      '/headers/X-Postrider-Campaign',
      faults,
    ),
    stream: readStream(
      single(values[STREAM], 'X-Postrider-Stream', faults),
      '/headers/X-Postrider-Stream',
      faults,
    ),
  };
  faults.throwIfAny();
  return { ...own, stream: own.stream === '' ? DEFAULT_STREAM : own.stream };
}

function single(values: string[] | undefined, name: string, faults: Faults): string | undefined {
  if (values !== undefined && values.length > 1)
    faults.add(`/headers/${name}`, 'is there more than once; keep one');
  return values?.[0];
}

/** Each header is either a JSON object or one `key=value`; several are joined. */
function readMetadataHeaders(values: string[], limits: AcceptLimits, faults: Faults): Record<string, string> {
  const at = '/headers/X-Postrider-Metadata';
  const pairs: [string, unknown][] = [];
  for (const value of values) {
    const found = value.startsWith('{') ? jsonPairs(value) : plainPair(value);
    if (found === null) faults.add(at, 'must be a JSON object with string values, or key=value');
    else pairs.push(...found);
  }
  const keys = new Set(pairs.map(([key]) => key));
  if (keys.size < pairs.length) faults.add(at, 'names a key more than once; keep one');
  return readMetadata(Object.fromEntries(pairs), at, limits, faults);
}

function jsonPairs(text: string): [string, unknown][] | null {
  try {
    return Object.entries(JSON.parse(text) as object);
  } catch {
    // Not JSON: the caller reports it with the header's name.
    return null;
  }
}

function plainPair(text: string): [string, unknown][] | null {
  const equals = text.indexOf('=');
  return equals <= 0 ? null : [[text.slice(0, equals).trim(), text.slice(equals + 1).trim()]];
}

/** Bcc would tell everyone who was hidden (RFC 5322 section 3.6.3). */
function isTakenOut(field: HeaderField): boolean {
  return field.name === 'bcc' || field.name === 'resent-bcc' || field.name.startsWith(PREFIX);
}

function rewrite(raw: Buffer, block: HeaderBlock, options: MimeOptions): Buffer {
  const has = (name: string): boolean => block.fields.some((field) => field.name === name);
  const added = [received(options)];
  if (!has('date')) added.push(`Date: ${mailDate(options.date)}`);
  if (!has('message-id')) added.push(`Message-ID: <${options.messageIdHeader}>`);
  const parts: Buffer[] = [Buffer.from(`${added.join('\r\n')}\r\n`)];
  for (const field of block.fields) if (!isTakenOut(field)) parts.push(raw.subarray(field.start, field.end));
  parts.push(block.rest < raw.length ? raw.subarray(block.rest) : Buffer.from('\r\n'));
  return Buffer.concat(parts);
}

/** RFC 5321 section 4.4. */
function received(options: MimeOptions): string {
  const { client } = options;
  const from =
    client === null ? '' : `from ${hostWord(client.helo)} (${addressLiteral(client.address)})\r\n\t`;
  const protocol = client === null ? 'ESMTP' : client.protocol.replace(/[^A-Z0-9]/g, '');
  return `Received: ${from}by ${hostWord(options.hostname)} with ${protocol} id ${options.message_id};\r\n\t${mailDate(options.date)}`;
}

/** What a client calls itself is its own invention: only what a host name or literal has is repeated. */
function hostWord(text: string): string {
  return text.replace(/[^A-Za-z0-9.:[\]_-]/g, '').slice(0, 255) || 'unknown';
}

function addressLiteral(address: string): string {
  const clean = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/[^0-9A-Fa-f.:]/g, '');
  return clean.includes(':') ? `[IPv6:${clean}]` : `[${clean}]`;
}

/** The header's lists are searched, not parsed: roles are for show, and the envelope alone says who gets the mail. */
function roles(raw: Buffer, block: HeaderBlock): (address: string) => RecipientRole {
  const words = { to: new Set<string>(), cc: new Set<string>() };
  for (const field of block.fields) {
    if (field.name !== 'to' && field.name !== 'cc') continue;
    for (const word of fieldText(raw, field)
      .toLowerCase()
      .split(/[\s<>,;:()]+/))
      words[field.name].add(word);
  }
  return (address) => {
    const word = address.toLowerCase();
    return words.to.has(word) ? 'to' : words.cc.has(word) ? 'cc' : 'bcc';
  };
}
