/** Events: lists newest first, and the log oldest first for the live stream. */

import type { EventEnvelope } from '@postrider/contract/events';
import type { EventFilter, Page, PageRequest } from '../../ports.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { logKey, logLimit, logPosition } from '../log-position.ts';
import { Where, type ReadContext } from '../read-context.ts';

export function getEvent(context: ReadContext, env: number, eventId: string): EventEnvelope | null {
  const row = context
    .sql('SELECT envelope FROM event WHERE event_id = ? AND log >= ? AND log < ?')
    .get(eventId, logKey(env, 0), logLimit(env));
  return row === undefined ? null : (JSON.parse(row['envelope'] as string) as EventEnvelope);
}

export function listEvents(
  context: ReadContext,
  env: number,
  filter: EventFilter,
  page: PageRequest,
): Page<EventEnvelope> {
  const limit = logLimit(env);
  // A cursor is the caller's word: one that names a position past the log must not reach into the next environment's.
  const before =
    page.cursor === null ? limit : Math.min(limit, logKey(env, decodeCursor(page.cursor, 1)[0] as number));
  const where = new Where()
    .and('e.log >= ? AND e.log < ?', logKey(env, 0), before)
    .andIf(filter.recipient, 'e.recipient = ?')
    .andIf(filter.campaign_id, 'e.campaign_id = ?')
    .andIf(filter.message_id, 'e.mid = (SELECT mid FROM message WHERE message_id = ?)')
    .andIf(filter.after, 'e.at >= ?')
    .andIf(filter.before, 'e.at < ?')
    .andIf(filter.tag, "EXISTS (SELECT 1 FROM json_each(e.envelope, '$.tags') t WHERE t.value = ?)");
  if (filter.event_type !== null) whereType(where, filter.event_type);
  const rows = context
    .sql(`SELECT e.log, e.envelope FROM event e WHERE ${where.text} ORDER BY e.log DESC LIMIT ?`)
    .all(...where.values, page.limit + 1);
  const more = rows.length > page.limit;
  const kept = rows.slice(0, page.limit);
  return {
    data: kept.map((row) => JSON.parse(row['envelope'] as string) as EventEnvelope),
    next_cursor: more ? encodeCursor([logPosition(kept.at(-1)?.['log'] as number)]) : null,
  };
}

/** Exact types, and prefixes such as `custom.*` as ranges: `/` is the character after `.`. */
function whereType(where: Where, patterns: readonly string[]): void {
  const exact = patterns.filter((pattern) => !pattern.endsWith('.*'));
  const prefixes = patterns
    .filter((pattern) => pattern.endsWith('.*'))
    .map((pattern) => pattern.slice(0, -2));
  const ranges = prefixes.map(() => 'e.event_type >= ? AND e.event_type < ?');
  const conditions = [`e.event_type IN (${exact.map(() => '?').join(', ')})`, ...ranges];
  const bounds = prefixes.flatMap((prefix) => [`${prefix}.`, `${prefix}/`]);
  where.and(`(${conditions.join(' OR ')})`, ...exact, ...bounds);
}

export function eventsAfter(
  context: ReadContext,
  env: number,
  log: number,
  limit: number,
): { log: number; envelope: string }[] {
  return context
    .sql('SELECT log, envelope FROM event WHERE log > ? AND log < ? ORDER BY log LIMIT ?')
    .all(logKey(env, log), logLimit(env), limit)
    .map((row) => ({ log: logPosition(row['log'] as number), envelope: row['envelope'] as string }));
}

export function findLogPosition(context: ReadContext, env: number, eventId: string): number | null {
  const row = context
    .sql('SELECT log FROM event WHERE event_id = ? AND log >= ? AND log < ?')
    .get(eventId, logKey(env, 0), logLimit(env));
  return row === undefined ? null : logPosition(row['log'] as number);
}

export function logEnd(context: ReadContext, env: number): number {
  const row = context
    .sql('SELECT max(log) AS log FROM event WHERE log >= ? AND log < ?')
    .get(logKey(env, 0), logLimit(env));
  const log = row?.['log'] ?? null;
  return log === null ? 0 : logPosition(log as number);
}
