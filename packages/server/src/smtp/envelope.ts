/** The envelope of a transaction: what MAIL and RCPT say, judged (RFC 5321 sections 4.1.1.2 and 4.1.1.3). */

import { parseAddrSpec } from '../accept/address.ts';
import { readMailParameters, readPath, type PathRead } from './command.ts';
import { reply, type Reply } from './replies.ts';

export interface Sender {
  /** Empty for the null reverse-path (RFC 5321 section 4.5.5), which RFC 6409 lets a client submit. */
  mail_from: string;
  smtputf8: boolean;
  /** Octets announced by SIZE; 0 when none are. */
  size: number;
}

/** The argument of MAIL, or why it is refused. */
export function readSender(argument: string, maxBytes: number): Sender | { refusal: Reply } {
  const read = readPath(argument, 'FROM:');
  if (!read.ok) return { refusal: pathFault(read, 'bad_sender') };
  const asked = readMailParameters(read.command.parameters);
  if (!asked.ok) return { refusal: reply(asked.name, asked.reason) };
  const { size, smtputf8 } = asked.parameters;
  if (size !== null && size > BigInt(maxBytes)) return { refusal: tooLarge(maxBytes) };
  const { path } = read.command;
  const address = path === '' ? { address: '' } : readAddress(path, smtputf8, 'bad_sender');
  if ('refusal' in address) return address;
  return { mail_from: address.address, smtputf8, size: Number(size ?? 0n) };
}

/** The argument of RCPT, or why it is refused. */
export function readRecipient(argument: string, smtputf8: boolean): { address: string } | { refusal: Reply } {
  const read = readPath(argument, 'TO:');
  if (!read.ok) return { refusal: pathFault(read, 'bad_recipient') };
  const [parameter] = read.command.parameters.keys();
  if (parameter !== undefined) {
    return { refusal: reply('unknown_parameter', `RCPT parameter ${parameter.slice(0, 40)} is not offered`) };
  }
  return readAddress(read.command.path, smtputf8, 'bad_recipient');
}

export function tooLarge(most: number, size?: number): Reply {
  const what = size === undefined ? 'Message too large' : `Message too large with ${size} octets`;
  return reply('message_too_large', `${what}; the limit is ${most} octets`);
}

export function tooManyRecipients(most: number): Reply {
  return reply(
    'too_many_recipients',
    `Too many recipients; the limit is ${most} per message, send the rest in another`,
  );
}

type BadAddress = 'bad_sender' | 'bad_recipient';

function readAddress(
  path: string,
  smtputf8: boolean,
  name: BadAddress,
): { address: string } | { refusal: Reply } {
  const parsed = parseAddrSpec(path);
  if (!parsed.ok) {
    const who = name === 'bad_sender' ? 'sender' : 'recipient';
    return { refusal: reply(name, `The ${who} address ${parsed.reason}`) };
  }
  if (!smtputf8 && /[^\x20-\x7e]/.test(path)) return { refusal: reply('utf8_not_asked') };
  return { address: parsed.address };
}

function pathFault(read: Extract<PathRead, { ok: false }>, name: BadAddress): Reply {
  if (read.what === 'parameter') return reply('bad_argument', `Bad parameter: ${read.reason}`);
  return reply(name, `${name === 'bad_sender' ? 'Bad sender' : 'Bad recipient'}: ${read.reason}`);
}
