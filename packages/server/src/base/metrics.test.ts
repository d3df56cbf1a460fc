import { expect, it } from 'vitest';
import { Metrics } from './metrics.ts';

it('writes attempts, lag and commits as Prometheus histograms and counters', async () => {
  const metrics = new Metrics();
  metrics.publish.attempt('delivered', 3);
  metrics.publish.attempt('timeout_head', 20_000);
  metrics.publish.attempt('delivered', 3);
  metrics.publish.lag(7);
  metrics.commit(2, 5);
  const page = await metrics.registry.metrics();
  expect(page).toContain('postrider_delivery_attempts_total{outcome="delivered"} 2');
  expect(page).toContain('postrider_delivery_attempts_total{outcome="timeout_head"} 1');
  expect(page).toContain('# TYPE postrider_delivery_attempt_seconds histogram');
  expect(page).toContain('postrider_delivery_attempt_seconds_bucket{le="0.0025"} 0');
  expect(page).toContain('postrider_delivery_attempt_seconds_bucket{le="0.005"} 2');
  expect(page).toContain('postrider_delivery_attempt_seconds_bucket{le="10"} 2');
  expect(page).toContain('postrider_delivery_attempt_seconds_bucket{le="+Inf"} 3');
  expect(page).toContain('postrider_delivery_attempt_seconds_count 3');
  expect(page).toContain('postrider_delivery_lag_seconds_sum 0.007');
  expect(page).toContain('postrider_commands_total 5');
});

it('asks the parts for their gauges when the page is read', async () => {
  const metrics = new Metrics();
  let asked = 0;
  expect(await metrics.registry.metrics()).toContain('postrider_commit_queue 0');
  metrics.connect({
    publish: () => ({
      in_flight: 3,
      lanes: 2,
      lanes_held: 0,
      lanes_parked: 1,
      window_entries: 9,
      window_bytes: 900,
      unsettled: 4,
    }),
    store: async () => ({ commit_queue: 6, wal_bytes: 10, database_bytes: 20, writable: true }),
    smtp: () => ({ connections: 1, pending_bytes: 0 }),
    diskFreeBytes: async () => 5000,
    refusing: () => ({ disk: false, memory: true }),
    queues: async () => {
      asked++;
      return { deliveries: 70, recipients: 8, oldest_delivery_seconds: null };
    },
  });
  const page = await metrics.registry.metrics();
  // Three gauges, and one walk through the queue.
  expect(asked).toBe(1);
  expect(page).toContain('postrider_deliveries_pending 70');
  expect(page).toContain('postrider_commit_queue 6');
  expect(page).toContain('postrider_store_writable 1');
  expect(page).toContain('postrider_refusing_for_disk 0');
  expect(page).toContain('postrider_refusing_for_memory 1');
});
