/** pg-boss, tuned: two workers that fetch 500 jobs at a time, and the next at once while there are more. */

import { importPeer } from './peer-install.ts';
import { runPeer } from './peer-run.ts';

interface Job {
  data: { body: string };
}
interface Boss {
  on(event: 'error', listener: (error: Error) => void): unknown;
  start(): Promise<unknown>;
  createQueue(name: string): Promise<void>;
  insert(name: string, jobs: readonly object[]): Promise<unknown>;
  work(name: string, options: object, handler: (jobs: Job[]) => Promise<void>): Promise<unknown>;
}
interface PgBossModule {
  PgBoss: new (options: object) => Boss;
}
interface PgPool {
  query(sql: string): Promise<{ rows: Record<string, unknown>[] }>;
}
interface Pg {
  default: { Pool: new (options: object) => PgPool };
}

const NAME = 'deliveries';
const WORKERS = 2;
const TUNED = {
  batchSize: 500,
  localConcurrency: WORKERS,
  burstWhenBatchFull: true,
  pollingIntervalSeconds: 0.5,
};

await runPeer(async ({ folder, server, inFlight }) => {
  const { PgBoss } = await importPeer<PgBossModule>(folder, 'pg-boss');
  const pg = await importPeer<Pg>(folder, 'pg');
  const pool = new pg.default.Pool({ connectionString: server.url, max: 2 });
  await pool.query('DROP SCHEMA IF EXISTS pgboss CASCADE');
  const boss = new PgBoss({ connectionString: server.url, max: 20, supervise: false, schedule: false });
  boss.on('error', (error) => console.error(error));
  await boss.start();
  await boss.createQueue(NAME);
  await pool.query('VACUUM ANALYZE');
  return {
    enqueue: async (bodies) => {
      await boss.insert(
        NAME,
        bodies.map((body) => ({ data: { body }, retryLimit: 5 })),
      );
    },
    work: async (deliver) => {
      await boss.work(NAME, TUNED, async (jobs) => {
        const left = jobs.values();
        const one = async (): Promise<void> => {
          for (const { data } of left) await deliver(data.body);
        };
        await Promise.all(Array.from({ length: inFlight / WORKERS }, one));
      });
    },
    empty: async () => {
      const { rows } = await pool.query(`SELECT 1 FROM pgboss.job WHERE state < 'completed' LIMIT 1`);
      return rows.length === 0;
    },
  };
});
