/** Messages, as they come in, and what is taken back of them. */

import type { DroppedData } from '@postrider/contract/events';
import { PostriderError } from '../../../domain/errors.ts';
import type { NewEvent } from '../../../domain/event.ts';
import type { AcceptedRecipient, NewMessage, NewRecipient } from '../../../domain/message.ts';
import type { Idempotency, Idempotent } from '../../ports.ts';
import { once } from '../idempotency.ts';
import { storeEvent, type MessageFacts } from '../store-event.ts';
import { findMessage } from '../message-rows.ts';
import { suppressionKey } from '../suppression-key.ts';
import type { EnvironmentFacts, WriteContext } from '../write-context.ts';

export function acceptMessage(
  context: WriteContext,
  message: NewMessage,
  idempotency: Idempotency | null,
): Idempotent<{ message_id: string; recipients: AcceptedRecipient[] }> {
  return once(context, message.env, idempotency, () => {
    const environment = context.environment(message.env);
    const about: MessageFacts = { mid: insertMessage(context, message), labels: message.labels };
    const recipients = message.recipients.map((recipient, n) =>
      acceptRecipient(context, environment, message, about, recipient, n),
    );
    return { message_id: message.message_id, recipients };
  });
}

function insertMessage(context: WriteContext, message: NewMessage): number {
  const mid = Number(
    context
      .sql(
        `INSERT INTO message (message_id, env, via, sender, subject, stream, tags, metadata, campaign_id, size, created_at, send_at, expires_at, options)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
      )
      .run(
        message.message_id,
        message.env,
        message.via,
        message.from,
        message.subject,
        message.stream,
        JSON.stringify(message.tags),
        JSON.stringify(message.metadata),
        message.campaign_id,
        message.size,
        message.created_at,
        message.send_at,
        message.expires_at,
        message.options,
      ).lastInsertRowid,
  );
  context.sql('INSERT INTO raw_message (mid, body) VALUES (?, ?)').run(mid, message.raw);
  return mid;
}

function acceptRecipient(
  context: WriteContext,
  environment: EnvironmentFacts,
  message: NewMessage,
  about: MessageFacts,
  recipient: NewRecipient,
  n: number,
): AcceptedRecipient {
  context
    .sql('INSERT INTO recipient (mid, n, address, role, facts) VALUES (?, ?, ?, ?, 0)')
    .run(about.mid, n, recipient.address, recipient.role);
  const dropped = dropReason(context, environment.env, recipient);
  const event: NewEvent = {
    event_id: recipient.event_id,
    event_type: dropped === null ? 'accepted' : 'dropped',
    at: message.created_at,
    message_id: message.message_id,
    recipient: recipient.address,
    data: JSON.stringify(dropped ?? { via: message.via, size: message.size }),
    labels: about.labels,
    campaign_id: message.campaign_id,
  };
  storeEvent(context, environment, event, { message: about, recipient: { n, facts: 0 } });
  if (dropped !== null) return { address: recipient.address, status: 'dropped', reason: dropped.reason };
  const nextAt = message.send_at ?? message.created_at;
  context
    .sql('INSERT INTO outgoing (env, mid, n, attempts, next_at) VALUES (?, ?, ?, 0, ?)')
    .run(environment.env, about.mid, n, nextAt);
  context.changes.queued(environment.env, nextAt);
  return { address: recipient.address, status: 'accepted' };
}

function dropReason(context: WriteContext, env: number, recipient: NewRecipient): DroppedData | null {
  const row = context
    .sql('SELECT reason, event_id, created_at FROM suppression WHERE env = ? AND address = ?')
    .get(env, suppressionKey(recipient.address));
  if (row !== undefined) {
    return {
      reason: 'suppressed',
      suppression: {
        reason: row['reason'] as NonNullable<DroppedData['suppression']>['reason'],
        created_at: new Date(row['created_at'] as number).toISOString(),
        event_id: row['event_id'] as string | null,
      },
    };
  }
  return recipient.drop === null ? null : { reason: recipient.drop, suppression: null };
}

/** Recipients in a transport's hands stay: what happens to them is no longer ours to decide. */
export function cancelMessage(
  context: WriteContext,
  env: number,
  message_id: string,
  now: number,
): { cancelled: string[] } {
  const environment = context.environment(env);
  const message = findMessage(context, env, message_id);
  const waiting = context
    .sql(
      `SELECT o.outgoing, r.n, r.address, r.facts FROM outgoing o JOIN recipient r ON r.mid = o.mid AND r.n = o.n
       WHERE o.mid = ? ORDER BY r.n`,
    )
    .all(message.mid)
    .filter((row) => !context.claimed.has(row['outgoing'] as number));
  if (waiting.length === 0) {
    throw new PostriderError(
      'conflict',
      `Nothing of ${message_id} is left to cancel: every recipient has been handed to a transport or is settled.`,
    );
  }
  context.sql('UPDATE message SET cancelled_at = ? WHERE mid = ?').run(now, message.mid);
  for (const row of waiting) {
    context.sql('DELETE FROM outgoing WHERE outgoing = ?').run(row['outgoing'] as number);
    const event: NewEvent = {
      event_id: context.newEventId(),
      event_type: 'dropped',
      at: now,
      message_id,
      recipient: row['address'] as string,
      data: JSON.stringify({ reason: 'cancelled', suppression: null } satisfies DroppedData),
      labels: message.labels,
      campaign_id: message.campaign_id,
    };
    storeEvent(context, environment, event, {
      message,
      recipient: { n: row['n'] as number, facts: row['facts'] as number },
    });
  }
  return { cancelled: waiting.map((row) => row['address'] as string) };
}
