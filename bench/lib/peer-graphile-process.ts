/** graphile-worker, tuned: jobs fetched in batches of 500 into its local queue, and completed in batches. */

import { importPeer } from './peer-install.ts';
import { runPeer } from './peer-run.ts';

interface PgPool {
  on(event: 'error', listener: (error: Error) => void): unknown;
  query(sql: string, values?: unknown[]): Promise<{ rows: Record<string, unknown>[] }>;
}
interface Pg {
  default: { Pool: new (options: object) => PgPool };
}
interface Graphile {
  run: (options: object) => Promise<unknown>;
  makeWorkerUtils: (options: object) => Promise<{ migrate(): Promise<void> }>;
  Logger: new (factory: () => () => void) => object;
}
interface Payload {
  body: string;
}

const TUNED = {
  worker: {
    localQueue: { size: 500 },
    completeJobBatchDelay: 10,
    failJobBatchDelay: 10,
    pollInterval: 100,
  },
};
/** Its own function for many jobs at once, given them as JSON. */
const ADD_JOBS = `SELECT graphile_worker.add_jobs(array(
  SELECT json_populate_record(NULL::graphile_worker.job_spec, one) FROM json_array_elements($1::json) one))`;

await runPeer(async ({ folder, server, inFlight }) => {
  const { run, makeWorkerUtils, Logger } = await importPeer<Graphile>(folder, 'graphile-worker');
  const pg = await importPeer<Pg>(folder, 'pg');
  const pool = new pg.default.Pool({ connectionString: server.url, max: 20 });
  pool.on('error', (error) => console.error(error));
  await pool.query('DROP SCHEMA IF EXISTS graphile_worker CASCADE');
  const logger = new Logger(() => () => undefined);
  await (await makeWorkerUtils({ pgPool: pool, logger })).migrate();
  await pool.query('VACUUM ANALYZE');
  return {
    enqueue: async (bodies) => {
      const jobs = bodies.map((body) => ({ identifier: 'deliver', payload: { body } }));
      await pool.query(ADD_JOBS, [JSON.stringify(jobs)]);
    },
    work: async (deliver) => {
      const taskList = { deliver: async ({ body }: Payload) => deliver(body) };
      const common = { pgPool: pool, concurrency: inFlight, noHandleSignals: true, logger };
      await run({ ...common, taskList, preset: TUNED });
    },
    empty: async () => {
      const { rows } = await pool.query('SELECT 1 FROM graphile_worker._private_jobs LIMIT 1');
      return rows.length === 0;
    },
  };
});
