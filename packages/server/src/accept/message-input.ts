/**
 * A message as the API takes it: from an unknown JSON body to something that can be composed. Types, unknown
 * fields, limits and meaning are all checked here, and everything that is wrong is told at once.
 */

import { MAX_SUBJECT } from '@postrider/contract/schemas/limits';
import { messageBodySchema } from '@postrider/contract/schemas/message';
import { readAttachments, type AttachmentInput } from './attachment-input.ts';
import { readHeaders, valueTrouble } from './custom-headers.ts';
import { Faults, fieldsOf, refuseUnknown } from './faults.ts';
import { parseInstant } from './instant.ts';
import { readLabels, type Labels } from './labels.ts';
import type { AcceptLimits } from './limits.ts';
import type { Mailbox } from './mailbox.ts';
import { readMailbox, readRecipients, readReplyTo, type RecipientInput } from './recipients-input.ts';
import { isObject } from './text-rules.ts';

export interface MessageInput extends Labels {
  from: Mailbox;
  reply_to: Mailbox[];
  /** Each address once. */
  recipients: RecipientInput[];
  subject: string;
  html: string | null;
  text: string | null;
  headers: [name: string, value: string][];
  attachments: AttachmentInput[];
  stream: string;
  track: { opens: boolean; clicks: boolean };
  unsubscribe: { list: string | null } | null;
  /** Environment's clock, ms; null = at once. */
  send_at: number | null;
  expires_at: number | null;
}

export interface MessageRules {
  limits: AcceptLimits;
  /** Environment's clock, ms. */
  now: number;
}

const MESSAGE_FIELDS = fieldsOf(messageBodySchema);

export const DEFAULT_STREAM = 'transactional';
const STREAM = /^[a-z0-9][a-z0-9_-]{0,63}$/;
const TRACK_FIELDS = { known: new Set(['opens', 'clicks']) };
const UNSUBSCRIBE_FIELDS = { known: new Set(['list']) };
const DAY_MS = 86_400_000;

/** Throws `validation_failed` with a JSON Pointer and a remedy for each thing that is wrong. */
export function readMessage(body: unknown, rules: MessageRules): MessageInput {
  const faults = new Faults();
  if (!isObject(body)) {
    faults.add('', 'must be an object');
    throw faults.error();
  }
  refuseUnknown(body, MESSAGE_FIELDS, '', faults);
  const from = body.from === undefined ? missingFrom(faults) : readMailbox(body.from, '/from', faults);
  const recipients = readRecipients(body, rules.limits, faults);
  const content = readContent(body, faults);
  const attachments =
    body.attachments === undefined
      ? []
      : readAttachments(body.attachments, '/attachments', rules.limits, faults);
  const headers =
    body.headers === undefined ? [] : readHeaders(body.headers, '/headers', rules.limits, faults);
  const reply_to = readReplyTo(body.reply_to, faults);
  const labels = readLabels(body, '', rules.limits, faults);
  const policy = readPolicy(body, faults);
  const times = readTimes(body, rules, faults);
  faults.throwIfAny();
  return {
    ...labels,
    ...content,
    ...policy,
    ...times,
    from: from as Mailbox,
    reply_to,
    recipients,
    headers,
    attachments,
  };
}

function missingFrom(faults: Faults): null {
  faults.add('/from', 'is missing; give the sender, for example "Shop <shop@example.com>"');
  return null;
}

function readContent(
  body: Record<string, unknown>,
  faults: Faults,
): Pick<MessageInput, 'subject' | 'html' | 'text'> {
  const html = readBody(body.html, '/html', faults);
  const text = readBody(body.text, '/text', faults);
  if ((body.html ?? null) === null && (body.text ?? null) === null)
    faults.add('/html', 'is missing; give `html`, `text` or both');
  return { subject: readSubject(body.subject, faults), html, text };
}

function readBody(value: unknown, at: string, faults: Faults): string | null {
  if (value === undefined || value === null) return null;
  if (typeof value !== 'string') faults.add(at, 'must be a string');
  else if (value === '') faults.add(at, 'is empty; leave it out or give it content');
  else if (value.includes('\0')) faults.add(at, 'has a NUL character; remove it');
  else if (!value.isWellFormed()) faults.add(at, 'is not well-formed Unicode; remove the lone surrogate');
  else return value;
  return null;
}

function readSubject(value: unknown, faults: Faults): string {
  if (value === undefined) {
    faults.add('/subject', 'is missing; an empty string is allowed');
    return '';
  }
  const trouble =
    typeof value === 'string' && value.length > MAX_SUBJECT
      ? `is longer than ${MAX_SUBJECT} characters`
      : valueTrouble(value);
  if (trouble === null) return value as string;
  faults.add('/subject', trouble);
  return '';
}

function readPolicy(
  body: Record<string, unknown>,
  faults: Faults,
): Pick<MessageInput, 'stream' | 'track' | 'unsubscribe'> {
  return {
    stream: readStream(body.stream, '/stream', faults),
    track: readTrack(body.track, faults),
    unsubscribe: readUnsubscribe(body.unsubscribe, faults),
  };
}

export function readStream(value: unknown, at: string, faults: Faults): string {
  if (value === undefined || value === null) return DEFAULT_STREAM;
  if (typeof value === 'string' && STREAM.test(value)) return value;
  faults.add(at, 'must be transactional, bulk, or a name of 1 to 64 of a-z, 0-9, - and _');
  return DEFAULT_STREAM;
}

function readTrack(value: unknown, faults: Faults): MessageInput['track'] {
  const track = { opens: false, clicks: false };
  if (value === undefined || value === null) return track;
  if (!isObject(value)) {
    faults.add('/track', 'must be an object with `opens` and `clicks`');
    return track;
  }
  refuseUnknown(value, TRACK_FIELDS, '/track', faults);
  for (const key of ['opens', 'clicks'] as const) {
    if (value[key] === undefined) continue;
    if (typeof value[key] === 'boolean') track[key] = value[key];
    else faults.add(`/track/${key}`, 'must be true or false');
  }
  return track;
}

function readUnsubscribe(value: unknown, faults: Faults): MessageInput['unsubscribe'] {
  if (value === undefined || value === null) return null;
  if (!isObject(value)) {
    faults.add('/unsubscribe', 'must be an object, with `list` if there are several lists');
    return null;
  }
  refuseUnknown(value, UNSUBSCRIBE_FIELDS, '/unsubscribe', faults);
  const list = value.list ?? null;
  if (list === null) return { list: null };
  if (typeof list === 'string' && STREAM.test(list)) return { list };
  faults.add('/unsubscribe/list', 'must be a name of 1 to 64 of a-z, 0-9, - and _');
  return null;
}

/** A `send_at` that has passed means at once; an `expires_at` that has passed drops the message, it is no error. */
function readTimes(
  body: Record<string, unknown>,
  rules: MessageRules,
  faults: Faults,
): Pick<MessageInput, 'send_at' | 'expires_at'> {
  const send_at = readTime(body.send_at, '/send_at', rules, faults);
  const expires_at = readTime(body.expires_at, '/expires_at', rules, faults);
  if (send_at !== null && expires_at !== null && expires_at <= send_at)
    faults.add('/expires_at', 'is not after send_at, so the message could never be sent');
  return { send_at: send_at !== null && send_at <= rules.now ? null : send_at, expires_at };
}

function readTime(value: unknown, at: string, rules: MessageRules, faults: Faults): number | null {
  if (value === undefined || value === null) return null;
  const time = typeof value === 'string' ? parseInstant(value) : null;
  if (time === null) {
    faults.add(at, 'must be an ISO-8601 time with a zone, for example 2026-04-19T14:32:00Z');
    return null;
  }
  if (time > rules.now + rules.limits.schedule_days * DAY_MS)
    faults.add(
      at,
      `is more than ${rules.limits.schedule_days} days ahead; the limit is limits.schedule_days`,
    );
  return time;
}
