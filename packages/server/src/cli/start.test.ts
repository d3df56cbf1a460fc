/** `start` as a process: what it prints, what it leaves, how it ends. */

import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import type { FirstRun } from '../accept/first-run.ts';
import { command, folder } from './test-kit.ts';

const ENTRY = join(import.meta.dirname, 'main.ts');
const ANY_PORT = { POSTRIDER_HTTP_PORT: '0', POSTRIDER_SMTP_PORT: '0' };

interface Process {
  child: ChildProcess;
  /** Resolves once the output has the text; rejects when the process ends before. */
  says(text: string): Promise<void>;
  ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  output(): string;
}

const running = new Set<ChildProcess>();
const folders: (() => void)[] = [];
afterEach(() => {
  for (const child of running) child.kill('SIGKILL');
  for (const remove of folders.splice(0)) remove();
});
function fresh(): string {
  const { dir, remove } = folder();
  folders.push(remove);
  return dir;
}

function start(dir: string, env: Record<string, string> = ANY_PORT): Process {
  const { PATH } = process.env;
  const child = spawn(process.execPath, [ENTRY, 'start', '--data-dir', dir], {
    env: { ...(PATH === undefined ? {} : { PATH }), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  let output = '';
  const listeners = new Set<() => void>();
  const heard = (chunk: string): void => {
    output += chunk;
    for (const listener of listeners) listener();
  };
  child.stdout.setEncoding('utf8').on('data', heard);
  child.stderr.setEncoding('utf8').on('data', heard);
  const ended = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('close', (code, signal) => {
      running.delete(child);
      resolve({ code, signal });
      for (const listener of listeners) listener();
    });
  });
  const says = (text: string): Promise<void> =>
    new Promise((resolve, reject) => {
      const look = (): void => {
        if (output.includes(text)) resolve();
        else if (running.has(child)) return;
        else reject(new Error(`ended without saying "${text}":\n${output}`));
        listeners.delete(look);
      };
      listeners.add(look);
      look();
    });
  return { child, says, ended, output: () => output };
}

const firstRun = (dir: string): FirstRun =>
  JSON.parse(readFileSync(join(dir, 'first-run.json'), 'utf8')) as FirstRun;

describe('start', () => {
  test('prints addresses, keys, three things to try, and ready; leaves them in first-run.json; ends on SIGTERM', async () => {
    const dir = fresh();
    const server = start(dir);
    await server.says('ready');
    const { http, smtp, keys } = firstRun(dir);
    expect(statSync(join(dir, 'first-run.json')).mode & 0o777).toBe(0o600);
    for (const text of [http, new URL(smtp ?? '').port, keys.live, keys.sandbox, '1. ', '2. ', '3. '])
      expect(server.output()).toContain(text);
    expect(server.output().trimEnd().split('\n').at(-1)).toContain('ready');

    const asked = performance.now();
    server.child.kill('SIGTERM');
    expect(await server.ended).toEqual({ code: 0, signal: null });
    expect(performance.now() - asked).toBeLessThan(15_000);
  });

  test('a restart, also after kill -9, keeps the keys and gives the new addresses', async () => {
    const dir = fresh();
    const one = start(dir);
    await one.says('ready');
    const before = firstRun(dir);
    one.child.kill('SIGKILL');
    await one.ended;
    const two = start(dir);
    await two.says('ready');
    const after = firstRun(dir);
    expect(after.keys).toEqual(before.keys);
    expect(after.http).not.toBe(before.http);
    expect((await command(['send', '--data-dir', dir, '--to', 'a@sandbox.test'])).code).toBe(0);
    two.child.kill('SIGINT');
    expect(await two.ended).toEqual({ code: 0, signal: null });
  });

  test('a second one on the same folder, or the same port, is refused in one sentence', async () => {
    const dir = fresh();
    const one = start(dir);
    await one.says('ready');
    const sameFolder = start(dir);
    expect(await sameFolder.ended).toEqual({ code: 1, signal: null });
    expect(sameFolder.output()).toContain('Another Postrider uses the data folder');
    expect(sameFolder.output()).not.toContain('    at ');

    const { port } = new URL(firstRun(dir).http);
    const samePort = start(fresh(), { ...ANY_PORT, POSTRIDER_HTTP_PORT: port });
    expect(await samePort.ended).toEqual({ code: 1, signal: null });
    expect(samePort.output()).toContain(`The HTTP port ${port} on 127.0.0.1 is taken by another program`);
    expect(samePort.output()).not.toContain('    at ');
  });

  test('settings that cannot be used end it at once, with all that is wrong', async () => {
    const server = start(fresh(), { POSTRIDER_PROFILE: 'production', POSTRIDER_HTTP_PORT: '0' });
    expect(await server.ended).toEqual({ code: 2, signal: null });
    for (const name of ['master_key', 'admin_key', 'cert_file']) expect(server.output()).toContain(name);
  });

  test('production prints no key, and leaves no first-run.json', async () => {
    const dir = fresh();
    const env = {
      ...ANY_PORT,
      POSTRIDER_PROFILE: 'production',
      POSTRIDER_SMTP_ENABLED: 'false',
      POSTRIDER_SECURITY_MASTER_KEY: Buffer.alloc(32, 5).toString('base64'),
      POSTRIDER_SECURITY_ADMIN_KEY: `pr_admin_${'q'.repeat(43)}`,
    };
    const server = start(dir, env);
    await server.says('"ready"');
    const line = server.output().trim().split('\n').at(-1) ?? '';
    const { http } = JSON.parse(line) as { http: string };
    expect(server.output()).not.toMatch(/pr_(live|test|admin)_/);
    expect(() => firstRun(dir)).toThrow('ENOENT');
    const admin = ['--url', http, '--admin-key', env.POSTRIDER_SECURITY_ADMIN_KEY];
    expect((await command(['projects', 'create', 'shop', ...admin])).code).toBe(0);
    server.child.kill('SIGTERM');
    expect(await server.ended).toEqual({ code: 0, signal: null });
  });
});
