/** The whole product as a process of its own, on a data folder of its own. */

import { spawn, type ChildProcess } from 'node:child_process';
import { constants, cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { syncFolder } from './data-files.ts';
import { end } from './processes.ts';
import { tally, type Tally } from './tally.ts';

export interface Product {
  pid: number;
  http: string;
  smtp: { host: string; port: number };
  keys: { live: string; sandbox: string };
  dir: string;
  /** From the start of the process until it said that it is ready. */
  startMs: number;
  call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  /** Ends the process; throws when it did not end well. The data folder stays. */
  end(): Promise<void>;
  /** Ends the process and removes the data folder, unless it was given. */
  stop(): Promise<void>;
}

export interface ProductOptions {
  /** As environment variables. */
  settings?: Readonly<Record<string, string>>;
  /** A command put in front, one that keeps the process id. */
  command?: readonly string[];
  /** A data folder to work on a copy of. */
  copyOf?: string;
  /** A data folder to work in. */
  dir?: string;
  /** Ended by SIGKILL: a graceful stop would wait for the timeouts of what hangs. */
  kill?: boolean;
  /** Called with the data folder before the start. */
  prepare?: (dir: string) => void;
}

export async function startProduct(options: ProductOptions = {}): Promise<Product> {
  const dir = options.dir ?? mkdtempSync(join(tmpdir(), 'postrider-bench-'));
  const remove = (): void => {
    if (options.dir === undefined) rmSync(dir, { recursive: true, force: true });
  };
  let child: ChildProcess | null = null;
  try {
    if (options.copyOf !== undefined) copyFolder(options.copyOf, dir);
    options.prepare?.(dir);
    const begun = performance.now();
    child = spawnProduct(dir, options);
    await ready(child.stdout as NodeJS.ReadableStream);
    return running(child, dir, performance.now() - begun, { remove, kill: options.kill ?? false });
  } catch (error) {
    if (child !== null) await end(child, 'SIGKILL');
    remove();
    throw error;
  }
}

/**
 * Starts, uses, ends, and counts what the store then holds: a delivery that is neither pending nor settled fails the
 * run. `check` may demand more of the tally.
 */
export async function withProduct<T>(
  options: ProductOptions,
  use: (product: Product) => Promise<T>,
  check: (tally: Tally) => void = everythingDelivered,
  lanes?: () => readonly string[],
): Promise<T> {
  const product = await startProduct(options);
  try {
    const result = await use(product);
    await product.end();
    check(tally(product.dir, lanes?.()));
    return result;
  } finally {
    await product.stop();
  }
}

export function everythingDelivered(result: Tally): void {
  const { delivered, ...others } = result;
  if (delivered === 0 || Object.values(others).some((n) => n > 0))
    throw new Error(`something was not delivered: ${JSON.stringify(result)}`);
}

/** The installed command, started as its first line says. */
function spawnProduct(dir: string, { settings, command = [] }: ProductOptions): ChildProcess {
  const cli = fileURLToPath(new URL('../../packages/server/bin/postrider.js', import.meta.url));
  const flags = /^#!.* node (.*)$/m.exec(readFileSync(cli, 'utf8'))?.[1]?.split(' ') ?? [];
  const [program, ...args] = [...command, process.execPath, ...flags, cli, 'start'];
  return spawn(program, args, {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: {
      ...process.env,
      POSTRIDER_DATA_DIR: dir,
      POSTRIDER_HTTP_PORT: '0',
      POSTRIDER_SMTP_PORT: '0',
      POSTRIDER_LOG_LEVEL: 'error',
      ...settings,
    },
  });
}

interface Ending {
  kill: boolean;
  remove: () => void;
}

function running(child: ChildProcess, dir: string, startMs: number, { kill, remove }: Ending): Product {
  const { http, smtp, keys } = JSON.parse(readFileSync(join(dir, 'first-run.json'), 'utf8')) as {
    http: string;
    smtp: string;
    keys: Product['keys'];
  };
  const { hostname, port } = new URL(smtp);
  return {
    pid: child.pid as number,
    http,
    smtp: { host: hostname, port: Number(port) },
    keys,
    dir,
    startMs,
    call: (method, path, body) => call(http, keys.sandbox, method, path, body),
    end: async () => {
      await end(child, kill ? 'SIGKILL' : 'SIGTERM');
      if (!kill && child.exitCode !== 0)
        throw new Error(`the server ended with ${child.exitCode ?? child.signalCode}`);
    },
    stop: async () => {
      await end(child, kill ? 'SIGKILL' : 'SIGTERM');
      remove();
    },
  };
}

/** On disk before the start, so that writing the copy back is nobody's burden later. */
function copyFolder(from: string, to: string): void {
  cpSync(from, to, { recursive: true, mode: constants.COPYFILE_FICLONE });
  syncFolder(to);
}

async function ready(output: NodeJS.ReadableStream): Promise<void> {
  for await (const line of createInterface({ input: output })) {
    if (/\bready\b/i.test(line)) {
      output.resume();
      return;
    }
  }
  throw new Error('the server ended before it was ready');
}

async function call(
  base: string,
  key: string,
  method: string,
  path: string,
  body: unknown,
): Promise<Record<string, unknown>> {
  const response = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text.slice(0, 500)}`);
  return (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>;
}
