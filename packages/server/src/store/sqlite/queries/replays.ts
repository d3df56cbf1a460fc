/** What a replay would send again, found in slices so that no other read waits long, and the replays themselves. */

import { wantsEventType, type EndpointSettings } from '../../../domain/endpoint.ts';
import { isOperational } from '../../../domain/decide.ts';
import { notFound } from '../../../domain/errors.ts';
import { endpointRule, matching, type EndpointRule } from '../../../domain/matching.ts';
import { SubscriptionIndex } from '../../../domain/subscription-index.ts';
import type { Page, PageRequest, Replay, ReplayQuery, ReplaySlice } from '../../ports.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { logKey, logPosition } from '../log-position.ts';
import { Where, type ReadContext } from '../read-context.ts';
import { REPLAY_COLUMNS, toReplay } from '../replay-rows.ts';
import { SETTLED_STATUS } from '../settled-status.ts';

/** Rows looked at in one slice: 5 ms, with a filter 20. */
const SLICE_ROWS = 2_000;

export function replayEnd(
  context: ReadContext,
  env: number,
  lane: number,
  status: ReplayQuery['status'],
): number {
  if (status === 'failed') {
    const row = context.sql('SELECT last_seq FROM lane_seq WHERE lane = ?').get(lane);
    return (row?.['last_seq'] ?? 0) as number;
  }
  const row = context
    .sql('SELECT max(log) AS log FROM event WHERE log >= ? AND log < ?')
    .get(logKey(env, 0), logKey(env + 1, 0));
  return row?.['log'] === null || row === undefined ? 0 : logPosition(row['log'] as number);
}

export function findReplayable(
  context: ReadContext,
  env: number,
  lane: number,
  query: ReplayQuery,
  after: number,
  end: number,
  limit: number,
): ReplaySlice {
  const rule = readRule(context, env, lane);
  const mid = query.message_id === null ? null : midOf(context, env, query.message_id);
  if (mid === undefined) return { items: [], through: end };
  const rows =
    query.status === 'failed'
      ? deadLetters(context, lane, after, end)
      : logRows(context, env, query, mid, after, end);
  return sliceOf(rows, query, mid, limit, (row) => {
    if (query.status === 'failed') return true;
    return isForLane(context, rule, row);
  });
}

interface Candidate {
  /** Position in the log, or `seq`. */
  place: number;
  log: number;
  event_type: string;
  at: number;
  mid: number | null;
  recipient: string | null;
  campaign_id: string | null;
}

interface Rows {
  /** At most `SLICE_ROWS`, ascending; read as they are asked for. */
  candidates: Iterable<Candidate>;
  /** When there are fewer: all rows up to here are among them, or fit no condition of the statement. */
  through: number;
}

const COLUMNS = 'e.log, e.event_type, e.at, e.mid, e.recipient, e.campaign_id';

/** A stretch of the log; with an indexed condition, the next rows that fit it however far away they are. */
function logRows(
  context: ReadContext,
  env: number,
  query: ReplayQuery,
  mid: number | null,
  after: number,
  end: number,
): Rows {
  const isIndexed = mid !== null || query.recipient !== null || query.campaign_id !== null;
  const last = isIndexed ? end : Math.min(end, after + SLICE_ROWS);
  const where = new Where().and('e.log > ? AND e.log <= ?', logKey(env, after), logKey(env, last));
  if (mid !== null) where.and('e.mid = ?', mid);
  else if (query.recipient !== null) where.and('e.recipient = ?', query.recipient);
  else where.andIf(query.campaign_id, 'e.campaign_id = ?');
  const rows = context
    .sql(
      `SELECT e.log - ? AS place, ${COLUMNS} FROM event e WHERE ${where.text} ORDER BY e.log LIMIT ${SLICE_ROWS}`,
    )
    .iterate(logKey(env, 0), ...where.values);
  return { candidates: rows as unknown as Iterable<Candidate>, through: last };
}

function deadLetters(context: ReadContext, lane: number, after: number, end: number): Rows {
  const rows = context
    .sql(
      `SELECT s.seq AS place, ${COLUMNS}
       FROM (SELECT seq, log FROM settled INDEXED BY settled_failed
             WHERE status = ${SETTLED_STATUS.failed} AND lane = ? AND seq > ? AND seq <= ?
             ORDER BY seq LIMIT ${SLICE_ROWS}) s
       JOIN event e ON e.log = s.log ORDER BY s.seq`,
    )
    .iterate(lane, after, end);
  return { candidates: rows as unknown as Iterable<Candidate>, through: end };
}

function sliceOf(
  { candidates, through }: Rows,
  query: ReplayQuery,
  mid: number | null,
  limit: number,
  isWanted: (candidate: Candidate) => boolean,
): ReplaySlice {
  const items: number[] = [];
  let looked = 0;
  for (const candidate of candidates) {
    looked++;
    if (fits(candidate, query, mid) && isWanted(candidate)) items.push(candidate.place);
    if (items.length === limit || looked === SLICE_ROWS) return { items, through: candidate.place };
  }
  return { items, through };
}

function fits(candidate: Candidate, query: ReplayQuery, mid: number | null): boolean {
  return (
    (mid === null || candidate.mid === mid) &&
    (query.recipient === null || candidate.recipient === query.recipient) &&
    (query.campaign_id === null || candidate.campaign_id === query.campaign_id) &&
    (query.after === null || candidate.at >= query.after) &&
    (query.before === null || candidate.at < query.before) &&
    (query.event_types === null || wantsEventType(query.event_types, candidate.event_type))
  );
}

interface LaneRule {
  rule: EndpointRule;
  index: SubscriptionIndex;
}

/** The endpoint's subscription as it is now. */
function readRule(context: ReadContext, env: number, lane: number): LaneRule {
  const row = context
    .sql('SELECT endpoint_id, settings FROM endpoint WHERE lane = ? AND env = ? AND deleted_at IS NULL')
    .get(lane, env);
  if (row === undefined) throw notFound('endpoint', String(lane));
  const settings = JSON.parse(row['settings'] as string) as EndpointSettings;
  const rule = endpointRule(lane, row['endpoint_id'] as string, settings);
  return { rule, index: new SubscriptionIndex([rule]) };
}

/** As the commit path decides; the envelope is read only when something in it matters. */
function isForLane(context: ReadContext, { rule, index }: LaneRule, candidate: Candidate): boolean {
  const wanting = index.wanting(candidate.event_type);
  if (wanting.length === 0) return false;
  const operational = isOperational(candidate.event_type);
  if (rule.filter === null && !operational) return true;
  const row = context.sql('SELECT envelope FROM event WHERE log = ?').get(candidate.log);
  if (row === undefined) return false;
  const envelope = row['envelope'] as string;
  if (operational && isAbout(envelope, rule.endpoint_id)) return false;
  return matching(wanting, envelope).length > 0;
}

/** An operational event never goes to the endpoint it is about. */
function isAbout(envelope: string, endpointId: string): boolean {
  const { data } = JSON.parse(envelope) as { data: { endpoint_id?: unknown } };
  return data.endpoint_id === endpointId;
}

/** Undefined when the environment has no such message. */
function midOf(context: ReadContext, env: number, messageId: string): number | undefined {
  const row = context.sql('SELECT mid FROM message WHERE message_id = ? AND env = ?').get(messageId, env);
  return row?.['mid'] as number | undefined;
}

export function getReplay(context: ReadContext, env: number, replayId: string): Replay | null {
  const row = context.sql(`SELECT ${REPLAY_COLUMNS} WHERE r.replay_id = ? AND r.env = ?`).get(replayId, env);
  return row === undefined ? null : toReplay(row);
}

export function listReplays(context: ReadContext, env: number, page: PageRequest): Page<Replay> {
  const before = page.cursor === null ? Number.MAX_SAFE_INTEGER : (decodeCursor(page.cursor, 1)[0] as number);
  const rows = context
    .sql(`SELECT ${REPLAY_COLUMNS} WHERE r.env = ? AND r.replay < ? ORDER BY r.replay DESC LIMIT ?`)
    .all(env, before, page.limit + 1);
  const kept = rows.slice(0, page.limit);
  const last = kept.at(-1);
  const more = rows.length > page.limit && last !== undefined;
  return { data: kept.map(toReplay), next_cursor: more ? encodeCursor([last['replay'] as number]) : null };
}

export function unfinishedReplays(context: ReadContext): Replay[] {
  return context
    .sql(
      `SELECT ${REPLAY_COLUMNS} WHERE r.status = 'running' OR (r.status = 'cancelled'
         AND EXISTS (SELECT 1 FROM pending p WHERE p.replay = r.replay)) ORDER BY r.replay`,
    )
    .all()
    .map(toReplay);
}
