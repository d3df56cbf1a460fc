/** Tells what an incoming mail is: a bounce, a delay notice, a complaint, an automatic answer, or a mail like any other. */

import {
  complained,
  feedbackMessageId,
  isJunkMailReport,
  readFeedback,
  singleAddress,
} from './feedback-report.ts';
import { isAutoReply } from './auto-reply.ts';
import { mergeCodes, readDeliveryStatus, type DeliveryStatus } from './delivery-status.ts';
import { field, type Field } from './header-fields.ts';
import { visibleText } from './visible-text.ts';
import { partText, readParts, type Part } from './mime-parts.ts';
import { fieldsOf, messageId, originalFields, originalMessage } from './original.ts';
import { failedAddress } from './report-address.ts';
import { NO_ORIGINAL, type MailReport, type ReportedRecipient } from './report.ts';
import { isMachine, onlyNamed, readTextReport, saidInText, type TextReport } from './text-report.ts';

/** Larger ones name more recipients than are read. */
const STATUS_BYTES = 8 * 1024 * 1024;
const FEEDBACK_BYTES = 256 * 1024;
/** Recipients whose diagnostic is looked up in the text; each costs a pass over it. */
const MAX_COMPLETED = 100;
const DELIVERY_STATUS = new Set(['message/delivery-status', 'message/global-delivery-status']);

/** Never throws for what the mail holds; time and memory are bounded by its size. */
export function readReport(raw: Uint8Array): MailReport {
  const mail = readParts(raw);
  return feedbackReport(mail) ?? statusReport(mail) ?? textReport(mail) ?? plainMail(mail);
}

function feedbackReport(mail: Part): MailReport | null {
  const original = originalFields(mail.parts);
  const part = mail.parts.find(({ type }) => type === 'message/feedback-report');
  if (part === undefined && !isJunkMailReport(mail.fields, original)) return null;
  // What it says is laid out like a header; blank lines before it do not end it.
  const fields = part === undefined ? [] : fieldsOf(partText(part, FEEDBACK_BYTES));
  const feedback = readFeedback(
    part === undefined ? [{ name: 'feedback-type', value: 'abuse' }] : fields,
    original,
  );
  const about = originalMessage(original);
  if (!feedback.complaint) return { ...nothing('other'), original: about };
  return {
    kind: 'complaint',
    recipients: feedback.addresses.map((address) => complained(address, feedback.feedback_type)),
    original: { ...about, message_id: about.message_id ?? feedbackMessageId(fields) },
    feedback: {
      feedback_type: feedback.feedback_type,
      user_agent: feedback.user_agent,
      original_mail_from: feedback.original_mail_from,
    },
    truncated: false,
  };
}

/**
 * A report is the whole mail (RFC 6522), never an attachment of one: forwarding a bounce makes no bounce. Some
 * servers call the whole multipart/mixed; then a machine must have sent it.
 */
function statusReport(mail: Part): MailReport | null {
  const part = mail.parts.find(({ type }) => DELIVERY_STATUS.has(type));
  if (part === undefined || (mail.type !== 'multipart/report' && !isMachine(mail.fields))) return null;
  const status = readDeliveryStatus(partText(part, STATUS_BYTES));
  // An empty machine part: the text may tell.
  if (!status.told) return null;
  return fromStatus(mail, status);
}

function fromStatus(mail: Part, status: DeliveryStatus): MailReport {
  const original = originalMessage(originalFields(mail.parts));
  const recipients = completed(status.recipients, mail, original.to);
  const failed = recipients.some(({ action }) => action === 'failed');
  return {
    kind: failed ? 'bounce' : recipients.length > 0 ? 'delayed' : 'other',
    recipients,
    original: {
      ...original,
      message_id: original.message_id ?? messageId(field(status.message, 'x-original-message-id')),
    },
    feedback: null,
    truncated: status.truncated,
  };
}

/** Fills in what the machine part leaves out from the text beside it, the header, and the original. */
function completed(recipients: ReportedRecipient[], mail: Part, to: string | null): ReportedRecipient[] {
  if (!recipients.some(({ address, diagnostic }) => address === null || diagnostic === '')) return recipients;
  const text = visibleText(mail);
  const only = recipients.length === 1 ? onlyAddress(mail.fields, text, to) : null;
  return recipients.map((recipient, index) => {
    const address = recipient.address ?? only;
    if (recipient.diagnostic !== '' || index >= MAX_COMPLETED) return { ...recipient, address };
    const diagnostic = saidInText(text, address);
    return { ...recipient, address, ...mergeCodes(recipient.enhanced_code, diagnostic), diagnostic };
  });
}

function onlyAddress(fields: readonly Field[], text: string, to: string | null): string | null {
  const failed = field(fields, 'x-failed-recipients');
  if (failed !== null) return failedAddress(failed);
  return onlyNamed(text) ?? (to === null ? null : singleAddress(to));
}

function textReport(mail: Part): MailReport | null {
  if (isReceipt(mail)) return null;
  const isReport =
    mail.type === 'multipart/report' && mail.params.get('report-type')?.toLowerCase() === 'delivery-status';
  const found = readTextReport(mail.fields, visibleText(mail), isReport);
  if (found === null) return null;
  const status = embeddedStatus(found.own);
  if (status !== null) return fromStatus(mail, status);
  const attached = originalFields(mail.parts);
  const original = originalMessage(attached.length > 0 ? attached : fieldsOf(found.original));
  const recipients = textRecipients(found, original.to);
  return recipients.length === 0
    ? null
    : { kind: found.delayed ? 'delayed' : 'bounce', recipients, original, feedback: null, truncated: false };
}

/** Some servers put what should be the machine's part into the text. */
function embeddedStatus(text: string): DeliveryStatus | null {
  const start = text.search(/^(?:reporting-mta|final-recipient|action) ?:/im);
  if (start < 0) return null;
  const status = readDeliveryStatus(text.slice(start));
  return status.recipients.length > 0 ? status : null;
}

function textRecipients(found: TextReport, to: string | null): ReportedRecipient[] {
  const action = found.delayed ? 'delayed' : 'failed';
  const one = (address: string | null, diagnostic: string): ReportedRecipient => {
    return { address, action, ...mergeCodes(null, diagnostic), diagnostic, remote: null };
  };
  const named = [...found.named].map(([address, said]) => one(address, said || found.said));
  if (found.guessed) return named.filter((each) => each.smtp_code !== null || each.enhanced_code !== null);
  if (named.length > 0 || !found.known) return named;
  return [one(to === null ? null : singleAddress(to), found.said)];
}

/** RFC 8098: it was read, or deleted; either way it was delivered. */
function isReceipt(mail: Part): boolean {
  return mail.parts.some(
    ({ type }) =>
      type === 'message/disposition-notification' || type === 'message/global-disposition-notification',
  );
}

function plainMail(mail: Part): MailReport {
  return nothing(!isReceipt(mail) && isAutoReply(mail.fields) ? 'auto_reply' : 'other');
}

function nothing(kind: 'auto_reply' | 'other'): MailReport {
  return { kind, recipients: [], original: NO_ORIGINAL, feedback: null, truncated: false };
}
