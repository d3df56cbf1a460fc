/** The parts of a MIME message (RFC 2045, RFC 2046), each finished as it is made. */

import { randomBytes } from 'node:crypto';
import MimeNode from 'nodemailer/lib/mime-node';
import type { AttachmentInput } from './attachment-input.ts';
import { base64Lines, encodeText } from './transfer-encoding.ts';

export interface MimePart {
  /** The Content fields and the empty line. */
  header: string;
  /** What follows the empty line, without a line break at its end. */
  body: Buffer[];
}

const CRLF = Buffer.from('\r\n');
/** A node that knows another root writes its own header only, without Date and Message-ID. */
const ROOT = new MimeNode('multipart/mixed');

export function textPart(subtype: 'plain' | 'html', text: string): MimePart {
  const { encoding, body } = encodeText(Buffer.from(crlf(text)));
  return {
    header: `Content-Type: text/${subtype}; charset=utf-8\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n`,
    body: [body],
  };
}

/** nodemailer writes the header, for the file name in it (RFC 2231). It sees no content, so it can read no file. */
export function attachmentPart(attachment: AttachmentInput): MimePart {
  const { content_type: type, content_id, filename, content } = attachment;
  // A message may not be encoded (RFC 2046 section 5.2.1); it was checked to be fit as it is.
  const encoding = /^message\//i.test(type) ? '7bit' : 'base64';
  const node = new MimeNode(type, { filename, rootNode: ROOT });
  node.setHeader('Content-Transfer-Encoding', encoding);
  node.setHeader('Content-Disposition', content_id === null ? 'attachment' : 'inline');
  if (content_id !== null) node.setHeader('Content-ID', `<${content_id}>`);
  return {
    header: `${node.buildHeaders()}\r\n\r\n`,
    body: [encoding === '7bit' ? content : base64Lines(content)],
  };
}

/**
 * `parts` in their order; one alone stays as it is. The boundary holds `=_`, which neither encoding ever writes,
 * and 96 random bits for the parts that are not encoded.
 */
export function multipart(subtype: 'mixed' | 'alternative' | 'related', parts: MimePart[]): MimePart {
  const [only] = parts;
  if (only !== undefined && parts.length === 1) return only;
  const boundary = `=_${randomBytes(12).toString('hex')}`;
  const between = Buffer.from(`--${boundary}\r\n`);
  const body: Buffer[] = [];
  for (const part of parts) body.push(between, Buffer.from(part.header), ...part.body, CRLF);
  body.push(Buffer.from(`--${boundary}--`));
  const type = subtype === 'related' ? 'related; type="text/html"' : subtype;
  return { header: `Content-Type: multipart/${type};\r\n boundary="${boundary}"\r\n\r\n`, body };
}

/** Lines of mail end in CRLF and nothing else (RFC 5322 section 2.3). */
function crlf(text: string): string {
  return /[\r\n]/.test(text) ? text.replace(/\r\n|\r|\n/g, '\r\n') : text;
}
