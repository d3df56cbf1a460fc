/** The machine's part of a delivery status notification: RFC 3464, and RFC 6533 for addresses in any script. */

import { enhancedCode, replyCodes } from '../../domain/bounce-rules/reply.ts';
import { field, readHeader, type Field } from './header-fields.ts';
import { originalAddress, typedAddress } from './report-address.ts';
import { MAX_RECIPIENTS, oneLine, type ReportedRecipient } from './report.ts';

export interface DeliveryStatus {
  /** Fields about the message as a whole. */
  message: Field[];
  /** Failed and delayed ones. */
  recipients: ReportedRecipient[];
  /** Whether it tells of any recipient, be it of success. */
  told: boolean;
  truncated: boolean;
}

const RECIPIENT_FIELDS = new Set(['final-recipient', 'original-recipient', 'x-actual-recipient']);

export function readDeliveryStatus(text: string): DeliveryStatus {
  const message: Field[] = [];
  const recipients: ReportedRecipient[] = [];
  let told = false;
  for (const group of recipientGroups(text, message)) {
    if (recipients.length === MAX_RECIPIENTS) return { message, recipients, told, truncated: true };
    const recipient = readRecipient(group, field(message, 'action'));
    if (recipient !== null) recipients.push(recipient);
    told = true;
  }
  return { message, recipients, told, truncated: false };
}

/** Groups are parted by empty lines; where a server forgot one, a second Final-Recipient starts the next. */
function* recipientGroups(text: string, message: Field[]): Generator<Field[]> {
  let open: Field[] | null = null;
  for (const block of blocks(text)) {
    for (const part of splitAtFinal(block)) {
      const named = part.some(({ name }) => RECIPIENT_FIELDS.has(name));
      if (!named && open === null) message.push(...part);
      // An empty line inside a group: what follows still belongs to it.
      else if (!named) open?.push(...part);
      else {
        if (open !== null) yield open;
        open = part;
      }
    }
  }
  if (open !== null) yield open;
}

function* blocks(text: string): Generator<Field[]> {
  let start = 0;
  let at = 0;
  while (at < text.length) {
    const lf = text.indexOf('\n', at);
    const end = lf < 0 ? text.length : lf;
    if (text.slice(at, end).trim() === '') {
      if (at > start) yield* block(text.slice(start, at));
      start = end + 1;
    }
    at = end + 1;
  }
  if (start < text.length) yield* block(text.slice(start));
}

function* block(text: string): Generator<Field[]> {
  const { fields } = readHeader(Buffer.from(text.trimStart()));
  if (fields.length > 0) yield fields;
}

function splitAtFinal(fields: Field[]): Field[][] {
  const starts = fields.flatMap(({ name }, index) => (name === 'final-recipient' ? [index] : []));
  if (starts.length < 2) return [fields];
  const cuts = [0, ...starts.slice(1), fields.length];
  return cuts.slice(1).map((end, index) => fields.slice(cuts[index], end));
}

/** Null for a success. Some servers say what became of all in the fields about the message. */
function readRecipient(fields: readonly Field[], actionOfAll: string | null): ReportedRecipient | null {
  const status = enhancedCode(field(fields, 'status'));
  const action = readAction(field(fields, 'action') ?? actionOfAll, status);
  if (action === null) return null;
  const final =
    typedAddress(field(fields, 'final-recipient')) ?? typedAddress(field(fields, 'x-actual-recipient'));
  const diagnostic = oneLine(
    (field(fields, 'diagnostic-code') ?? field(fields, 'x-supplementary-info') ?? '').replace(
      /^[\w.-]{1,40}\s*;\s*/,
      '',
    ),
  );
  return {
    address: originalAddress(field(fields, 'original-recipient'), final) ?? final,
    action,
    ...mergeCodes(status, diagnostic),
    diagnostic,
    remote: remoteHost(field(fields, 'remote-mta')),
  };
}

/** What the diagnostic says is nearer to the fact than Status, unless it says nothing in particular. */
export function mergeCodes(
  status: string | null,
  diagnostic: string,
): { smtp_code: number | null; enhanced_code: string | null } {
  const said = replyCodes(diagnostic);
  const vague = said.enhanced_code === null || said.enhanced_code.endsWith('.0.0');
  return {
    smtp_code: said.smtp_code,
    enhanced_code: vague ? (status ?? said.enhanced_code) : said.enhanced_code,
  };
}

/** RFC 3464 section 2.3.3; when the field is missing or unknown, the class of Status tells. */
function readAction(value: string | null, status: string | null): 'failed' | 'delayed' | null {
  const word = /[a-z]+/.exec(value?.toLowerCase() ?? '')?.[0] ?? '';
  if (word.startsWith('fail') || word.startsWith('undeliver')) return 'failed';
  if (word.startsWith('delay')) return 'delayed';
  if (word === 'delivered' || word === 'relayed' || word === 'expanded') return null;
  if (status?.startsWith('5.') === true) return 'failed';
  return status?.startsWith('4.') === true ? 'delayed' : null;
}

/** `dns; mx.example.com (192.0.2.1)` as `mx.example.com`. */
function remoteHost(value: string | null): string | null {
  const host = /^(?:[\w-]{1,20}\s*;)?\s*([^\s;,([]+)/.exec(value ?? '')?.[1] ?? '';
  return host === '' ? null : host.replace(/\.$/, '').toLowerCase().slice(0, 255);
}
