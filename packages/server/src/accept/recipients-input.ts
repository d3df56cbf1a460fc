/** The mailboxes of a message by the API: who sends it, who gets it, who is answered. */

import { MAX_REPLY_TO } from '@postrider/contract/schemas/limits';
import type { RecipientRole } from '../domain/message.ts';
import { parseAddrSpec } from './address.ts';
import { refuseUnknown, type Faults } from './faults.ts';
import type { AcceptLimits } from './limits.ts';
import { nameTrouble, parseMailbox, type Mailbox } from './mailbox.ts';
import { isObject } from './text-rules.ts';

export interface RecipientInput {
  mailbox: Mailbox;
  role: RecipientRole;
}

const FIELDS = { known: new Set(['email', 'name']) };
const ROLES: readonly RecipientRole[] = ['to', 'cc', 'bcc'];

/** One mailbox: `"Ann <ann@example.com>"`, `"ann@example.com"` or `{email, name?}`. */
export function readMailbox(value: unknown, at: string, faults: Faults): Mailbox | null {
  if (typeof value === 'string') {
    const mailbox = parseMailbox(value);
    if (mailbox.ok) return mailbox;
    faults.add(at, `the address ${mailbox.reason}`);
    return null;
  }
  if (isObject(value)) return readMailboxObject(value, at, faults);
  faults.add(at, 'must be an address such as "Ann <ann@example.com>", or {"email": …, "name": …}');
  return null;
}

function readMailboxObject(value: Record<string, unknown>, at: string, faults: Faults): Mailbox | null {
  const before = faults.count;
  refuseUnknown(value, FIELDS, at, faults);
  const name = value.name ?? '';
  const trouble = typeof name === 'string' ? nameTrouble(name) : 'must be a string';
  if (trouble !== null) faults.add(`${at}/name`, trouble);
  const address =
    typeof value.email === 'string'
      ? parseAddrSpec(value.email)
      : ({ ok: false, reason: 'must be a string' } as const);
  if (!address.ok) {
    faults.add(`${at}/email`, `the address ${address.reason}`);
    return null;
  }
  return faults.count > before ? null : { ...address, name: (name as string).trim() };
}

interface Most {
  count: number;
  /** Names the setting that can raise it; empty when it is fixed. */
  setting: string;
}

/** One mailbox or a list of them. */
function readMailboxes(value: unknown, at: string, most: Most, faults: Faults): Mailbox[] {
  if (!Array.isArray(value)) {
    const one = readMailbox(value, at, faults);
    return one === null ? [] : [one];
  }
  if (value.length > most.count) {
    faults.add(at, `has ${value.length} addresses; at most ${most.count} are allowed${most.setting}`);
    return [];
  }
  const mailboxes: Mailbox[] = [];
  for (const [index, item] of value.entries()) {
    const mailbox = readMailbox(item, `${at}/${index}`, faults);
    if (mailbox !== null) mailboxes.push(mailbox);
    if (faults.full) break;
  }
  return mailboxes;
}

export function readReplyTo(value: unknown, faults: Faults): Mailbox[] {
  if (value === undefined || value === null) return [];
  return readMailboxes(value, '/reply_to', { count: MAX_REPLY_TO, setting: '' }, faults);
}

/** `to`, `cc` and `bcc` in this order; who is named twice keeps the first role. */
export function readRecipients(
  body: Record<string, unknown>,
  limits: Pick<AcceptLimits, 'recipients'>,
  faults: Faults,
): RecipientInput[] {
  const before = faults.count;
  const most = { count: limits.recipients, setting: ' (limits.recipients)' };
  const recipients = new Map<string, RecipientInput>();
  let given = 0;
  for (const role of ROLES) {
    const value = body[role];
    if (value === undefined || value === null) continue;
    given += Array.isArray(value) ? value.length : 1;
    for (const mailbox of readMailboxes(value, `/${role}`, most, faults))
      if (!recipients.has(mailbox.address)) recipients.set(mailbox.address, { mailbox, role });
  }
  if (faults.count > before) return [];
  if (given > limits.recipients)
    faults.add(
      '/to',
      `with cc and bcc there are ${given} recipients; at most ${limits.recipients} are allowed (limits.recipients)`,
    );
  if (recipients.size === 0) faults.add('/to', 'is missing; name at least one recipient in to, cc or bcc');
  return [...recipients.values()];
}
