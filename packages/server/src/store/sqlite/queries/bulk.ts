/** Deliveries to be put back or given up together, in order of lane and `seq`, so that the older ones go first. */

import { wantsEventType } from '../../../domain/endpoint.ts';
import type { BulkFilter, DeliveryPlace } from '../../ports.ts';
import { logKey, logLimit } from '../log-position.ts';
import { Where, type ReadContext } from '../read-context.ts';
import { SETTLED_STATUS } from '../settled-status.ts';

/** Rows looked at in one slice. */
const SLICE_ROWS = 5_000;

interface Found {
  places: DeliveryPlace[];
  /** Looked at up to here; null when there is nothing beyond. */
  through: DeliveryPlace | null;
}

interface Candidate {
  seq: number;
  event_type: string;
  at: number;
}

export function findDeliveries(
  context: ReadContext,
  env: number,
  filter: BulkFilter,
  after: DeliveryPlace | null,
  limit: number,
): Found {
  if (filter.event_id !== null || filter.message_id !== null)
    return findByEvent(context, env, filter, after, limit);
  const where = new Where()
    .and('env = ? AND deleted_at IS NULL AND lane >= ?', env, after?.lane ?? 0)
    .andIf(filter.endpoint_id, 'endpoint_id = ?');
  const rows = context
    .sql(
      `SELECT lane, status = 'disabled' OR breaker = 'open' AS held FROM endpoint WHERE ${where.text} ORDER BY lane`,
    )
    .all(...where.values);
  let looked = 0;
  for (const row of rows) {
    const lane = row['lane'] as number;
    const from = lane === after?.lane ? after.seq : 0;
    const candidates = candidatesOf(context, lane, sourcesOf(filter, row['held'] === 1), from);
    const places = fitting(candidates, filter, lane, limit);
    const last = places.length === limit ? places.at(-1) : undefined;
    if (last !== undefined) return { places, through: last };
    const seq = candidates.length === SLICE_ROWS ? candidates.at(-1)?.seq : undefined;
    if (seq !== undefined) return { places, through: { lane, seq } };
    looked += candidates.length;
    if (places.length > 0 || looked >= SLICE_ROWS)
      return { places, through: { lane, seq: Number.MAX_SAFE_INTEGER } };
  }
  return { places: [], through: null };
}

/** Statements that give the lane's deliveries of the filter's statuses. */
function sourcesOf(filter: BulkFilter, held: boolean): string[] {
  const sources = [];
  if (filter.statuses.includes(held ? 'held' : 'pending'))
    sources.push('SELECT seq, log FROM pending WHERE lane = ?1 AND seq > ?2');
  if (filter.statuses.includes('failed'))
    sources.push(
      `SELECT seq, log FROM settled INDEXED BY settled_failed
       WHERE status = ${SETTLED_STATUS.failed} AND lane = ?1 AND seq > ?2`,
    );
  return sources;
}

function candidatesOf(
  context: ReadContext,
  lane: number,
  sources: readonly string[],
  after: number,
): Candidate[] {
  if (sources.length === 0) return [];
  const rows = `${sources.join(' UNION ALL ')} ORDER BY seq LIMIT ${SLICE_ROWS}`;
  return context
    .sql(`SELECT d.seq, e.event_type, e.at FROM (${rows}) d JOIN event e ON e.log = d.log ORDER BY d.seq`)
    .all(lane, after) as unknown as Candidate[];
}

function fitting(
  candidates: readonly Candidate[],
  filter: BulkFilter,
  lane: number,
  limit: number,
): DeliveryPlace[] {
  const places: DeliveryPlace[] = [];
  for (const { seq, event_type, at } of candidates) {
    if (places.length === limit) break;
    if (fits(event_type, at, filter)) places.push({ lane, seq });
  }
  return places;
}

function fits(eventType: string, at: number, filter: BulkFilter): boolean {
  return (
    (filter.after === null || at >= filter.after) &&
    (filter.before === null || at < filter.before) &&
    (filter.event_types === null || wantsEventType(filter.event_types, eventType))
  );
}

/** Of one event or one message: few, so that all of them are looked at in one go. */
function findByEvent(
  context: ReadContext,
  env: number,
  filter: BulkFilter,
  after: DeliveryPlace | null,
  limit: number,
): Found {
  const where = new Where()
    .and('e.log >= ? AND e.log < ?', logKey(env, 0), logLimit(env))
    .andIf(filter.event_id, 'e.event_id = ?')
    .andIf(filter.message_id, 'e.mid = (SELECT mid FROM message WHERE message_id = ?)');
  const events = context
    .sql(`SELECT e.event_type, e.at, e.deliveries FROM event e WHERE ${where.text}`)
    .all(...where.values);
  const candidates = events
    .filter((event) => fits(event['event_type'] as string, event['at'] as number, filter))
    .flatMap((event) => placesIn(event['deliveries'] as string))
    .filter((place) => isBeyond(place, after))
    .sort((a, b) => a.lane - b.lane || a.seq - b.seq);
  const places: DeliveryPlace[] = [];
  for (const place of candidates) {
    if (places.length === limit) break;
    if (isOf(context, env, place, filter)) places.push(place);
  }
  return { places, through: places.length === limit ? (places.at(-1) ?? null) : null };
}

function placesIn(deliveries: string): DeliveryPlace[] {
  if (deliveries === '') return [];
  return deliveries.split(' ').map((pair) => {
    const [lane, seq] = pair.split(':').map(Number) as [number, number];
    return { lane, seq };
  });
}

function isBeyond(place: DeliveryPlace, after: DeliveryPlace | null): boolean {
  return after === null || place.lane > after.lane || (place.lane === after.lane && place.seq > after.seq);
}

function isOf(context: ReadContext, env: number, { lane, seq }: DeliveryPlace, filter: BulkFilter): boolean {
  const row = context
    .sql(
      `SELECT endpoint_id, status = 'disabled' OR breaker = 'open' AS held FROM endpoint
       WHERE lane = ? AND env = ? AND deleted_at IS NULL`,
    )
    .get(lane, env);
  if (row === undefined || (filter.endpoint_id !== null && row['endpoint_id'] !== filter.endpoint_id))
    return false;
  return sourcesOf(filter, row['held'] === 1).some(
    (source) => context.sql(`${source} AND seq < ?3`).get(lane, seq - 1, seq + 1) !== undefined,
  );
}
