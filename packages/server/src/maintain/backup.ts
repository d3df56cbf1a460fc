/** A consistent copy of the store, taken while it runs. */

import { chmod, lstat, open, rename, rm } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { PostriderError } from '../domain/errors.ts';

export interface BackupStore {
  /** Writes a copy and verifies it by opening it; resolves to its size in bytes. */
  backup(path: string): Promise<number>;
}

export interface BackupResult {
  path: string;
  bytes: number;
}

/**
 * Writes the copy beside `path` and moves it there once it is verified and on disk, readable by its owner
 * only. `conflict` when `path` exists: a backup never replaces another one.
 */
export async function backupTo(store: BackupStore, path: string): Promise<BackupResult> {
  const target = resolve(path);
  if (await exists(target)) {
    throw new PostriderError('conflict', `${target} exists already; name a file that does not.`);
  }
  if (!(await exists(dirname(target)))) {
    throw new PostriderError('not_found', `The folder ${dirname(target)} does not exist; make it first.`);
  }
  const partial = `${target}.${process.pid}.partial`;
  try {
    const bytes = await store.backup(partial);
    await chmod(partial, 0o600);
    await sync(partial);
    await rename(partial, target);
    await sync(dirname(target));
    return { path: target, bytes };
  } catch (error) {
    await rm(partial, { force: true });
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  try {
    await lstat(path);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
}

async function sync(path: string): Promise<void> {
  const file = await open(path, 'r');
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}
