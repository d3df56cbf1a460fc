/** Deliveries: the queue and the history as one list, newest event first. */

import type { Attempt, DeliveryStatus } from '../../../domain/delivery.ts';
import type {
  DeliveryFilter,
  DeliveryView,
  EndpointStats,
  Page,
  PageRequest,
  QueueDepth,
} from '../../ports.ts';
import { decodeCursor, encodeCursor } from '../cursor.ts';
import { logKey, logLimit, logPosition } from '../log-position.ts';
import { BLOCKED } from '../queue.ts';
import { Where, type ReadContext } from '../read-context.ts';
import { SETTLED_NAME, SETTLED_STATUS } from '../settled-status.ts';

type Row = Record<string, unknown>;

/** One shape for both tables; `settled_status` is null in the queue. */
const PENDING = `SELECT p.lane, p.seq, p.log, NULL AS settled_status, p.attempts, p.next_at, NULL AS at, a.http_status, NULL AS latency_ms, a.error
  FROM pending p LEFT JOIN attempt a ON a.lane = p.lane AND a.seq = p.seq AND a.attempt = p.attempts`;
const SETTLED = `SELECT s.lane, s.seq, s.log, s.status AS settled_status, s.attempts, NULL AS next_at, s.at, s.http_status, s.latency_ms, s.error
  FROM settled s`;
/** Named, because the planner would rather walk a lane's whole history than sort; dead letters are few. */
const FAILED = `${SETTLED} INDEXED BY settled_failed WHERE s.status = ${SETTLED_STATUS.failed}`;
const IS_HELD = "(n.status = 'disabled' OR n.breaker = 'open')";
/** Where in the list it stands: with its event, unless a replay made it later. Within a lane it grows with `seq`. */
const PLACE = 'coalesce(l.place, d.log)';
const VIEW = `SELECT d.*, e.event_id, e.event_type, e.at AS event_at, m.message_id, n.endpoint_id, ${IS_HELD} AS held, ${PLACE} AS place
  FROM (%) d JOIN event e ON e.log = d.log JOIN endpoint n ON n.lane = d.lane LEFT JOIN message m ON m.mid = e.mid
  LEFT JOIN late_delivery l ON l.lane = d.lane AND l.seq = d.seq`;

/** The last delivery of the page before: position of its place or event, lane, `seq`. */
type From = [position: number, lane: number, seq: number];

export function listDeliveries(
  context: ReadContext,
  env: number,
  filter: DeliveryFilter,
  page: PageRequest,
): Page<DeliveryView> {
  const lanes = lanesOf(context, env, filter.endpoint_id);
  if (lanes.length === 0) return { data: [], next_cursor: null };
  const sources = [];
  if (filter.status === null || filter.status === 'pending' || filter.status === 'held')
    sources.push('pending');
  if (filter.status === null || !(filter.status === 'pending' || filter.status === 'held'))
    sources.push('settled');
  const from = page.cursor === null ? null : (decodeCursor(page.cursor, 3) as From);
  const rows = namesEvents(filter)
    ? byEvent(context, env, filter, lanes, from, page.limit + 1)
    : byLane(context, env, filter, lanes, sources, from, page.limit + 1);
  const kept = rows.slice(0, page.limit);
  const last = kept.at(-1);
  return {
    data: kept.map(toView),
    next_cursor:
      rows.length > page.limit && last !== undefined
        ? encodeCursor(cursorAt(last, namesEvents(filter) ? 'log' : 'place'))
        : null,
  };
}

function cursorAt(row: Row, by: 'log' | 'place'): From {
  return [logPosition(row[by] as number), row['lane'] as number, row['seq'] as number];
}

function namesEvents(filter: DeliveryFilter): boolean {
  return filter.event_id !== null || filter.message_id !== null;
}

function lanesOf(context: ReadContext, env: number, endpointId: string | null): number[] {
  const where = new Where().and('env = ?', env).andIf(endpointId, 'endpoint_id = ?');
  return context
    .sql(`SELECT lane FROM endpoint WHERE ${where.text} ORDER BY lane`)
    .all(...where.values)
    .map((row) => row['lane'] as number);
}

/** Of one event or one message: their events name their deliveries. */
function byEvent(
  context: ReadContext,
  env: number,
  filter: DeliveryFilter,
  lanes: readonly number[],
  from: From | null,
  limit: number,
): Row[] {
  const where = new Where()
    .and('e.log >= ? AND e.log < ?', logKey(env, 0), logLimit(env))
    .andIf(filter.event_id, 'e.event_id = ?')
    .andIf(filter.message_id, 'e.mid = (SELECT mid FROM message WHERE message_id = ?)');
  const events = context
    .sql(`SELECT e.log, e.deliveries FROM event e WHERE ${where.text} ORDER BY e.log DESC`)
    .all(...where.values);
  const wanted = new Set(lanes);
  const found: Row[] = [];
  for (const event of events) {
    for (const [lane, seq] of pairs(event['deliveries'] as string)) {
      if (!wanted.has(lane) || !isBefore(event['log'] as number, lane, env, from)) continue;
      const row = oneDelivery(context, lane, seq);
      if (row !== null && fits(row, filter)) found.push(row);
      if (found.length === limit) return found;
    }
  }
  return found;
}

/** Lanes of an event come in ascending order, so the list does too within one event. */
function isBefore(log: number, lane: number, env: number, from: From | null): boolean {
  if (from === null) return true;
  const cursor = logKey(env, from[0]);
  return log < cursor || (log === cursor && lane > from[1]);
}

function pairs(deliveries: string): [number, number][] {
  if (deliveries === '') return [];
  return deliveries.split(' ').map((pair) => pair.split(':').map(Number) as [number, number]);
}

/** A page of every lane, merged. Within a lane `seq` and place grow together, so each page is a walk from the end. */
function byLane(
  context: ReadContext,
  env: number,
  filter: DeliveryFilter,
  lanes: readonly number[],
  sources: readonly string[],
  from: From | null,
  limit: number,
): Row[] {
  const rows: Row[] = [];
  for (const lane of lanes) {
    for (const source of sources) rows.push(...pageOfLane(context, env, filter, lane, source, from, limit));
    // Keeps what is held in memory to two pages, however many lanes there are.
    if (rows.length > limit * 4) trim(rows, limit);
  }
  trim(rows, limit);
  return rows;
}

function trim(rows: Row[], limit: number): void {
  const by = (name: string, a: Row, b: Row): number => (a[name] as number) - (b[name] as number);
  rows.sort((a, b) => by('place', b, a) || by('lane', a, b) || by('seq', b, a));
  rows.length = Math.min(rows.length, limit);
}

function pageOfLane(
  context: ReadContext,
  env: number,
  filter: DeliveryFilter,
  lane: number,
  source: string,
  from: From | null,
  limit: number,
): Row[] {
  // For every row of the history, and not once for the lane.
  const where = new Where().and('d.lane = ? AND in_time(d.seq)', lane);
  if (from !== null && lane === from[1]) where.and('d.seq < ?', from[2]);
  else if (from !== null) where.and(lane > from[1] ? `${PLACE} <= ?` : `${PLACE} < ?`, logKey(env, from[0]));
  if (filter.status === 'pending' || filter.status === 'held') {
    where.and(filter.status === 'held' ? IS_HELD : `NOT ${IS_HELD}`);
  } else if (filter.status !== null && filter.status !== 'failed') {
    where.and('d.settled_status = ?', SETTLED_STATUS[filter.status]);
  }
  where.andIf(filter.after, 'e.at >= ?').andIf(filter.before, 'e.at < ?');
  const settled = filter.status === 'failed' ? FAILED : SETTLED;
  const view = VIEW.replace('%', source === 'pending' ? PENDING : settled);
  return context.sql(`${view} WHERE ${where.text} ORDER BY d.seq DESC LIMIT ?`).all(...where.values, limit);
}

function oneDelivery(context: ReadContext, lane: number, seq: number): Row | null {
  for (const source of [PENDING, SETTLED]) {
    const row = context.sql(`${VIEW.replace('%', source)} WHERE d.lane = ? AND d.seq = ?`).get(lane, seq);
    if (row !== undefined) return row;
  }
  return null;
}

function fits(row: Row, filter: DeliveryFilter): boolean {
  if (filter.status !== null && statusOf(row) !== filter.status) return false;
  const at = row['event_at'] as number;
  return (filter.after === null || at >= filter.after) && (filter.before === null || at < filter.before);
}

function statusOf(row: Row): DeliveryStatus {
  const settled = row['settled_status'] as number | null;
  if (settled !== null) return SETTLED_NAME[settled] as DeliveryStatus;
  return row['held'] === 1 ? 'held' : 'pending';
}

/** Null for what is settled, and for what has no time until its lane sends again or its message lets it go. */
function nextAttemptAt(row: Row): number | null {
  if (statusOf(row) !== 'pending') return null;
  const next = row['next_at'] as number;
  return next === BLOCKED ? null : next || (row['event_at'] as number);
}

function toView(row: Row): DeliveryView {
  const settled = row['settled_status'] !== null;
  const tried = (row['attempts'] as number) > 0;
  return {
    lane: row['lane'] as number,
    seq: row['seq'] as number,
    log: logPosition(row['log'] as number),
    endpoint_id: row['endpoint_id'] as string,
    event_id: row['event_id'] as string,
    event_type: row['event_type'] as string,
    message_id: row['message_id'] as string | null,
    status: statusOf(row),
    attempts: row['attempts'] as number,
    created_at: row['event_at'] as number,
    next_attempt_at: nextAttemptAt(row),
    settled_at: settled ? Math.round((row['at'] as number) + (row['latency_ms'] as number)) : null,
    last_status: tried ? ((row['http_status'] as number | null) ?? null) : null,
    last_error: row['error'] as string | null,
  };
}

export function getDelivery(
  context: ReadContext,
  env: number,
  lane: number,
  seq: number,
): { delivery: DeliveryView; attempts: Attempt[] } | null {
  if (context.sql('SELECT 1 FROM endpoint WHERE lane = ? AND env = ?').get(lane, env) === undefined)
    return null;
  const row = oneDelivery(context, lane, seq);
  return row === null ? null : { delivery: toView(row), attempts: attemptsOf(context, lane, seq) };
}

function attemptsOf(context: ReadContext, lane: number, seq: number): Attempt[] {
  // The row of a delivery that was discarded, or held for too long, stands for no attempt of its own.
  const rows = context
    .sql(
      `SELECT attempt, at, http_status, latency_ms, error, error_detail, excerpt FROM attempt WHERE lane = ?1 AND seq = ?2
       UNION ALL
       SELECT attempts, at, http_status, latency_ms, error, error_detail, excerpt FROM settled
       WHERE lane = ?1 AND seq = ?2 AND status <> ${SETTLED_STATUS.discarded} AND error IS NOT 'held_too_long'
       ORDER BY 1`,
    )
    .all(lane, seq);
  return rows.map((row) => ({
    attempt: row['attempt'] as number,
    at: row['at'] as number,
    status: row['http_status'] as number,
    latency_ms: row['latency_ms'] as number,
    error: row['error'] as Attempt['error'],
    error_detail: row['error_detail'] as string | null,
    response_excerpt: row['excerpt'] as string | null,
  }));
}

/** Statistics look at no more than this many of the newest settled deliveries. */
const SAMPLE = 10_000;

export function endpointStats(context: ReadContext, lane: number, since: number): EndpointStats {
  const queue = context
    .sql(
      `SELECT count(*) AS n, (SELECT e.at FROM pending p JOIN event e ON e.log = p.log WHERE p.lane = ?1 ORDER BY p.seq LIMIT 1) AS oldest
       FROM pending WHERE lane = ?1`,
    )
    .get(lane) as Row;
  const failed = context
    .sql(`SELECT count(*) AS n FROM settled WHERE lane = ? AND status = ${SETTLED_STATUS.failed}`)
    .get(lane) as Row;
  const recent = context
    .sql('SELECT status, at, latency_ms FROM settled WHERE lane = ? ORDER BY seq DESC LIMIT ?')
    .all(lane, SAMPLE)
    .filter((row) => (row['at'] as number) >= since && row['status'] !== SETTLED_STATUS.discarded);
  const latencies = recent
    .filter((row) => row['status'] === SETTLED_STATUS.delivered)
    .map((row) => row['latency_ms'] as number)
    .sort((a, b) => a - b);
  return {
    pending: queue['n'] as number,
    failed: failed['n'] as number,
    oldest_pending_at: queue['oldest'] as number | null,
    settled: recent.length,
    delivered: latencies.length,
    p50_ms: quantile(latencies, 0.5),
    p99_ms: quantile(latencies, 0.99),
  };
}

function quantile(sorted: readonly number[], q: number): number | null {
  if (sorted.length === 0) return null;
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? null;
}

export function queueDepth(context: ReadContext): QueueDepth {
  const row = context
    .sql(
      `SELECT (SELECT count(*) FROM pending) AS deliveries, (SELECT count(*) FROM outgoing) AS recipients,
         (SELECT min((SELECT e.at FROM pending p JOIN event e ON e.log = p.log
                      WHERE p.lane = n.lane ORDER BY p.seq LIMIT 1)) FROM endpoint n) AS oldest`,
    )
    .get() as Row;
  return {
    deliveries: row['deliveries'] as number,
    recipients: row['recipients'] as number,
    oldest_delivery_at: row['oldest'] as number | null,
  };
}
