/** `postrider replay` against a running server and a receiver. */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { RunningServer } from '../main.ts';
import { command, folder, open, serverOn } from './test-kit.ts';

const { dir, remove } = folder();
const here = ['--data-dir', dir];
let server: RunningServer;
let receiver: Server;
/** `postrider-replay` of each request; empty without. */
const got: string[] = [];
let answer = 200;
let endpoint = '';

async function api<T>(method: string, path: string, body?: object): Promise<T> {
  const key = server.firstRun?.keys.sandbox ?? '';
  const response = await fetch(new URL(path, server.http), {
    method,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
    body: body === undefined ? null : JSON.stringify(body),
  });
  return (await response.json()) as T;
}

async function until(what: string, fact: () => boolean | Promise<boolean>): Promise<void> {
  for (let look = 0; look < 1_000; look++) {
    if (await fact()) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`there was no ${what}`);
}

beforeAll(async () => {
  receiver = createServer((request, response) => {
    got.push(String(request.headers['postrider-replay'] ?? ''));
    request.resume();
    response.writeHead(answer).end();
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  const { port } = receiver.address() as AddressInfo;
  server = await serverOn(dir);
  const made = await api<{ endpoint_id: string }>('POST', '/v1/endpoints', {
    url: `http://127.0.0.1:${port}/`,
    event_types: ['custom.*'],
    retry_schedule: [],
  });
  endpoint = made.endpoint_id;
  const events = Array.from({ length: 12 }, (_, n) => ({ event_type: n < 8 ? 'custom.a' : 'custom.b' }));
  await api('POST', '/v1/events', { events });
  await until('first delivery of all', () => got.length === 12);
  await until('rest', async () => {
    const { pending } = await api<{ pending: number }>('GET', `/v1/endpoints/${endpoint}/stats`);
    return pending === 0;
  });
});
afterAll(async () => {
  await server.stop();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
  remove();
});

const replay = (...args: string[]) => command(['replay', ...here, '--endpoint', endpoint, ...args]);

describe('replay', () => {
  test('a dry run says how many it would be, and sends nothing', async () => {
    expect(await replay('--dry-run')).toMatchObject({ code: 0, out: '12 events would be sent' });
    const one = await replay('--type', 'custom.b', '--dry-run', '--json');
    expect(JSON.parse(one.out)).toEqual({ replay_id: null, matched: 4, status: 'dry_run' });
    expect(got).toHaveLength(12);
  });

  test('waits until all of it has arrived, and says how far it is', async () => {
    const done = await replay('--type', 'custom.a', '--wait');
    expect(done.code).toBe(0);
    expect(done.out).toMatch(/^rpl_\w+ {2}completed: 8 delivered of 8 queued, of 8$/);
    expect(done.notes).toContain('8 events');
    expect(got.slice(12)).toEqual(Array.from({ length: 8 }, () => done.out.split(' ')[0]));
  });

  test('fails when not all of it arrives, and dead letters can be replayed', async () => {
    answer = 500;
    const failed = await replay('--type', 'custom.b', '--wait');
    expect(failed).toMatchObject({ code: 1, out: expect.stringContaining('4 failed') });
    answer = 200;
    const done = await replay('--status', 'failed', '--wait', '--json');
    expect(JSON.parse(done.out)).toMatchObject({ status: 'completed', matched: 4, delivered: 4 });
  });

  test('Ctrl-C leaves it running and says how to cancel it, which does', async () => {
    const session = open(['replay', ...here, '--endpoint', endpoint, '--rate', '0.5', '--wait']);
    await session.line('delivered of');
    const ended = await session.end();
    expect(ended.code).toBe(0);
    const id = /--cancel (rpl_\w+)/.exec(ended.notes)?.[1] ?? '';
    expect(await api('GET', `/v1/replays/${id}`)).toMatchObject({ status: 'running', matched: 12 });
    const cancelled = await command(['replay', ...here, '--cancel', id]);
    expect(cancelled).toMatchObject({ code: 0, out: expect.stringContaining(`${id}  cancelled`) });
    expect(await api('GET', `/v1/replays/${id}`)).toMatchObject({ status: 'cancelled' });
    expect(await command(['replay', ...here, '--cancel', id])).toMatchObject({ code: 1 });
  });

  test.each([
    [[], '--endpoint'],
    [['--endpoint', 'end_x', '--status', 'none'], '--status'],
    [['--endpoint', 'end_x', '--rate', 'fast'], '--rate'],
    [['--endpoint', 'end_x', '--cancel', 'rpl_x'], '--cancel'],
  ])('used wrongly: %j', async (args, named) => {
    const refused = await command(['replay', ...here, ...args]);
    expect([refused.code, refused.notes]).toEqual([2, expect.stringContaining(named)]);
  });
});
