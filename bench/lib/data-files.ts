/** Files of a data folder, and what of them is in memory. */

import { spawnSync } from 'node:child_process';
import { closeSync, fsyncSync, openSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

/** Everything in the folder is on disk when this returns. */
export function syncFolder(dir: string): void {
  for (const path of filesOf(dir)) {
    const file = openSync(path, 'r');
    fsyncSync(file);
    closeSync(file);
  }
}

/** Has the kernel forget the folder's pages, so that they are read from disk again (coreutils manual, dd, `nocache`). */
export function dropFromMemory(dir: string): void {
  syncFolder(dir);
  for (const path of filesOf(dir)) {
    const { status, stderr } = spawnSync('dd', [`if=${path}`, 'iflag=nocache', 'count=0']);
    if (status !== 0) throw new Error(`dd could not drop ${path} from memory: ${String(stderr)}`);
  }
}

function filesOf(dir: string): string[] {
  return readdirSync(dir, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(dir, entry.name));
}
