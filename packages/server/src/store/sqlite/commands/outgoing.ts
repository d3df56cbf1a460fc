/** Recipients on their way to a transport, and what came of it. */

import type { OutgoingRecipient } from '../../../domain/message.ts';
import type { OutcomeRecord } from '../../ports.ts';
import { findMessage, findRecipient } from '../message-rows.ts';
import { storeEvent } from '../store-event.ts';
import type { WriteContext } from '../write-context.ts';

export function claimOutgoing(
  context: WriteContext,
  env: number,
  now: number,
  limit: number,
): OutgoingRecipient[] {
  // Claimed rows stay in the table until their outcome, so the look must reach past all of them.
  const rows = context
    .sql(
      `SELECT o.outgoing, o.attempts, o.next_at, m.message_id, m.sender, m.stream, m.size, m.created_at, m.expires_at, r.address
       FROM outgoing o JOIN message m ON m.mid = o.mid JOIN recipient r ON r.mid = o.mid AND r.n = o.n
       WHERE o.env = ? AND o.next_at <= ? ORDER BY o.next_at, o.outgoing LIMIT ?`,
    )
    .iterate(env, now, limit + context.claimed.size);
  const claimed: OutgoingRecipient[] = [];
  for (const row of rows) {
    const outgoing = row['outgoing'] as number;
    if (context.claimed.has(outgoing)) continue;
    context.claim(outgoing);
    claimed.push({
      outgoing,
      env,
      message_id: row['message_id'] as string,
      recipient: row['address'] as string,
      from: row['sender'] as string,
      stream: row['stream'] as string,
      size: row['size'] as number,
      accepted_at: row['created_at'] as number,
      expires_at: row['expires_at'] as number | null,
      attempts: row['attempts'] as number,
      next_at: row['next_at'] as number,
    });
    if (claimed.length === limit) break;
  }
  return claimed;
}

export function nextOutgoingAt(context: WriteContext, env: number): number | null {
  const rows = context
    .sql('SELECT outgoing, next_at FROM outgoing WHERE env = ? ORDER BY next_at LIMIT ?')
    .iterate(env, 1 + context.claimed.size);
  for (const row of rows)
    if (!context.claimed.has(row['outgoing'] as number)) return row['next_at'] as number;
  return null;
}

/**
 * Records the first so many that the commit has room for, one at least; returns how many. One whose recipient nobody
 * holds has been recorded: it comes again when a later part of its batch failed.
 */
export function recordOutcomes(context: WriteContext, outcomes: OutcomeRecord[]): number {
  let recorded = 0;
  for (const outcome of outcomes) {
    if (recorded > 0 && context.isFull) break;
    recorded++;
    if (!context.claimed.has(outcome.outgoing)) continue;
    const environment = context.environment(outcome.env);
    for (const event of outcome.events) {
      const message = event.message_id === null ? null : findMessage(context, outcome.env, event.message_id);
      const recipient =
        message === null || event.recipient === null
          ? null
          : findRecipient(context, message.mid, event.recipient);
      storeEvent(
        context,
        environment,
        { ...event, campaign_id: message?.campaign_id ?? null },
        { message, recipient },
      );
    }
    if (outcome.next_at === null) {
      context.sql('DELETE FROM outgoing WHERE outgoing = ?').run(outcome.outgoing);
    } else {
      context
        .sql('UPDATE outgoing SET next_at = ?, attempts = attempts + ? WHERE outgoing = ?')
        .run(outcome.next_at, outcome.attempted ? 1 : 0, outcome.outgoing);
      context.changes.queued(outcome.env, outcome.next_at);
    }
    context.unclaim(outcome.outgoing);
  }
  return recorded;
}
