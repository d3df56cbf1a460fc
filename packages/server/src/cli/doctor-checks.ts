/** The checks of `postrider doctor`. Each looks at one thing, changes nothing, and names the remedy. */

import { access, constants, readdir, readFile, stat, statfs } from 'node:fs/promises';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import type { Config } from '../base/config.ts';
import { MASTER_KEY_FILE } from '../base/master-key.ts';
import { parseMasterKey, Seal } from '../base/seal.ts';
import { readFirstRun } from './target.ts';

export interface Finding {
  name: string;
  verdict: 'ok' | 'warn' | 'fail';
  detail: string;
  remedy?: string;
}
type Check = (config: Config) => Promise<Finding>;

const OLDEST_NODE = [24, 15] as const;
/** How far the server's clock may be from this one, s: receivers refuse signatures older than five minutes. */
const CLOCK_SECONDS = 60;
const ANSWER_MS = 3000;

const ok = (name: string, detail: string): Finding => ({ name, verdict: 'ok', detail });
const warn = (name: string, detail: string, remedy: string): Finding => ({
  name,
  verdict: 'warn',
  detail,
  remedy,
});
const fail = (name: string, detail: string, remedy: string): Finding => ({
  name,
  verdict: 'fail',
  detail,
  remedy,
});

const node: Check = async () => {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  return major > OLDEST_NODE[0] || (major === OLDEST_NODE[0] && minor >= OLDEST_NODE[1])
    ? ok('node', process.version)
    : fail('node', process.version, `Use Node ${OLDEST_NODE.join('.')} or later.`);
};

const folder: Check = async ({ data }) => {
  const info = await stat(data.dir).catch(missing);
  if (info === null) {
    const parent = await stat(dirname(data.dir)).catch(missing);
    return parent === null
      ? fail(
          'data folder',
          `${data.dir} does not exist, nor its parent`,
          'Make the parent folder, or set POSTRIDER_DATA_DIR.',
        )
      : ok('data folder', `${data.dir} will be made at the first start`);
  }
  if (!info.isDirectory()) return fail('data folder', `${data.dir} is no folder`, 'Set POSTRIDER_DATA_DIR.');
  const writable = await access(data.dir, constants.R_OK | constants.W_OK | constants.X_OK).then(
    () => true,
    () => false,
  );
  if (!writable)
    return fail('data folder', `${data.dir} is not writable`, 'Give it to the user that runs the server.');
  if (process.platform !== 'win32' && (info.mode & 0o077) !== 0)
    return warn(
      'data folder',
      `${data.dir} can be read by others (mode ${(info.mode & 0o777).toString(8)})`,
      `chmod 700 ${data.dir}`,
    );
  return ok('data folder', data.dir);
};

const files: Check = async ({ data }) => {
  const names = await readdir(data.dir).catch(missing);
  const open: string[] = [];
  for (const name of [MASTER_KEY_FILE, 'first-run.json']) {
    if (names === null || !names.includes(name) || process.platform === 'win32') continue;
    if (((await stat(join(data.dir, name))).mode & 0o077) !== 0) open.push(name);
  }
  return open.length === 0
    ? ok('secret files', 'readable by their owner only')
    : fail(
        'secret files',
        `${open.join(', ')} can be read by others`,
        `chmod 600 ${open.map((name) => join(data.dir, name)).join(' ')}`,
      );
};

const disk: Check = async ({ data, store }) => {
  const place = (await stat(data.dir).catch(missing)) === null ? dirname(data.dir) : data.dir;
  const { bavail, bsize } = await statfs(place);
  const free = bavail * bsize;
  const words = `${Math.round(free / 2 ** 20)} MiB free`;
  if (free < store.min_free_bytes)
    return fail(
      'disk',
      `${words}; under store.min_free_bytes nothing new is accepted`,
      'Free some space, or move the data folder.',
    );
  return free < 10 * store.min_free_bytes ? warn('disk', words, 'Free some space soon.') : ok('disk', words);
};

const clock: Check = async (config) => {
  const newest = await stat(join(config.data.dir, 'postrider.db')).catch(missing);
  const behind = newest === null ? 0 : (newest.mtimeMs - Date.now()) / 1000;
  const remedy = 'Set the clock, and keep it set with NTP: receivers refuse webhooks whose time is wrong.';
  if (behind > CLOCK_SECONDS)
    return fail('clock', `the database was written ${Math.round(behind)} s in the future`, remedy);
  const answer = await ask(config);
  const date = Date.parse(answer?.headers.get('date') ?? '');
  const apart = Number.isNaN(date) ? 0 : Math.abs(date - Date.now()) / 1000;
  if (apart > CLOCK_SECONDS)
    return fail('clock', `the server's clock is ${Math.round(apart)} s from this one`, remedy);
  return ok('clock', new Date().toISOString());
};

const masterKey: Check = async ({ data, security }) => {
  const text =
    security.master_key === ''
      ? await readFile(join(data.dir, MASTER_KEY_FILE), 'utf8').catch(missing)
      : security.master_key;
  const { inspectDatabase } = await import('../main.ts');
  const sealed = inspectDatabase(data.dir)?.sealed ?? null;
  const lost =
    'Bring back the key the secrets were sealed under; without it, rotate the secret of every endpoint.';
  if (text === null)
    return sealed === null
      ? ok('master key', 'will be made at the first start')
      : fail('master key', 'is missing', lost);
  const key = parseMasterKey(text.trim());
  if (key === null) return fail('master key', 'is not 32 bytes of base64 or hex', lost);
  if (sealed === null) return ok('master key', 'present; nothing is sealed yet');
  try {
    new Seal(key).open(sealed);
    return ok('master key', 'opens what is sealed');
  } catch {
    return fail('master key', 'does not open what is sealed', lost);
  }
};

const database: Check = async ({ data }) => {
  const { inspectDatabase } = await import('../main.ts');
  const facts = inspectDatabase(data.dir);
  if (facts === null) return ok('database', 'will be made at the first start');
  if (facts.damage.length > 0)
    return fail('database', `damaged: ${facts.damage.join('; ')}`, 'Stop the server and restore a backup.');
  if (facts.schema > facts.newest)
    return fail(
      'database',
      `schema ${facts.schema} is newer than this release (${facts.newest})`,
      'Run the newer release.',
    );
  const size = `${(facts.bytes / 2 ** 20).toFixed(1)} MiB, schema ${facts.schema}, sound`;
  return facts.schema < facts.newest
    ? warn('database', size, `Schema ${facts.newest} comes with the next start; make a backup first.`)
    : ok('database', size);
};

const server: Check = async (config) => {
  const url = addressOf(config);
  const answer = await ask(config);
  if (answer === null) return warn('server', `does not answer at ${url}`, 'Start it with `npm start`.');
  const text = await answer.text();
  return answer.ok
    ? ok('server', `ready at ${url}`)
    : fail('server', `not ready: ${text.slice(0, 300)}`, 'See its log.');
};

/** A port is fine when our server has it, or nobody. */
const ports: Check = async (config) => {
  if ((await ask(config)) !== null) return ok('ports', 'held by the running server');
  const taken: string[] = [];
  for (const door of ['http', 'smtp'] as const) {
    const { host, port } = config[door];
    if (door === 'smtp' && !config.smtp.enabled) continue;
    const problem = await whyNotFree(host, port);
    if (problem !== null) taken.push(`${door} ${host}:${port} (${problem})`);
  }
  return taken.length === 0
    ? ok('ports', `${config.http.port} and ${config.smtp.port} are free`)
    : fail(
        'ports',
        taken.join(', '),
        'Stop the program that has it, or choose another port: POSTRIDER_HTTP_PORT, POSTRIDER_SMTP_PORT.',
      );
};

/** In the order they are shown. */
export const CHECKS: readonly { name: string; check: Check }[] = [
  { name: 'node', check: node },
  { name: 'data folder', check: folder },
  { name: 'secret files', check: files },
  { name: 'disk', check: disk },
  { name: 'database', check: database },
  { name: 'master key', check: masterKey },
  { name: 'clock', check: clock },
  { name: 'ports', check: ports },
  { name: 'server', check: server },
];

function addressOf(config: Config): string {
  const { host, port } = config.http;
  const known = readFirstRun(config.data.dir)?.http;
  return known ?? `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

async function ask(config: Config): Promise<Response | null> {
  try {
    return await fetch(`${addressOf(config)}/readyz`, {
      signal: AbortSignal.timeout(ANSWER_MS),
      redirect: 'manual',
    });
  } catch {
    // Nobody there is an answer too: the caller says so.
    return null;
  }
}

function whyNotFree(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    probe.listen(port, host, () => probe.close(() => resolve(null)));
  });
}

function missing(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null;
  throw error;
}
