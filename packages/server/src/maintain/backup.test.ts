import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { backupTo, type BackupStore } from './backup.ts';

let dir = '';
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'postrider-backup-'));
});
afterEach(async () => rm(dir, { recursive: true }));

const STORE: BackupStore = {
  async backup(path) {
    await writeFile(path, 'copy');
    return 4;
  },
};

describe('backup', () => {
  it('arrives whole, readable by its owner only', async () => {
    const path = join(dir, 'a.db');
    expect(await backupTo(STORE, path)).toEqual({ path, bytes: 4 });
    expect(await readFile(path, 'utf8')).toBe('copy');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(dir)).toEqual(['a.db']);
  });

  it('never replaces a file, nor what a link points at', async () => {
    await writeFile(join(dir, 'a.db'), 'old');
    await symlink('nowhere', join(dir, 'b.db'));
    for (const name of ['a.db', 'b.db']) {
      await expect(backupTo(STORE, join(dir, name))).rejects.toMatchObject({ code: 'conflict' });
    }
    expect(await readFile(join(dir, 'a.db'), 'utf8')).toBe('old');
  });

  it('says which folder is missing', async () => {
    await expect(backupTo(STORE, join(dir, 'no', 'a.db'))).rejects.toMatchObject({
      code: 'not_found',
      message: expect.stringContaining(join(dir, 'no')),
    });
  });

  it('leaves nothing behind when it fails', async () => {
    const store: BackupStore = {
      async backup(path) {
        await writeFile(path, 'half');
        throw new Error('disk full');
      },
    };
    await expect(backupTo(store, join(dir, 'a.db'))).rejects.toThrow('disk full');
    expect(await readdir(dir)).toEqual([]);
  });
});
