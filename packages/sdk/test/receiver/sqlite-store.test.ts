import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { createReceiver, Unrecoverable } from '../../src/receiver/receiver.ts';
import { sqliteStore, type SqliteStore } from '../../src/receiver/sqlite-store.ts';
import { event, job, request, SECRET, until } from './kit.ts';
import { storeSuite } from './store-suite.ts';

const folder = mkdtempSync(join(tmpdir(), 'postrider-receiver-'));
let files = 0;
const file = (): string => join(folder, `${++files}.db`);

const suiteStores: SqliteStore[] = [];
afterAll(async () => {
  for (const store of suiteStores) await store.close();
  rmSync(folder, { recursive: true });
});
storeSuite('sqlite', async () => {
  const store = sqliteStore(file());
  suiteStores.push(store);
  return store;
});

describe('sqlite', () => {
  it('has what was queued after it was opened again', async () => {
    const path = file();
    const first = sqliteStore(path);
    const one = job();
    await first.enqueue([one], 1_000);
    await first.close();
    const second = sqliteStore(path);
    const take = { limit: 1, now: 2_000, leaseUntil: 3_000, consumers: ['default'], ordered: false };
    expect(await second.take(take)).toEqual([{ ...one, attempt: 1 }]);
    await second.close();
    await expect(second.enqueue([job()], 1_000)).rejects.toThrow(/closed/);
  });

  it('syncs every commit and shares commits between concurrent writes', async () => {
    const store = sqliteStore(file());
    expect(store.database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: 2 });
    expect(store.database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    let commits = 0;
    const exec = store.database.exec.bind(store.database);
    store.database.exec = (sql) => {
      if (sql === 'COMMIT') commits++;
      exec(sql);
    };
    const fresh = await Promise.all(Array.from({ length: 200 }, () => store.enqueue([job()], 1_000)));
    expect(fresh.flat()).toHaveLength(200);
    expect(commits).toBe(1);
    await store.close();
  });

  it('commits a handler’s writes with the done mark, or neither', async () => {
    const store = sqliteStore(file());
    store.database.exec('CREATE TABLE effects (id TEXT)');
    let failures = 2;
    const receiver = createReceiver({
      secrets: [SECRET],
      store,
      transactional: true,
      pollInterval: 5,
      retry: { delay: () => 1 },
      handlers: {
        delivered: ({ event, tx }) => {
          tx.prepare('INSERT INTO effects VALUES (?)').run(event.event_id);
          if (failures-- > 0) throw new Error('after the write');
        },
        bounce: ({ tx }) => {
          tx.exec(`INSERT INTO effects VALUES ('never')`);
          throw new Unrecoverable('no such customer');
        },
        open: async () => undefined,
      },
    });
    const events = [event(), event({ event_type: 'bounce' }), event({ event_type: 'open' })];
    for (const one of events) expect((await receiver.handle(request(JSON.stringify(one)))).status).toBe(200);
    await until(async () => {
      const { ready, taken } = await receiver.counts();
      return ready + taken === 0;
    });
    expect(store.database.prepare('SELECT id FROM effects').all()).toEqual([{ id: events[0]?.event_id }]);
    const reasons = (await receiver.deadLetters()).map(({ reason }) => reason);
    expect(reasons).toHaveLength(2);
    expect(reasons).toContain('no such customer');
    expect(reasons.join()).toMatch(/has to be synchronous/);
    await receiver.close();
  });
});
