/** The rendered parts of a MIME message, as a mail program would show them. */

import type { MailboxObject, MessageContent } from '@postrider/contract/schemas/message';
import PostalMime, { type Address } from 'postal-mime';

/** Headers shown at most: a hostile message may hold any number. */
const MAX_HEADERS = 500;

export async function messageContent(raw: Uint8Array): Promise<MessageContent> {
  const mail = await PostalMime.parse(raw, { attachmentEncoding: 'arraybuffer' });
  return {
    subject: mail.subject ?? '',
    from: mail.from === undefined ? null : mailbox(mail.from),
    to: mailboxes(mail.to),
    cc: mailboxes(mail.cc),
    reply_to: mailboxes(mail.replyTo),
    date: mail.date ?? null,
    html: mail.html ?? null,
    text: mail.text ?? null,
    headers: mail.headers
      .slice(0, MAX_HEADERS)
      .map((header) => ({ name: header.originalKey, value: header.value })),
    attachments: mail.attachments.map((attachment) => ({
      filename: attachment.filename,
      content_type: attachment.mimeType,
      disposition: attachment.disposition,
      content_id: attachment.contentId?.replace(/^<|>$/g, '') ?? null,
      size:
        typeof attachment.content === 'string'
          ? Buffer.byteLength(attachment.content)
          : attachment.content.byteLength,
    })),
  };
}

function mailboxes(addresses: Address[] | undefined): MailboxObject[] {
  return (addresses ?? []).flatMap((entry) =>
    entry.group === undefined ? [mailbox(entry)] : entry.group.map(mailbox),
  );
}

function mailbox(entry: { name?: string; address?: string | undefined }): MailboxObject {
  return { name: entry.name ?? '', email: entry.address ?? '' };
}
