import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  customEvent,
  deadLettered,
  delivered,
  newReplay,
  purgeAll,
  sealLanes,
  World,
} from '../conformance/harness.ts';
import { DATABASE_FILE } from './database.ts';
import { SqliteStore } from './store.ts';

let dir: string;
let db: DatabaseSync;
let world: World;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'postrider-retention-'));
  const limits = { queueRows: 50_000, queueBytes: 64 * 1024 * 1024 };
  const store = await SqliteStore.open({
    dir,
    writerCacheMb: 4,
    readerCacheMb: 4,
    walLimitBytes: 8_000_000,
    limits,
  });
  world = new World(store);
  db = new DatabaseSync(join(dir, DATABASE_FILE), { readOnly: true });
});
afterEach(async () => {
  db.close();
  await world.store.close();
  rmSync(dir, { recursive: true, force: true });
});

const lanesIn = (table: string): unknown[] =>
  db
    .prepare(`SELECT DISTINCT lane FROM ${table} ORDER BY lane`)
    .all()
    .map((row) => row['lane']);

describe('retention of lanes', () => {
  it('looks at no more than a few in one step, and at all of them in a round', async () => {
    const { sandbox } = await world.tenant();
    const lanes = [];
    for (let n = 0; n < 50; n++)
      lanes.push((await world.endpoint(sandbox, { event_types: ['custom.*'] })).lane);
    const last = lanes.at(-1) as number;
    const policy = { events_before: 5000, dead_letters_before: 5000, raw_before: 5000 };
    const round = async (): Promise<number> => {
      for (let steps = 0; steps < 50; steps++)
        if ((await world.store.purge(sandbox, policy, 100)) === 0) return steps;
      throw new Error('purge does not come to an end');
    };
    for (let n = 0; n < 2; n++) expect(await round()).toBe(2);
    await world.store.recordEvents(sandbox, [customEvent('custom.a', { at: 1000 })], null);
    await world.store.settle([delivered(last, 1, { at: 1000 })]);
    await sealLanes(world, sandbox);
    await round();
    expect(await world.store.getDelivery(sandbox, last, 1)).toBeNull();
  });

  it('forgets a deleted endpoint once nothing refers to it', async () => {
    const { sandbox } = await world.tenant();
    const made = [];
    for (let n = 0; n < 4; n++) made.push(await world.endpoint(sandbox, { event_types: ['custom.*'] }));
    const [empty, dead, replayed, alive] = made.map(({ lane }) => lane) as [number, number, number, number];
    await world.store.recordEvents(sandbox, [customEvent('custom.a', { at: 1000 })], null);
    await world.store.settle([delivered(empty, 1, { at: 1000 }), deadLettered(dead, 1)]);
    await world.store.settle([delivered(replayed, 1, { at: 1000 }), delivered(alive, 1, { at: 1000 })]);
    await sealLanes(world, sandbox);
    const { replay_id } = await newReplay(world, sandbox, replayed);
    for (const { lane, endpoint_id } of made)
      if (lane !== alive) await world.store.deleteEndpoint(sandbox, endpoint_id, 2000);
    await purgeAll(world, sandbox, 5000, 5_000_000);
    expect(lanesIn('endpoint')).toEqual([dead, replayed, alive]);
    expect(lanesIn('lane_seq')).toEqual([dead, replayed, alive]);
    expect((await world.store.getDelivery(sandbox, dead, 1))?.delivery.status).toBe('failed');
    expect(await world.store.endReplay(replay_id, 'failed', 'gone')).toMatchObject({ lane: replayed });
    const future = Date.now() + 60_000;
    for (let n = 0; n < 2; n++) await purgeAll(world, sandbox, future, future);
    expect(lanesIn('endpoint')).toEqual([alive]);
    expect([...lanesIn('settled'), ...lanesIn('pending')]).toEqual([]);
    await world.store.recordEvents(sandbox, [customEvent()], null);
    expect(lanesIn('pending')).toEqual([alive]);
  });
});
