/** What came of the attempts that lanes made. */

import { PostriderError } from '../../../domain/errors.ts';
import type { Attempt } from '../../../domain/delivery.ts';
import type { Settlement } from '../../ports.ts';
import { hasLeft, take } from '../queue.ts';
import { SETTLED_STATUS } from '../settled-status.ts';
import { NO_CONTEXT, storeEvent } from '../store-event.ts';
import type { WriteContext } from '../write-context.ts';

/** What nothing follows from; one column, because each costs a tenth of the whole. */
const REMOVE_UNTIED =
  'DELETE FROM pending WHERE lane = ? AND seq = ? AND mid IS NULL AND replay IS NULL RETURNING log';

/**
 * Deliveries that got their 2xx, in columns: the usual case, and the hottest of all commands.
 * `numbers` holds lane, seq, attempt, at, status, latency per delivery.
 */
export function settleDelivered(
  context: WriteContext,
  numbers: Float64Array,
  excerpts: (string | null)[],
): void {
  const remove = context.sql(REMOVE_UNTIED);
  const insert = context.sql(
    `INSERT INTO settled (lane, seq, log, status, attempts, at, http_status, latency_ms, excerpt)
     VALUES (?, ?, ?, ${SETTLED_STATUS.delivered}, ?, ?, ?, ?, ?)`,
  );
  for (let i = 0, n = 0; i < numbers.length; i += 6, n++) {
    const lane = numbers[i] as number;
    const seq = numbers[i + 1] as number;
    const untied = remove.get(lane, seq) as { log: number } | undefined;
    const tied = untied === undefined ? take(context, lane, seq) : null;
    const left = untied ?? tied;
    // Gone: discarded, or its endpoint deleted, while the request was under way.
    if (left === null) continue;
    insert.run(
      lane,
      seq,
      left.log,
      numbers[i + 2] as number,
      numbers[i + 3] as number,
      numbers[i + 4] as number,
      numbers[i + 5] as number,
      excerpts[n] as string | null,
    );
    if (tied !== null) hasLeft(context, tied, 'delivered');
  }
}

/** Settles the first so many that the commit has room for, one at least; returns how many. */
export function settle(context: WriteContext, settlements: Settlement[]): number {
  let settled = 0;
  for (const settlement of settlements) {
    if (settled > 0 && context.isFull) break;
    settled++;
    if (!applied(context, settlement)) continue;
    for (const event of settlement.events) {
      storeEvent(context, context.environment(laneEnv(context, settlement.lane)), event, NO_CONTEXT);
    }
  }
  return settled;
}

/** False when the delivery is no longer pending. */
function applied(context: WriteContext, settlement: Settlement): boolean {
  if (settlement.verdict === 'retry') return retryLater(context, settlement);
  if (settlement.verdict === 'probed') return stayDue(context, settlement);
  return finish(context, settlement, settlement.verdict);
}

// A result that comes after its delivery was discarded and replayed may find it blocked: it must not unblock it.
const WHERE_SENT = 'WHERE lane = ? AND seq = ? AND next_at >= 0';

function retryLater(context: WriteContext, { lane, seq, attempt, next_at }: Settlement): boolean {
  const { changes } = context
    .sql(`UPDATE pending SET attempts = ?, next_at = ? ${WHERE_SENT}`)
    .run(attempt.attempt, Math.max(1, next_at ?? 1), lane, seq);
  if (changes === 0) return false;
  insertAttempt(context, lane, seq, attempt);
  return true;
}

/** Told twice (its answer was lost), a probe counts once. */
function stayDue(context: WriteContext, { lane, seq, attempt }: Settlement): boolean {
  const { changes } = context
    .sql(
      `UPDATE pending SET base = base + (?1 - attempts), attempts = ?1
       WHERE lane = ?2 AND seq = ?3 AND next_at >= 0 AND attempts < ?1`,
    )
    .run(attempt.attempt, lane, seq);
  if (changes === 0) return false;
  insertAttempt(context, lane, seq, attempt);
  return true;
}

export function insertAttempt(context: WriteContext, lane: number, seq: number, attempt: Attempt): void {
  context
    .sql(
      `INSERT OR REPLACE INTO attempt (lane, seq, attempt, at, http_status, latency_ms, error, error_detail, excerpt)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      lane,
      seq,
      attempt.attempt,
      attempt.at,
      attempt.status,
      attempt.latency_ms,
      attempt.error,
      attempt.error_detail,
      attempt.response_excerpt,
    );
}

function finish(
  context: WriteContext,
  { lane, seq, attempt }: Settlement,
  verdict: 'delivered' | 'failed',
): boolean {
  const left = take(context, lane, seq);
  if (left === null) return false;
  context
    .sql(
      `INSERT INTO settled (lane, seq, log, status, attempts, at, http_status, latency_ms, error, error_detail, excerpt)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      lane,
      seq,
      left.log,
      SETTLED_STATUS[verdict],
      attempt.attempt,
      attempt.at,
      attempt.status,
      attempt.latency_ms,
      attempt.error,
      attempt.error_detail,
      attempt.response_excerpt,
    );
  hasLeft(context, left, verdict);
  return true;
}

function laneEnv(context: WriteContext, lane: number): number {
  const row = context.sql('SELECT env FROM endpoint WHERE lane = ?').get(lane);
  if (row === undefined) throw new PostriderError('not_found', `There is no lane ${lane}.`);
  return row['env'] as number;
}
