/** Complaints: the abuse reporting format (RFC 5965, used as RFC 6650 says), and Microsoft's reports without it. */

import { field, type Field } from './header-fields.ts';
import { messageId } from './original.ts';
import { shownAddress, typedAddress } from './report-address.ts';
import { oneLine, type Feedback, type ReportedRecipient } from './report.ts';

/**
 * Types that are no complaint of a person: taken back (RFC 5965 section 3.1, not-spam), or a report to the owner of a
 * domain about forged mail (RFC 6591). Every type that is not known counts as `other`, as section 3.1 asks, and is one.
 */
const NO_COMPLAINT = new Set(['not-spam', 'auth-failure', 'dkim']);
const MAX_RECIPIENTS = 100;

export interface ReadFeedback extends Feedback {
  complaint: boolean;
  addresses: string[];
}

export function readFeedback(fields: readonly Field[], original: readonly Field[]): ReadFeedback {
  const feedback_type = oneLine(field(fields, 'feedback-type') ?? 'other').toLowerCase();
  return {
    feedback_type,
    user_agent: nullable(field(fields, 'user-agent')),
    original_mail_from: shownAddress(field(fields, 'original-mail-from') ?? ''),
    complaint: !NO_COMPLAINT.has(feedback_type),
    addresses: reportedAddresses(fields, original),
  };
}

/** Original-Rcpt-To may be there several times (RFC 5965 section 3.2), or hidden (RFC 6590). */
function reportedAddresses(fields: readonly Field[], original: readonly Field[]): string[] {
  for (const name of ['original-rcpt-to', 'removal-recipient']) {
    const named = fields
      .filter((each) => each.name === name)
      .slice(0, MAX_RECIPIENTS)
      .flatMap(({ value }) => shownAddress(typedAddress(value) ?? value) ?? []);
    if (named.length > 0) return [...new Set(named)];
  }
  // A loop that hides the address here often forgets it there; To alone may be anything, so only one name counts.
  const names = ['x-hmxmroriginalrecipient', 'delivered-to', 'x-original-to', 'to'];
  for (const name of names) {
    const value = field(original, name);
    const address = value === null ? null : singleAddress(value);
    if (address !== null) return [address];
  }
  return [];
}

/** The address of a field that has exactly one. */
export function singleAddress(value: string): string | null {
  const candidates = value.split(/[\s,;]+/).filter((word) => word.includes('@'));
  return candidates.length === 1 && candidates[0] !== undefined ? shownAddress(candidates[0]) : null;
}

/**
 * Microsoft's Junk Mail Reporting Program sends the message itself, with the recipient in a header of its own:
 * sendersupport.olc.protection.outlook.com/snds.
 */
export function isJunkMailReport(fields: readonly Field[], original: readonly Field[]): boolean {
  const from = field(fields, 'from')?.toLowerCase() ?? '';
  return (
    field(original, 'x-hmxmroriginalrecipient') !== null &&
    /@(?:[\w.-]+\.)?(?:hotmail|outlook|live|microsoft)\.com>?\s*$/.test(from.slice(-200))
  );
}

export function complained(address: string, feedback_type: string): ReportedRecipient {
  const diagnostic = `feedback report: ${feedback_type}`;
  return { address, action: 'complained', smtp_code: null, enhanced_code: null, diagnostic, remote: null };
}

export function feedbackMessageId(fields: readonly Field[]): string | null {
  return messageId(field(fields, 'original-message-id') ?? field(fields, 'x-original-message-id'));
}

function nullable(value: string | null): string | null {
  return value === null || value.trim() === '' ? null : oneLine(value);
}
