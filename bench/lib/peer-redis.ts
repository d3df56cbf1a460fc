/** A Redis of the bench's own: the machine's redis-server, installed by apt where that is possible. */

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { PeerServer } from './peer-postgres.ts';
import { end, freePort } from './processes.ts';

/** When the append-only file is synced: once a second (its default), or before each answer. */
export type Appendfsync = 'everysec' | 'always';

const WITHIN_MS = 300_000;

/** Why there is no Redis to measure; null when there is one. */
export function ensureRedis(): string | null {
  if (spawnSync('redis-server', ['--version']).error === undefined) return null;
  if (process.getuid?.() !== 0) return 'redis-server is not installed, and only root can install it';
  // A run level at which Debian starts no service after installing it.
  const env = { ...process.env, RUNLEVEL: '1', DEBIAN_FRONTEND: 'noninteractive' };
  const options = {
    env,
    stdio: ['ignore', 'ignore', 'inherit'] as ['ignore', 'ignore', 'inherit'],
    timeout: WITHIN_MS,
  };
  const install = ['install', '-y', '--no-install-recommends', 'redis-server'];
  if (spawnSync('apt-get', install, options).status !== 0) {
    spawnSync('apt-get', ['update'], options);
    spawnSync('apt-get', install, options);
  }
  const there = spawnSync('redis-server', ['--version']).error === undefined;
  return there ? null : 'redis-server is not installed, and apt could not install it';
}

export async function startRedis(appendfsync: Appendfsync): Promise<PeerServer> {
  const dir = mkdtempSync(join(tmpdir(), 'postrider-redis-'));
  const port = await freePort();
  const settings = { port, dir, bind: '127.0.0.1', appendonly: 'yes', appendfsync };
  const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const child = spawn('redis-server', [...args, '--save', ''], { stdio: ['ignore', 'pipe', 'inherit'] });
  for await (const line of createInterface({ input: child.stdout })) {
    if (line.includes('Ready to accept connections')) break;
  }
  if (child.exitCode !== null) throw new Error('redis-server ended before it was ready');
  child.stdout.resume();
  const version = spawnSync('redis-server', ['--version'], { encoding: 'utf8' }).stdout;
  return {
    version: `Redis ${/v=(\S+)/.exec(version)?.[1] ?? 'of unknown version'}`,
    pid: child.pid as number,
    url: `redis://127.0.0.1:${port}`,
    stop: async () => {
      await end(child, 'SIGTERM');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
