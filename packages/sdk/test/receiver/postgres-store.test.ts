import { afterAll, describe, expect, it } from 'vitest';
import { Pool } from 'pg';
import { postgresStore, type PostgresStore } from '../../src/receiver/postgres-store.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';
import type { Handlers } from '../../src/receiver/handlers.ts';
import type { PostgresQueries } from '../../src/receiver/postgres-store.ts';
import { event, job, request, SECRET, until } from './kit.ts';
import { startPostgres } from './postgres.ts';
import { storeSuite } from './store-suite.ts';

const database = await startPostgres();

describe.skipIf(database === null)('postgres', () => {
  const pool = new Pool({ ...database, max: 10 });
  // The server says goodbye to connections that are still closing when it stops.
  pool.on('connect', (client) => client.on('error', () => {}));
  afterAll(async () => {
    await pool.end();
    await database?.stop();
  });

  async function empty(): Promise<PostgresStore> {
    const store = postgresStore(pool);
    await Promise.all([store.migrate(), store.migrate()]);
    await pool.query('TRUNCATE postrider_jobs, postrider_guards, postrider_states, postrider_lanes');
    return store;
  }

  storeSuite('postgres', empty);

  it('gives each of several takers jobs of its own', async () => {
    const store = await empty();
    await store.enqueue(
      Array.from({ length: 60 }, () => job()),
      1_000,
    );
    const take = { limit: 10, now: 2_000, leaseUntil: 9_000, consumers: ['default'], ordered: false };
    const taken = (await Promise.all(Array.from({ length: 8 }, () => store.take(take)))).flat();
    const rest = await store.take({ ...take, limit: 100 });
    expect(new Set([...taken, ...rest].map(({ id }) => id)).size).toBe(60);
    expect(taken.length + rest.length).toBe(60);
  });

  it('never gives two events of a message to takers at the same time, when order is asked for', async () => {
    const store = await empty();
    await store.enqueue(
      Array.from({ length: 60 }, (_, at) => job({ orderKey: `m${at % 6}` })),
      1_000,
    );
    const take = { limit: 10, now: 2_000, leaseUntil: 9_000, consumers: ['default'], ordered: true };
    const taken = (await Promise.all(Array.from({ length: 8 }, () => store.take(take)))).flat();
    expect(taken.map(({ orderKey }) => String(orderKey)).sort()).toEqual([
      'm0',
      'm1',
      'm2',
      'm3',
      'm4',
      'm5',
    ]);
  });

  function open(store: PostgresStore, handlers: Handlers<PostgresQueries>, timeLimit = 5_000): Receiver {
    const retry = { attempts: 3, delay: () => 1 };
    return createReceiver({
      secrets: [SECRET],
      store,
      transactional: true,
      pollInterval: 5,
      retry,
      timeLimit,
      handlers,
    });
  }

  async function settled(receiver: Receiver): Promise<void> {
    await until(async () => {
      const { ready, taken } = await receiver.counts();
      return ready + taken === 0;
    });
  }

  it('commits a handler’s writes with the done mark, or neither, in several processes', async () => {
    const store = await empty();
    await pool.query('DROP TABLE IF EXISTS effects; CREATE TABLE effects (id text)');
    const handlers: Handlers<PostgresQueries> = {
      '*': async ({ event: it, tx, attempt }) => {
        await tx.query('INSERT INTO effects VALUES ($1)', [it.event_id]);
        if (attempt === 1 && it.event_type === 'bounce') throw new Error('after the write');
      },
    };
    const receivers = [open(store, handlers), open(store, handlers)];
    const types = ['open', 'bounce', 'delivered'] as const;
    const events = Array.from({ length: 60 }, (_, at) =>
      event({ event_type: types[at % 3]!, message_id: 'msg_one' }),
    );
    await Promise.all(receivers.map((receiver) => receiver.handle(request(JSON.stringify(events)))));
    await settled(receivers[0]!);
    for (const receiver of receivers) await receiver.close();
    const { rows } = await pool.query(
      'SELECT count(*)::int AS all, count(DISTINCT id)::int AS each FROM effects',
    );
    expect(rows).toEqual([{ all: 60, each: 60 }]);
  });

  it('takes the connection from a handler that hangs, and rolls back what it wrote', async () => {
    const store = await empty();
    await pool.query('DROP TABLE IF EXISTS effects; CREATE TABLE effects (id text)');
    const handlers: Handlers<PostgresQueries> = {
      '*': async ({ tx, attempt }) => {
        await tx.query('INSERT INTO effects VALUES ($1)', [`attempt ${attempt}`]);
        if (attempt === 1) await new Promise(() => undefined);
      },
    };
    const receiver = open(store, handlers, 50);
    await receiver.handle(request(JSON.stringify(event())));
    await settled(receiver);
    await receiver.close();
    expect((await pool.query('SELECT id FROM effects')).rows).toEqual([{ id: 'attempt 2' }]);
  });
});
