/** Finding a message and its recipient in the commit path. */

import { notFound } from '../../domain/errors.ts';
import type { MessageFacts, RecipientFacts } from './store-event.ts';
import type { WriteContext } from './write-context.ts';

export interface FoundMessage extends MessageFacts {
  campaign_id: string | null;
}

/** Throws `not_found` when the message is not of this environment. */
export function findMessage(context: WriteContext, env: number, messageId: string): FoundMessage {
  const row = context
    .sql('SELECT mid, tags, metadata, campaign_id FROM message WHERE message_id = ? AND env = ?')
    .get(messageId, env);
  if (row === undefined) throw notFound('message', messageId);
  const campaign = row['campaign_id'] as string | null;
  return {
    mid: row['mid'] as number,
    // The columns are JSON text already: this is `labelsJson` without parsing them.
    labels: `"tags":${row['tags'] as string},"metadata":${row['metadata'] as string},"campaign_id":${JSON.stringify(campaign)}`,
    campaign_id: campaign,
  };
}

export function findRecipient(context: WriteContext, mid: number, address: string): RecipientFacts | null {
  // Named, because the planner would rather walk all recipients of the message, for each of them.
  const row = context
    .sql('SELECT n, facts FROM recipient INDEXED BY recipient_address WHERE mid = ? AND address = ?')
    .get(mid, address);
  return row === undefined ? null : { n: row['n'] as number, facts: row['facts'] as number };
}
