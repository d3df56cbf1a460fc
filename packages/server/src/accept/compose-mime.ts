/**
 * A checked message as MIME. nodemailer's composer builds the tree and the headers; the bodies are encoded here
 * in one pass each, because its own streams take several turns of the event loop for every part.
 */

import MailComposer from 'nodemailer/lib/mail-composer';
import type MimeNode from 'nodemailer/lib/mime-node';
import type { RecipientRole } from '../domain/message.ts';
import { htmlToText } from './html-to-text.ts';
import type { Mailbox } from './mailbox.ts';
import type { MessageInput } from './message-input.ts';
import { base64Lines, quotedPrintable } from './transfer-encoding.ts';

export interface ComposeOptions {
  /** Without its angle brackets. */
  messageId: string;
  date: Date;
}

/** The message as it goes out, in CRLF lines. Bcc recipients are not in it. */
export function composeMime(input: MessageInput, options: ComposeOptions): Buffer {
  const text = input.text ?? htmlToText(input.html ?? '');
  const composer = new MailComposer({
    from: addressOf(input.from),
    to: headerRecipients(input, 'to'),
    cc: headerRecipients(input, 'cc'),
    replyTo: input.reply_to.map(addressOf),
    subject: input.subject,
    messageId: `<${options.messageId}>`,
    date: options.date,
    headers: input.headers.map(([key, value]) => ({ key, value })),
    text: crlf(text),
    html: input.html === null ? undefined : crlf(input.html),
    attachments: input.attachments.map((attachment) => ({
      filename: attachment.filename,
      content: attachment.content,
      contentType: attachment.content_type,
      cid: attachment.content_id ?? undefined,
      contentDisposition: attachment.content_id === null ? 'attachment' : 'inline',
    })),
    disableUrlAccess: true,
    disableFileAccess: true,
  });
  const chunks: Buffer[] = [];
  render(composer.compile(), chunks);
  return Buffer.concat(chunks);
}

/** Who the recipients see. With only hidden ones the header says so, as RFC 5322 section 3.4 shows. */
function headerRecipients(input: MessageInput, role: RecipientRole): string | object[] {
  const shown = input.recipients.filter((recipient) => recipient.role === role);
  if (shown.length > 0 || role !== 'to') return shown.map((recipient) => addressOf(recipient.mailbox));
  const open = input.recipients.some((recipient) => recipient.role === 'cc');
  return open ? [] : 'undisclosed recipients:;';
}

function addressOf(mailbox: Mailbox): { name: string; address: string } {
  return { name: mailbox.name, address: mailbox.address };
}

function render(node: MimeNode, chunks: Buffer[]): void {
  chunks.push(Buffer.from(`${node.buildHeaders()}\r\n\r\n`));
  if (!node.multipart) {
    chunks.push(body(node), CRLF);
    return;
  }
  for (const child of node.childNodes) {
    chunks.push(Buffer.from(`--${node.boundary}\r\n`));
    render(child, chunks);
  }
  chunks.push(Buffer.from(`--${node.boundary}--\r\n`));
}

const CRLF = Buffer.from('\r\n');

function body(node: MimeNode): Buffer {
  const content = node.content;
  const octets = Buffer.isBuffer(content) ? content : Buffer.from(typeof content === 'string' ? content : '');
  const encoding = node.getTransferEncoding();
  if (encoding === 'base64') return base64Lines(octets);
  return encoding === 'quoted-printable' ? quotedPrintable(octets) : octets;
}

/** Lines of mail end in CRLF and nothing else (RFC 5322 section 2.3). */
function crlf(text: string): string {
  return text.replace(/\r\n|\r|\n/g, '\r\n');
}
