/**
 * A checked message as MIME. nodemailer encodes what of the header is not plain; the rest is put together here,
 * in one pass, because its composer takes five times as long and its streams several turns of the event loop.
 */

import type { RecipientRole } from '../domain/message.ts';
import { addressField, encodedField, headerField } from './header-text.ts';
import { htmlToText } from './html-to-text.ts';
import type { Mailbox } from './mailbox.ts';
import type { MessageInput } from './message-input.ts';
import { mailDate } from './mail-date.ts';
import { attachmentPart, multipart, textPart, type MimePart } from './mime-part.ts';

export interface ComposeOptions {
  /** Without its angle brackets. */
  messageId: string;
  date: Date;
}

/** The message as it goes out, in CRLF lines. Bcc recipients are not in it. */
export function composeMime(input: MessageInput, options: ComposeOptions): Buffer {
  const content = contentOf(input);
  const last = content.body.at(-1);
  // A text ends its last line itself; a delimiter, and base64, do not.
  const ended = last !== undefined && last.length >= 2 && last.at(-1) === LF;
  const header = Buffer.from(headerOf(input, options) + content.header);
  return Buffer.concat(ended ? [header, ...content.body] : [header, ...content.body, CRLF]);
}

const LF = 0x0a;
const CRLF = Buffer.from('\r\n');

/** mixed( alternative( text, related( html, inline … ) ), attachments … ), each level only where it is needed. */
function contentOf(input: MessageInput): MimePart {
  const { html } = input;
  const text = input.text ?? htmlToText(html ?? '');
  const inline = input.attachments.filter(({ content_id }) => html !== null && content_id !== null);
  const attached = input.attachments.filter((attachment) => !inline.includes(attachment));
  const bodies: MimePart[] = [];
  // HTML that shows nothing but pictures has no text, and then no text part.
  if (text !== '') bodies.push(textPart('plain', text));
  if (html !== null)
    bodies.push(multipart('related', [textPart('html', html), ...inline.map(attachmentPart)]));
  return multipart('mixed', [multipart('alternative', bodies), ...attached.map(attachmentPart)]);
}

function headerOf(input: MessageInput, options: ComposeOptions): string {
  return [
    addressField('From', [input.from]),
    recipientFields(input),
    addressField('Reply-To', input.reply_to),
    headerField('Subject', input.subject),
    `Date: ${mailDate(options.date)}\r\n`,
    `Message-ID: <${options.messageId}>\r\n`,
    ...input.headers.map(([name, value]) => encodedField(name, value)),
    'MIME-Version: 1.0\r\n',
  ].join('');
}

/** Who the recipients see. With only hidden ones the header says so (RFC 5322 appendix A.1.3). */
function recipientFields(input: MessageInput): string {
  const shown = addressField('To', withRole(input, 'to')) + addressField('Cc', withRole(input, 'cc'));
  return shown === '' ? 'To: undisclosed-recipients:;\r\n' : shown;
}

function withRole(input: MessageInput, role: RecipientRole): Mailbox[] {
  const mailboxes: Mailbox[] = [];
  for (const recipient of input.recipients) if (recipient.role === role) mailboxes.push(recipient.mailbox);
  return mailboxes;
}
