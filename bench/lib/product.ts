/** The whole product as a process of its own, on a fresh data folder. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface Product {
  pid: number;
  http: string;
  smtp: { host: string; port: number };
  keys: { live: string; sandbox: string };
  dir: string;
  call(method: string, path: string, body?: unknown): Promise<Record<string, unknown>>;
  stop(): Promise<void>;
}

export async function startProduct(settings: Record<string, string> = {}): Promise<Product> {
  const dir = mkdtempSync(join(tmpdir(), 'postrider-bench-'));
  // The installed command, started as its first line says.
  const cli = fileURLToPath(new URL('../../packages/server/bin/postrider.js', import.meta.url));
  const child = spawn(
    process.execPath,
    ['--max-semi-space-size=8', '--initial-old-space-size=48', cli, 'start'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: {
        ...process.env,
        POSTRIDER_DATA_DIR: dir,
        POSTRIDER_HTTP_PORT: '0',
        POSTRIDER_SMTP_PORT: '0',
        POSTRIDER_LOG_LEVEL: 'warn',
        ...settings,
      },
    },
  );
  await ready(child.stdout);
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
    call: (method, path, body) => call(http, keys.sandbox, method, path, body),
    stop: async () => {
      if (child.exitCode === null) {
        const ended = once(child, 'exit');
        child.kill('SIGTERM');
        await ended;
      }
      rmSync(dir, { recursive: true, force: true });
    },
  };
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
  const answer = (await response.json()) as Record<string, unknown>;
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}
