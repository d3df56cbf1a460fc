/**
 * Header fields as text. What is plain is written as it is; what needs encoded words or folding goes through
 * nodemailer, which takes ten times as long.
 */

import { encodeWord, foldLines } from 'nodemailer/lib/mime-funcs';
import MimeNode from 'nodemailer/lib/mime-node';
import type { Mailbox } from './mailbox.ts';

/** RFC 5322 section 2.1.1 asks for at most 78 characters in a line. */
const LINE = 76;
/** Printable ASCII that nobody could take for an encoded word (RFC 2047). */
const PLAIN = /^(?!.*=\?)[\x20\x21\x23-\x7e]*$/;
/** A line of nothing but blanks, which a folded header must not have (RFC 5322 section 3.2.2). */
const BLANK_LINE = /\r\n[ \t]+\r\n/;
const PLAIN_NAME = /^[A-Za-z0-9_ ]+$/;
/** An address that holds no character with a meaning of its own in a header. */
const PLAIN_ADDRESS = /^[^\s"(),:;<>@[\\\]]+@[^\s"(),:;<>@[\\\]]+$/;

/** A field of text with its CRLF; empty when the value is. */
export function headerField(name: string, value: string): string {
  if (value.trim() === '') return '';
  if (name.length + value.length + 2 <= LINE && PLAIN.test(value)) return `${name}: ${value}\r\n`;
  const field = value.includes('=?') ? '' : folded(name, value);
  return field === '' || BLANK_LINE.test(field)
    ? `${foldLines(`${name}: ${literal(value)}`, LINE)}\r\n`
    : field;
}

/** A field of the caller's own: it may name messages (References, In-Reply-To) or bring its own encoded words. */
export function encodedField(name: string, value: string): string {
  const field = folded(name, value);
  // Between the words of a header one blank says as much as many.
  return BLANK_LINE.test(field) ? folded(name, value.replace(/[ \t]+/g, ' ').trim()) : field;
}

function folded(name: string, value: string): string {
  const encoded = MimeNode.encodeHeaderValue(name, value);
  return encoded.trim() === '' ? '' : `${foldLines(`${name}: ${encoded}`, LINE)}\r\n`;
}

/** From, To, Cc or Reply-To, a line for as many addresses as fit. Empty when there are none. */
export function addressField(name: string, mailboxes: readonly Mailbox[]): string {
  if (mailboxes.length === 0) return '';
  let field = `${name}:`;
  let column = field.length;
  for (const [at, mailbox] of mailboxes.entries()) {
    const text = mailboxText(mailbox) + (at < mailboxes.length - 1 ? ',' : '');
    if (at > 0 && column + text.length >= LINE) {
      field += '\r\n';
      column = 0;
    }
    field += ` ${text}`;
    column += text.length + 1;
  }
  return `${field}\r\n`;
}

function mailboxText({ name, address }: Mailbox): string {
  if (name === '') return PLAIN_ADDRESS.test(address) ? address : `<${address}>`;
  if (PLAIN_NAME.test(name)) return `${name} <${address}>`;
  const text = foldLines(MimeNode.encodeHeaderValue('To', [{ name, address }]), LINE);
  return name.includes('=?') || BLANK_LINE.test(text)
    ? foldLines(`${literal(name)} <${address}>`, LINE)
    : text;
}

/** Text that looks encoded already, encoded once more: the reader is shown what the sender wrote. */
function literal(text: string): string {
  return encodeWord(text, 'B', 52);
}
