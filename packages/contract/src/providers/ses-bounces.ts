/**
 * Bounce types and sub-types of Amazon SES, which Resend passes on.
 * Source: https://docs.aws.amazon.com/ses/latest/dg/notification-contents.html#bounce-types.
 */

import type { Mapping } from './provider.ts';

const TYPES: readonly Mapping[] = [
  { theirs: 'Permanent', ours: 'bounce' },
  { theirs: 'Permanent/General', ours: 'bounce' },
  { theirs: 'Permanent/NoEmail', ours: 'bounce', category: 'invalid_email' },
  {
    theirs: 'Permanent/Suppressed',
    ours: 'dropped',
    note: 'on the suppression list of the provider: not sent',
  },
  {
    theirs: 'Permanent/OnAccountSuppressionList',
    ours: 'dropped',
    note: 'on the suppression list of the account',
  },
  { theirs: 'Permanent/UnsubscribedRecipient', ours: 'dropped', note: 'unsubscribed from the contact list' },
  { theirs: 'Transient', ours: 'soft_bounce', note: 'the provider gave up after its retries' },
  { theirs: 'Transient/General', ours: 'soft_bounce' },
  { theirs: 'Transient/MailboxFull', ours: 'soft_bounce', category: 'mailbox_full' },
  { theirs: 'Transient/MessageTooLarge', ours: 'soft_bounce', category: 'message_too_large' },
  { theirs: 'Transient/CustomTimeoutExceeded', ours: 'soft_bounce', category: 'timeout' },
  { theirs: 'Transient/ContentRejected', ours: 'soft_bounce', category: 'content' },
  { theirs: 'Transient/AttachmentRejected', ours: 'soft_bounce', category: 'content' },
  { theirs: 'Undetermined', ours: 'soft_bounce', note: 'no sure failure of the address' },
  { theirs: 'Undetermined/Undetermined', ours: 'soft_bounce' },
];

export function sesBounces(event: string): Mapping[] {
  return TYPES.map((mapping) => ({ ...mapping, theirs: `${event}/${mapping.theirs}` }));
}
