/** What the store gets to keep of a message, from what each door took in. */

import { newId } from '../base/ids.ts';
import { labelsJson } from '../domain/event.ts';
import type { NewMessage, NewRecipient, RecipientRole } from '../domain/message.ts';
import type { Environment } from '../domain/tenancy.ts';
import type { MessageInput } from './message-input.ts';
import type { MimeInput } from './mime-input.ts';

/** A message of the API; its size and MIME are set once it is composed. */
export function newMessage(
  environment: Environment,
  message_id: string,
  input: MessageInput,
  now: number,
): NewMessage {
  const expired = input.expires_at !== null && input.expires_at <= now;
  return {
    message_id,
    env: environment.env,
    via: 'api',
    from: input.from.address,
    subject: input.subject,
    stream: input.stream,
    labels: labelsJson(input.tags, input.metadata, input.campaign_id),
    tags: input.tags,
    metadata: input.metadata,
    campaign_id: input.campaign_id,
    size: 0,
    created_at: now,
    send_at: input.send_at,
    expires_at: input.expires_at,
    options: JSON.stringify({ ...input.track, unsubscribe: input.unsubscribe }),
    raw: NOTHING,
    recipients: input.recipients.map(({ mailbox, role }) =>
      newRecipient(mailbox.address, role, expired ? 'expired' : null),
    ),
  };
}

const NOTHING = new Uint8Array(0);
const NO_OPTIONS = JSON.stringify({ opens: false, clicks: false, unsubscribe: null });

/** A message by SMTP, whose MIME is compressed afterwards. */
export function mimeMessage(
  environment: Environment,
  message_id: string,
  from: string,
  recipients: string[],
  input: MimeInput,
  now: number,
): NewMessage {
  return {
    message_id,
    env: environment.env,
    via: 'smtp',
    from,
    subject: input.subject,
    stream: input.stream,
    labels: labelsJson(input.tags, input.metadata, input.campaign_id),
    tags: input.tags,
    metadata: input.metadata,
    campaign_id: input.campaign_id,
    size: input.raw.length,
    created_at: now,
    send_at: null,
    expires_at: null,
    options: NO_OPTIONS,
    raw: NOTHING,
    recipients: recipients.map((address) => newRecipient(address, input.roleOf(address), null)),
  };
}

function newRecipient(address: string, role: RecipientRole, drop: NewRecipient['drop']): NewRecipient {
  return { address, role, event_id: newId('evt'), drop };
}
