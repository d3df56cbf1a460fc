/** What came of the attempts that lanes made. */

import { PostriderError } from '../../../domain/errors.ts';
import type { Attempt } from '../../../domain/delivery.ts';
import type { Settlement } from '../../ports.ts';
import { SETTLED_STATUS } from '../settled-status.ts';
import { NO_CONTEXT, storeEvent } from '../store-event.ts';
import type { WriteContext } from '../write-context.ts';

/**
 * First-attempt deliveries that got their 2xx, in columns: the usual case, and the hottest of all commands.
 * `numbers` holds lane, seq, attempt, at, status, latency per delivery.
 */
export function settleDelivered(
  context: WriteContext,
  numbers: Float64Array,
  excerpts: (string | null)[],
): void {
  const remove = context.sql('DELETE FROM pending WHERE lane = ? AND seq = ? RETURNING log');
  const insert = context.sql(
    `INSERT INTO settled (lane, seq, log, status, attempts, at, http_status, latency_ms, excerpt)
     VALUES (?, ?, ?, ${SETTLED_STATUS.delivered}, ?, ?, ?, ?, ?)`,
  );
  for (let i = 0, n = 0; i < numbers.length; i += 6, n++) {
    const lane = numbers[i] as number;
    const seq = numbers[i + 1] as number;
    const row = remove.get(lane, seq);
    // Gone: discarded, or its endpoint deleted, while the request was under way.
    if (row === undefined) continue;
    insert.run(
      lane,
      seq,
      row['log'] as number,
      numbers[i + 2] as number,
      numbers[i + 3] as number,
      numbers[i + 4] as number,
      numbers[i + 5] as number,
      excerpts[n] as string | null,
    );
  }
}

export function settle(context: WriteContext, settlements: Settlement[]): void {
  for (const settlement of settlements) {
    const pending = context
      .sql('SELECT log FROM pending WHERE lane = ? AND seq = ?')
      .get(settlement.lane, settlement.seq);
    if (pending === undefined) continue;
    if (settlement.verdict === 'retry') retryLater(context, settlement);
    else finish(context, settlement, pending['log'] as number);
    for (const event of settlement.events) {
      storeEvent(context, context.environment(laneEnv(context, settlement.lane)), event, NO_CONTEXT);
    }
  }
}

function retryLater(context: WriteContext, { lane, seq, attempt, next_at }: Settlement): void {
  context
    .sql('UPDATE pending SET attempts = ?, next_at = ? WHERE lane = ? AND seq = ?')
    .run(attempt.attempt, Math.max(1, next_at ?? 1), lane, seq);
  insertAttempt(context, lane, seq, attempt);
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

function finish(context: WriteContext, { lane, seq, attempt, verdict }: Settlement, log: number): void {
  context.sql('DELETE FROM pending WHERE lane = ? AND seq = ?').run(lane, seq);
  context
    .sql(
      `INSERT INTO settled (lane, seq, log, status, attempts, at, http_status, latency_ms, error, error_detail, excerpt)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
    )
    .run(
      lane,
      seq,
      log,
      verdict === 'delivered' ? SETTLED_STATUS.delivered : SETTLED_STATUS.failed,
      attempt.attempt,
      attempt.at,
      attempt.status,
      attempt.latency_ms,
      attempt.error,
      attempt.error_detail,
      attempt.response_excerpt,
    );
}

function laneEnv(context: WriteContext, lane: number): number {
  const row = context.sql('SELECT env FROM endpoint WHERE lane = ?').get(lane);
  if (row === undefined) throw new PostriderError('not_found', `There is no lane ${lane}.`);
  return row['env'] as number;
}
