import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, describe, expect, it } from 'vitest';
import { newId } from '../../base/ids.ts';
import {
  customEvent,
  delivered,
  FIRST_PAGE,
  newEndpoint,
  newMessage,
  NO_DELIVERY_FILTER,
  World,
  type StorePlace,
} from '../conformance/harness.ts';
import { describeStore } from '../conformance/suite.ts';
import { DATABASE_FILE } from './database.ts';
import { SqliteStore, type SqliteOptions } from './store.ts';

const folders: string[] = [];
afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

function options(dir: string, change: Partial<SqliteOptions> = {}): SqliteOptions {
  return {
    dir,
    writerCacheMb: 16,
    readerCacheMb: 4,
    walLimitBytes: 8 * 1024 * 1024,
    limits: { queueRows: 50_000, queueBytes: 64 * 1024 * 1024 },
    ...change,
  };
}

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'postrider-store-'));
  folders.push(made);
  return made;
}

describeStore('sqlite', (): StorePlace => {
  const dir = folder();
  return {
    open: () => SqliteStore.open(options(dir)),
    destroy: async () => rmSync(dir, { recursive: true, force: true }),
  };
});

describe('sqlite store', () => {
  it('refuses the database of a newer release, and of another program', async () => {
    const newer = folder();
    await (await SqliteStore.open(options(newer))).close();
    const db = new DatabaseSync(join(newer, DATABASE_FILE));
    db.exec('PRAGMA user_version = 999999');
    db.close();
    await expect(SqliteStore.open(options(newer))).rejects.toThrow(/newer release/);
    const other = folder();
    const foreign = new DatabaseSync(join(other, DATABASE_FILE));
    foreign.exec('PRAGMA application_id = 7; CREATE TABLE t (a)');
    foreign.close();
    await expect(SqliteStore.open(options(other))).rejects.toThrow(/another program/);
    const rubbish = folder();
    writeFileSync(
      join(rubbish, DATABASE_FILE),
      'this is no database, this is text of some length'.repeat(40),
    );
    await expect(SqliteStore.open(options(rubbish))).rejects.toThrow(/not a database/);
  });

  it('takes over the database of the first release with what is in it', async () => {
    const dir = folder();
    const db = new DatabaseSync(join(dir, DATABASE_FILE));
    db.exec(readFileSync(new URL('../../../migrations/sqlite/000001_ground.sql', import.meta.url), 'utf8'));
    const settings = JSON.stringify(newEndpoint(2, { event_types: ['*'] }));
    const log = 2 * 2 ** 36 + 1;
    db.exec(`PRAGMA application_id = 0x50526472; PRAGMA user_version = 1;
      INSERT INTO project VALUES ('prj_1', 'old', 1);
      INSERT INTO environment VALUES (1, 'prj_1', 'live', 0), (2, 'prj_1', 'sandbox', 0);
      INSERT INTO endpoint VALUES (1, 'end_1', 2, '${settings}', 'enabled', NULL, 'sealed', NULL, NULL, 1, 1, NULL);
      INSERT INTO lane_seq VALUES (1, 3);
      INSERT INTO event VALUES (${log}, 'evt_1', 'bounce', 1, NULL, NULL, NULL, '{}', '1:1'),
        (${log + 1}, 'evt_2', 'bounce', 1, NULL, NULL, NULL, '{}', '1:2'), (${log + 2}, 'evt_3', 'open', 1, NULL, NULL, NULL, '{}', '1:3');
      INSERT INTO pending VALUES (1, 2, ${log + 1}, 1, 0, 5000), (1, 3, ${log + 2}, 0, 0, 0);
      INSERT INTO settled VALUES (1, 1, ${log}, 1, 1, 1, 200, 2.5, NULL, NULL, NULL);`);
    db.close();
    const store = await SqliteStore.open(options(dir));
    expect((await store.allEndpoints())[0]).toMatchObject({
      endpoint: { endpoint_id: 'end_1', breaker: 'closed', failing_since: null },
      pending: 2,
    });
    const fresh = await store.loadFresh(1, 0, 10);
    expect(fresh.deliveries).toMatchObject([{ seq: 3, replay_id: null, event: { event_id: 'evt_3' } }]);
    expect((await store.loadRetries(1, 5000, 10)).deliveries).toMatchObject([{ seq: 2, attempts: 1 }]);
    await store.settle([delivered(1, 2, { attempt: 2 }), delivered(1, 3)]);
    await store.recordEvents(2, [customEvent()], null);
    const { data } = await store.listDeliveries(2, NO_DELIVERY_FILTER, FIRST_PAGE);
    expect(data.map((d) => [d.seq, d.status])).toEqual([
      [4, 'pending'],
      [3, 'delivered'],
      [2, 'delivered'],
      [1, 'delivered'],
    ]);
    await store.close();
  });

  it('looks for what may overtake once in each message, and no further than a bound', async () => {
    const store = await SqliteStore.open(options(folder()));
    const world = new World(store);
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['complaint'] });
    const messages = [newMessage(sandbox, ['a@x.test']), newMessage(sandbox, ['b@x.test'])];
    for (const message of messages) await store.acceptMessage(message, null);
    const [first, second] = messages.map((message) => message.message_id) as [string, string];
    const record = (type: string, message_id: string, count: number): Promise<unknown> => {
      const events = Array.from({ length: count }, () => customEvent(type, { message_id }));
      return store.recordEvents(sandbox, events, null);
    };
    await record('custom.a', first, 100);
    await record('complaint', first, 100);
    await record('complaint', second, 1);
    const found = async (): Promise<number[]> =>
      (await store.loadUrgent(lane, 0, 10)).deliveries.map(({ seq }) => seq);
    expect(await found()).toEqual([1, 101]);
    await record('custom.a', second, 5000);
    await record('complaint', second, 1);
    expect(await found()).toEqual([1, 101]);
    await store.settle([delivered(lane, 101)]);
    // Behind 5,000 events of its message it comes in its turn.
    expect(await store.loadUrgent(lane, 0, 10)).toMatchObject({ deliveries: [{ seq: 1 }], end: true });
    await store.close();
  });

  it('runs durable: write-ahead log, full sync', async () => {
    const dir = folder();
    const store = await SqliteStore.open(options(dir));
    const db = new DatabaseSync(join(dir, DATABASE_FILE));
    expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    db.close();
    await store.close();
  });

  it('refuses more than the commit queue may hold, and takes work again afterwards', async () => {
    const store = await SqliteStore.open(
      options(folder(), { limits: { queueRows: 20, queueBytes: 1_000_000 } }),
    );
    const world = new World(store);
    const { sandbox } = await world.tenant();
    const results = await Promise.allSettled(
      Array.from({ length: 40 }, () => store.recordEvents(sandbox, [customEvent()], null)),
    );
    const refused = results.filter((r) => r.status === 'rejected');
    expect(refused.length).toBeGreaterThan(0);
    for (const r of refused) expect(r.reason).toMatchObject({ code: 'overloaded', retryAfterSeconds: 1 });
    await store.recordEvents(sandbox, [customEvent()], null);
    expect(await store.logEnd(sandbox)).toBe(40 - refused.length + 1);
    await store.close();
  });

  it('takes results, but nothing new, while new work is refused', async () => {
    const store = await SqliteStore.open(options(folder()));
    const world = new World(store);
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    await store.recordEvents(sandbox, [customEvent()], null);
    store.refuseNew('disk', 'the disk is nearly full');
    await expect(store.recordEvents(sandbox, [customEvent()], null)).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: 'the disk is nearly full',
    });
    await store.settle([delivered(lane, 1)]);
    store.refuseNew('memory', 'memory is nearly full');
    store.refuseNew('disk', null);
    await expect(store.recordEvents(sandbox, [customEvent()], null)).rejects.toMatchObject({
      code: 'overloaded',
      message: 'memory is nearly full',
    });
    store.refuseNew('memory', null);
    await store.recordEvents(sandbox, [customEvent()], null);
    expect(await store.logEnd(sandbox)).toBe(2);
    await store.close();
  });

  it('takes back what it remembers when a transaction cannot be committed', async () => {
    const dir = folder();
    const store = await SqliteStore.open(options(dir));
    const world = new World(store);
    const { sandbox, live } = await world.tenant();
    const { lane, endpoint_id } = await world.endpoint(sandbox, { event_types: ['custom.*'] });
    await store.acceptMessage(newMessage(sandbox, ['a@x.test', 'b@x.test']), null);
    const [held] = await store.claimOutgoing(sandbox, Date.now(), 1);
    failCommitsWith(dir, 'suppression');
    const outcome = {
      env: sandbox,
      outgoing: held?.outgoing ?? -1,
      events: [],
      next_at: 1,
      attempted: true,
    };
    const results = await Promise.allSettled([
      // The first goes alone; the others wait for it and form the next transaction.
      store.revokeApiKey(live, 'key_none', 1),
      store.claimOutgoing(sandbox, Date.now(), 1),
      store.recordOutcomes([outcome]),
      store.deleteEndpoint(sandbox, endpoint_id, 1),
      store.addSuppressions(
        live,
        [{ address: 'c@x.test', reason: 'manual', event_id: newId('evt') }],
        1,
        null,
      ),
    ]);
    for (const result of results.slice(1))
      expect(result).toMatchObject({ reason: { code: 'storage_unavailable' } });
    const claimed = await store.claimOutgoing(sandbox, Date.now(), 10);
    expect(claimed.map((item) => item.recipient)).toEqual(['b@x.test']);
    await store.recordEvents(sandbox, [customEvent()], null);
    expect(world.told()).toEqual([`${lane}:1 custom.order`]);
    await store.close();
  });

  it('keeps the write-ahead log bounded under load', async () => {
    const store = await SqliteStore.open(options(folder(), { walLimitBytes: 4 * 1024 * 1024 }));
    const world = new World(store);
    const { sandbox } = await world.tenant();
    const data = JSON.stringify({ text: 'x'.repeat(4000) });
    for (let i = 0; i < 60; i++) {
      await store.recordEvents(
        sandbox,
        Array.from({ length: 100 }, () => customEvent('custom.a', { data })),
        null,
      );
    }
    // The log starts over, and is cut back, with the first commit after everything in it was moved.
    const walBytes = async (): Promise<number> => {
      await store.recordEvents(sandbox, [customEvent()], null);
      return (await store.health()).wal_bytes;
    };
    await expect.poll(walBytes, { timeout: 20_000, interval: 100 }).toBeLessThan(5 * 1024 * 1024);
    await store.close();
  });
});

/** From now on a transaction that inserts into `table` runs to its end and fails in its COMMIT. */
function failCommitsWith(dir: string, table: string): void {
  const db = new DatabaseSync(join(dir, DATABASE_FILE));
  db.exec(`CREATE TABLE none (id INTEGER PRIMARY KEY) STRICT;
    CREATE TABLE dangling (id INTEGER REFERENCES none DEFERRABLE INITIALLY DEFERRED) STRICT;
    CREATE TRIGGER fail AFTER INSERT ON ${table} BEGIN INSERT INTO dangling VALUES (1); END`);
  db.close();
}
