/** Messages with the states of their recipients, and their MIME. */

import { zstdDecompressSync } from 'node:zlib';
import { STATUS_ORDER, stateOf } from '@postrider/contract/state';
import type { Message, Recipient, RecipientRole } from '../../../domain/message.ts';
import type { MessageFilter, MessageView, Page, PageRequest } from '../../ports.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { Where, type ReadContext } from '../read-context.ts';

type Row = Record<string, unknown>;

export function getMessage(context: ReadContext, env: number, messageId: string): MessageView | null {
  const row = context.sql('SELECT * FROM message WHERE message_id = ? AND env = ?').get(messageId, env);
  return row === undefined ? null : toView(context, row);
}

/** Those of `messageIds` that are not of this environment. */
export function unknownMessages(context: ReadContext, env: number, messageIds: readonly string[]): string[] {
  return context
    .sql(
      `SELECT j.value AS message_id FROM json_each(?) j
       WHERE NOT EXISTS (SELECT 1 FROM message m WHERE m.message_id = j.value AND m.env = ?)`,
    )
    .all(JSON.stringify(messageIds), env)
    .map((row) => row['message_id'] as string);
}

export function listMessages(
  context: ReadContext,
  env: number,
  filter: MessageFilter,
  page: PageRequest,
): Page<MessageView> {
  const where = new Where()
    .and('m.env = ?', env)
    .andIf(filter.campaign_id, 'm.campaign_id = ?')
    .andIf(filter.after, 'm.created_at >= ?')
    .andIf(filter.before, 'm.created_at < ?')
    .andIf(filter.recipient, 'm.mid IN (SELECT r.mid FROM recipient r WHERE r.address = ?)')
    .andIf(filter.tag, 'EXISTS (SELECT 1 FROM json_each(m.tags) t WHERE t.value = ?)');
  if (page.cursor !== null) where.and('m.mid < ?', decodeCursor(page.cursor, 1)[0] as number);
  if (filter.status !== null) whereStatus(where, filter.status);
  if (filter.q !== null) whereText(where, filter.q);
  const rows = context
    .sql(`SELECT m.* FROM message m WHERE ${where.text} ORDER BY m.mid DESC LIMIT ?`)
    .all(...where.values, page.limit + 1);
  const kept = rows.slice(0, page.limit);
  return {
    data: kept.map((row) => toView(context, row)),
    next_cursor: rows.length > page.limit ? encodeCursor([kept.at(-1)?.['mid'] as number]) : null,
  };
}

/** The strongest fact is the status, so the bit set is within [bit, 2 * bit). */
function whereStatus(where: Where, status: string): void {
  const rank = (STATUS_ORDER as readonly string[]).indexOf(status);
  if (rank < 0) where.and('0');
  else
    where.and(
      'EXISTS (SELECT 1 FROM recipient r WHERE r.mid = m.mid AND r.facts >= ? AND r.facts < ?)',
      1 << rank,
      2 << rank,
    );
}

/** A plain search: subject, sender and recipients contain the text, whatever its case. */
function whereText(where: Where, text: string): void {
  const pattern = `%${text.replace(/[\\%_]/g, (c) => `\\${c}`)}%`;
  where.and(
    `(m.subject LIKE ? ESCAPE '\\' OR m.sender LIKE ? ESCAPE '\\'
      OR EXISTS (SELECT 1 FROM recipient r WHERE r.mid = m.mid AND r.address LIKE ? ESCAPE '\\'))`,
    pattern,
    pattern,
    pattern,
  );
}

export function rawMessage(context: ReadContext, env: number, messageId: string): Uint8Array | null {
  const row = context
    .sql(
      'SELECT r.body FROM message m JOIN raw_message r ON r.mid = m.mid WHERE m.message_id = ? AND m.env = ?',
    )
    .get(messageId, env);
  // The reader thread is where decompression may take its time.
  return row === undefined ? null : new Uint8Array(zstdDecompressSync(row['body'] as Uint8Array));
}

function toView(context: ReadContext, row: Row): MessageView {
  const recipients = context
    .sql('SELECT address, role, facts FROM recipient WHERE mid = ? ORDER BY n')
    .all(row['mid'] as number)
    .map((r): Recipient => ({
      address: r['address'] as string,
      role: r['role'] as RecipientRole,
      state: stateOf(r['facts'] as number),
    }));
  return { message: toMessage(row), recipients };
}

function toMessage(row: Row): Message {
  return {
    message_id: row['message_id'] as string,
    env: row['env'] as number,
    via: row['via'] as Message['via'],
    from: row['sender'] as string,
    subject: row['subject'] as string,
    stream: row['stream'] as string,
    tags: JSON.parse(row['tags'] as string) as string[],
    metadata: JSON.parse(row['metadata'] as string) as Record<string, string>,
    campaign_id: row['campaign_id'] as string | null,
    size: row['size'] as number,
    created_at: row['created_at'] as number,
    send_at: row['send_at'] as number | null,
    expires_at: row['expires_at'] as number | null,
    cancelled_at: row['cancelled_at'] as number | null,
  };
}
