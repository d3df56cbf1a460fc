/** Which server a command talks to, and with which key: flags, then the environment, then what the first run left. */

import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Command } from 'commander';
import { usage } from './failure.ts';
import type { Terminal } from './terminal.ts';

export interface TargetOptions {
  url?: string;
  apiKey?: string;
  dataDir?: string;
  live?: boolean;
}

export interface Target {
  /** Base URL without a slash at the end. */
  url: string;
  key: string;
}

type KeyName = 'live' | 'sandbox' | 'admin';

interface FirstRunFile {
  http?: string;
  keys?: Partial<Record<KeyName, string>>;
}

/** Adds the flags that say which server and which key. */
export function withTarget(command: Command): Command {
  return command
    .option('--url <url>', 'address of the server (or POSTRIDER_URL)')
    .option('--api-key <key>', 'API key (or POSTRIDER_API_KEY)')
    .option(
      '--data-dir <folder>',
      'data folder of a server on this machine: its first-run.json has address and keys',
    )
    .option('--live', 'use the live key of first-run.json instead of the sandbox key');
}

/** Address and environment key. Throws a usage error when there is no key, or nothing safe to use it on. */
export function findTarget(options: TargetOptions, terminal: Terminal): Target {
  return target(
    options,
    terminal,
    options.live === true ? 'live' : 'sandbox',
    'POSTRIDER_API_KEY',
    '--api-key',
  );
}

/** Address and administrator's key. */
export function findAdminTarget(options: TargetOptions & { adminKey?: string }, terminal: Terminal): Target {
  const admin: TargetOptions = { ...options };
  delete admin.apiKey;
  if (options.adminKey !== undefined) admin.apiKey = options.adminKey;
  return target(admin, terminal, 'admin', 'POSTRIDER_SECURITY_ADMIN_KEY', '--admin-key');
}

function target(
  options: TargetOptions,
  terminal: Terminal,
  name: KeyName,
  variable: string,
  flag: string,
): Target {
  const folder = dataFolder(options, terminal);
  const firstRun = readFirstRun(folder);
  const named = options.url ?? (terminal.env['POSTRIDER_URL'] || undefined);
  const url = checkedUrl(named ?? firstRun?.http ?? defaultUrl(terminal));
  const given = options.apiKey ?? (terminal.env[variable] || undefined);
  // A key found in a file goes to the server that the file is about, never to another one.
  const found =
    named === undefined || url === withoutSlash(firstRun?.http ?? '') ? firstRun?.keys?.[name] : undefined;
  const key = given ?? found;
  if (key === undefined || key === '')
    throw usage(
      `There is no key for ${url}. Give one with ${flag} or ${variable}, or name the data folder of a server that has been started once with --data-dir (looked in ${folder}).`,
    );
  return { url, key };
}

/** The data folder as an absolute path. */
export function dataFolder(options: { dataDir?: string }, terminal: Terminal): string {
  return resolve(options.dataDir ?? (terminal.env['POSTRIDER_DATA_DIR'] || './data'));
}

/** What the first run left in `folder`; null when there is nothing to be read. */
export function readFirstRun(folder: string): FirstRunFile | null {
  try {
    const content: unknown = JSON.parse(readFileSync(join(folder, 'first-run.json'), 'utf8'));
    return typeof content === 'object' && content !== null ? content : null;
  } catch (error) {
    if (error instanceof SyntaxError || (error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw usage(`${join(folder, 'first-run.json')} cannot be read: ${(error as Error).message}`);
  }
}

function defaultUrl(terminal: Terminal): string {
  return `http://127.0.0.1:${terminal.env['POSTRIDER_HTTP_PORT'] || '7300'}`;
}

function checkedUrl(text: string): string {
  if (!URL.canParse(text) || !/^https?:$/.test(new URL(text).protocol))
    throw usage(`${text} is no address of a server: it must be a URL such as http://127.0.0.1:7300.`);
  return withoutSlash(text);
}

function withoutSlash(url: string): string {
  return url.replace(/\/+$/, '');
}
