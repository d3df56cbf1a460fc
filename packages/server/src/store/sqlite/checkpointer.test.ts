import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Worker } from 'node:worker_threads';
import { expect, it } from 'vitest';
import { Checkpointer } from './checkpointer.ts';
import { DATABASE_FILE, openForWriting } from './database.ts';

/** Longer than the log that is left alone. */
const LOG_BYTES = 6 * 1024 * 1024;

/** Asks for `meanwhile` at the beginning of the writer's quiet moment; resolves to what ended first. */
async function quietMoment(
  meanwhile: (checkpointer: Checkpointer, dir: string) => Promise<unknown>,
): Promise<string[]> {
  const dir = mkdtempSync(join(tmpdir(), 'postrider-checkpoint-'));
  const path = join(dir, DATABASE_FILE);
  const db = openForWriting(path, 1);
  try {
    db.exec('CREATE TABLE t (bytes BLOB) STRICT');
    db.prepare('INSERT INTO t VALUES (zeroblob(?))').run(LOG_BYTES);
    const ended: string[] = [];
    const both = Promise.withResolvers<unknown>();
    const checkpointer = await Checkpointer.start(path, 1, async (work) => {
      if (ended.length > 0) return;
      const asked = meanwhile(checkpointer, dir).then(() => ended.push('what was asked for'));
      const moved = work().then(() => ended.push('the quiet moment'));
      both.resolve(Promise.all([asked, moved]));
      await moved;
    });
    await both.promise;
    return ended;
  } finally {
    db.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

it('ends the quiet moment of the writer before it closes', async () => {
  const ended = await quietMoment((checkpointer) => checkpointer.close());
  expect(ended).toEqual(['the quiet moment', 'what was asked for']);
});

it('makes no commit wait for a backup', async () => {
  let used: Checkpointer | undefined;
  const ended = await quietMoment((checkpointer, dir) => {
    used = checkpointer;
    return checkpointer.backup(join(dir, 'copy.db'));
  });
  expect(ended).toEqual(['the quiet moment', 'what was asked for']);
  await used?.close();
});

it('says that it is dead, once, and fails what waits for it', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'postrider-checkpoint-'));
  const path = join(dir, DATABASE_FILE);
  const db = openForWriting(path, 1);
  try {
    const threads: Worker[] = [];
    const watch = (worker: Worker): void => void threads.push(worker);
    process.on('worker', watch);
    const checkpointer = await Checkpointer.start(path, 1, (work) => work());
    process.off('worker', watch);
    const deaths: string[] = [];
    checkpointer.onDeath = ({ message }) => void deaths.push(message);
    const backup = checkpointer.backup(join(dir, 'copy.db'));
    await threads[0]?.terminate();
    await expect(backup).rejects.toThrow('The checkpointing thread ended');
    await expect(checkpointer.backup(join(dir, 'copy2.db'))).rejects.toThrow(
      'The checkpointing thread ended',
    );
    await checkpointer.close();
    expect(deaths).toEqual([expect.stringContaining('The checkpointing thread ended')]);
    expect(checkpointer.lastError).toBe(deaths[0]);
  } finally {
    db.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
