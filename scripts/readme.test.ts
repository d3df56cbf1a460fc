/** The README's walk-through, to the letter: its own lines are run, with only the ports and the folder another's. */

import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');
const POSTRIDER = join(ROOT, 'packages/server/bin/postrider.js');
const README = readFileSync(join(ROOT, 'README.md'), 'utf8');
const dir = mkdtempSync(join(tmpdir(), 'postrider-readme-'));
const children = new Set<ChildProcess>();
let ports: Record<'7300' | '2525' | '3000', number>;
let env: Record<string, string>;

/** The code block that has `text`, with ports and command as they are here. */
function block(language: string, text: string): string {
  const blocks = [...README.matchAll(/```(\w+)\n([\s\S]*?)```/g)];
  const [, , code] = blocks.find(([, name, content]) => name === language && content?.includes(text)) ?? [];
  if (code === undefined) throw new Error(`the README has no ${language} block with ${text}`);
  return Object.entries(ports)
    .reduce((changed, [from, to]) => changed.replaceAll(new RegExp(`\\b${from}\\b`, 'g'), String(to)), code)
    .replaceAll('npm exec postrider --', `"${process.execPath}" "${POSTRIDER}"`);
}

async function bash(script: string): Promise<string> {
  return (await promisify(execFile)('bash', ['-ec', script], { cwd: dir, env })).stdout;
}

/** Starts a program; resolves with its lines so far once one of them has `text`. */
function program(command: string, args: string[]): { says(text: string): Promise<string[]> } {
  const child = spawn(command, args, { cwd: dir, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.add(child);
  let output = '';
  const looks = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      output += chunk;
      for (const look of looks) look();
    });
  return {
    says: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!output.includes(text)) return;
          looks.delete(look);
          resolve(output.split('\n'));
        };
        looks.add(look);
        look();
        child.once('close', (code) => reject(new Error(`ended with ${code} before "${text}":\n${output}`)));
      }),
  };
}

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

beforeAll(async () => {
  ports = { '7300': await freePort(), '2525': await freePort(), '3000': await freePort() };
  env = {
    PATH: process.env['PATH'] ?? '',
    POSTRIDER_HTTP_PORT: String(ports['7300']),
    POSTRIDER_SMTP_PORT: String(ports['2525']),
  };
  await program(process.execPath, [POSTRIDER, 'start']).says('Postrider is ready');
  env = { PATH: env['PATH'] ?? '' };
  const { stdout } = await promisify(execFile)(
    'bash',
    ['-ec', `${block('sh', 'export KEY=')}\nprintf %s "$KEY"`],
    { cwd: dir },
  );
  env['KEY'] = stdout;
});
afterAll(async () => {
  for (const child of children) {
    const closed = new Promise((resolve) => child.once('close', resolve));
    if (child.exitCode === null && child.kill('SIGTERM')) await closed;
  }
  rmSync(dir, { recursive: true, force: true });
});

async function until(fact: () => Promise<boolean>): Promise<void> {
  while (!(await fact())) await new Promise((resolve) => setTimeout(resolve, 20));
}

function reachable(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}

test('the first screen has the two commands', () => {
  const [screen = ''] = README.split('\n## ');
  expect(screen.split('\n').length).toBeLessThan(30);
  expect(screen).toContain('\nnpm start');
  expect(screen).toContain('\nnpm test');
});

test('a message by HTTP, one by SMTP, and everything that comes of them', async () => {
  expect(env['KEY']).toMatch(/^pr_test_/);
  const tail = program('bash', ['-ec', `exec ${block('sh', '-- tail')}`]);
  await tail.says('following');
  const accepted = JSON.parse(await bash(block('sh', '/v1/messages'))) as { recipients: object[] };
  expect(accepted.recipients).toEqual([{ address: 'delivered@sandbox.test', status: 'accepted' }]);
  await bash(block('sh', 'curl smtp://'));
  const lines = await tail.says('suppression.added');
  const story = lines
    .filter((line) => line.includes('bounce@sandbox.test'))
    .map((line) => line.split(/ +/)[1]);
  expect(story).toEqual(['accepted', 'bounce', 'suppression.added']);
});

test('webhooks: the receiver, listen, an endpoint, and events made to happen', async () => {
  writeFileSync(join(dir, 'receiver.mjs'), block('js', 'createServer'));
  const receiver = program(process.execPath, ['receiver.mjs']);
  await until(() => reachable(ports['3000']));
  const listenLine =
    block('sh', '-- listen')
      .split('\n')
      .find((line) => line.includes('listen')) ?? '';
  await program('bash', ['-ec', `exec ${listenLine}`]).says('Ready');
  const endpoint = JSON.parse(await bash(block('sh', '/v1/endpoints'))) as { secret: string };
  expect(endpoint.secret).toMatch(/^whsec_/);
  const made = await bash(block('sh', '-- trigger'));
  expect(made).toContain('complaint');
  expect(made).toContain('custom.order_paid');
  // Once by `listen`, which forwards everything; the mail events once more by the endpoint.
  const got = await receiver.says('custom.order_paid');
  expect(got.some((line) => / complaint complaint\+/.test(line))).toBe(true);
});
