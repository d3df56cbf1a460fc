import { DatabaseSync } from 'node:sqlite';
import { expect, it, vi } from 'vitest';
import { migrate } from '../database.ts';
import { logKey } from '../log-position.ts';
import { ReadContext } from '../read-context.ts';
import { findDeliveries } from './bulk.ts';

const DELIVERIES = 1_000;

it('asks after no more deliveries of an event than it is to find', () => {
  const db = new DatabaseSync(':memory:');
  migrate(db);
  const places = Array.from({ length: DELIVERIES }, (_, n) => `1:${n + 1}`).join(' ');
  db.exec(`INSERT INTO endpoint (endpoint_id, env, settings, status, secret_sealed, created_at, updated_at)
      VALUES ('end_1', 1, '{}', 'enabled', 's', 1, 1);
    INSERT INTO event VALUES (${logKey(1, 1)}, 'evt_1', 'bounce', 1, NULL, NULL, NULL, '{}', '${places}');
    INSERT INTO pending (lane, seq, log, attempts, base, next_at)
      WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${DELIVERIES})
      SELECT 1, i, ${logKey(1, 1)}, 0, 0, 0 FROM n`);
  const context = new ReadContext(db);
  const sql = vi.spyOn(context, 'sql');
  const filter = {
    endpoint_id: null,
    event_id: 'evt_1',
    message_id: null,
    event_types: null,
    after: null,
    before: null,
    statuses: ['pending'] as const,
  };
  const found = findDeliveries(context, 1, filter, { lane: 1, seq: 10 }, 3);
  expect(found.places.map(({ seq }) => seq)).toEqual([11, 12, 13]);
  expect(found.through).toEqual({ lane: 1, seq: 13 });
  expect(sql.mock.calls.length).toBeLessThan(10);
  const end = findDeliveries(context, 1, filter, { lane: 1, seq: DELIVERIES - 2 }, 3);
  expect([end.places.map(({ seq }) => seq), end.through]).toEqual([[DELIVERIES - 1, DELIVERIES], null]);
  db.close();
});
