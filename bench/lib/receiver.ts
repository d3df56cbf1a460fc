/**
 * The receiver that both sides of a comparison send to: nginx answering 204, or, where there is none, a
 * small HTTP/1.1 server of our own in a process of its own. It counts, so that nobody's own word is taken.
 */

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { end, freePort, startHelper } from './processes.ts';
import { until } from './wait.ts';

export interface Receiver {
  name: string;
  url: string;
  pids(): number[];
  /** POST requests answered so far. */
  count(): Promise<number>;
  stop(): Promise<void>;
}

export async function startReceiver(): Promise<Receiver> {
  const nginx = spawnSync('nginx', ['-v']);
  return nginx.error === undefined ? startNginx(String(nginx.stderr).trim()) : startOwn();
}

async function startNginx(version: string): Promise<Receiver> {
  const dir = mkdtempSync(join(tmpdir(), 'postrider-nginx-'));
  const port = await freePort();
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
    .map((n) => `${n}_temp_path ${dir}/${n};`)
    .join(' ');
  writeFileSync(
    join(dir, 'nginx.conf'),
    `worker_processes 1; daemon off; error_log ${dir}/error.log crit; pid ${dir}/nginx.pid;
     events { worker_connections 8192; }
     http { access_log off; keepalive_requests 100000000; keepalive_timeout 300s; ${temporary}
       server { listen 127.0.0.1:${port} backlog=4096; location = /status { stub_status; } location / { return 204; } } }`,
  );
  const child = spawn('nginx', ['-c', join(dir, 'nginx.conf'), '-p', dir], { stdio: 'ignore' });
  const base = `http://127.0.0.1:${port}`;
  let own = 0;
  const requests = async (): Promise<number> => {
    own++;
    const text = await (await fetch(`${base}/status`)).text();
    return Number(/\n\s*\d+\s+\d+\s+(\d+)/.exec(text)?.[1]) - own;
  };
  await untilUp(base);
  own = 0;
  const before = await requests();
  return {
    name: version,
    url: `${base}/hook`,
    pids: () => workersOf(child.pid as number),
    count: async () => (await requests()) - before,
    stop: async () => {
      await end(child, 'SIGQUIT');
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

function workersOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim();
  return [pid, ...children.split(' ').filter(Boolean).map(Number)];
}

async function startOwn(): Promise<Receiver> {
  const { port, pid, stop } = await startHelper('./receiver-process.ts');
  return {
    name: `own receiver (node ${process.version}); install nginx for a faster one`,
    url: `http://127.0.0.1:${port}/hook`,
    pids: () => [pid],
    count: async () => Number(await (await fetch(`http://127.0.0.1:${port}/status`)).text()),
    stop,
  };
}

async function untilUp(base: string): Promise<void> {
  await until('nginx answers', async () => {
    try {
      return (await fetch(`${base}/status`)).ok;
    } catch {
      return false;
    }
  });
}
