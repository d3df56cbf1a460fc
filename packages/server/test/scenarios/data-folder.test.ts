/** One process per data folder, and never an older program on a newer database. */

import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, it, onTestFinished, vi } from 'vitest';
import { ChildServer, dataFolder } from '../kit/child-server.ts';
import { inTime } from '../kit/wait.ts';

/** Each test starts several processes. */
vi.setConfig({ testTimeout: 120_000 });

it('a second start on the same folder is refused by name, and the first goes on', async () => {
  const folder = await dataFolder();
  onTestFinished(() => folder.remove());
  const first = await ChildServer.start(folder);
  onTestFinished(() => first.kill());

  const second = ChildServer.launch(folder);
  const { code } = await inTime('the refusal', second.exited, 20_000);
  expect(code).toBe(1);
  expect(second.output).toContain(`Another Postrider uses the data folder ${folder.dir}`);
  expect(second.output).not.toMatch(/\n\s+at .*\(/);
  await first.sandbox.send({});
  await first.kill();

  const third = await ChildServer.start(folder);
  expect(await third.sandbox.all('/v1/messages')).toHaveLength(1);
  await third.stop();
});

it('a database of a newer version is refused and left as it is', async () => {
  const folder = await dataFolder();
  onTestFinished(() => folder.remove());
  const server = await ChildServer.start(folder);
  await server.sandbox.send({});
  await server.stop();
  const path = join(folder.dir, 'postrider.db');
  const version = withDatabase(path, (db) => {
    const row = db.prepare('PRAGMA user_version').get() as { user_version: number };
    db.exec(`PRAGMA user_version = ${row.user_version + 1}`);
    return row.user_version;
  });
  const { size } = await stat(path);

  const refused = ChildServer.launch(folder);
  const { code } = await inTime('the refusal', refused.exited, 20_000);
  expect(code).toBe(1);
  expect(refused.output).toMatch(/newer/i);
  expect(refused.output).not.toMatch(/\n\s+at .*\(/);
  expect((await stat(path)).size).toBe(size);

  withDatabase(path, (db) => db.exec(`PRAGMA user_version = ${version}`));
  const again = await ChildServer.start(folder);
  expect(await again.sandbox.all('/v1/messages')).toHaveLength(1);
  await again.stop();
});

function withDatabase<T>(path: string, work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(path);
  try {
    return work(db);
  } finally {
    db.close();
  }
}

it('what is in the folder is for its owner only', async () => {
  const folder = await dataFolder();
  onTestFinished(() => folder.remove());
  const server = await ChildServer.start(folder);
  for (const name of ['first-run.json', 'postrider.db', 'postrider.db-wal'])
    expect([name, (await stat(join(folder.dir, name))).mode & 0o077]).toEqual([name, 0]);
  await server.stop();
});
