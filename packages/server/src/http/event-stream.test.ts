import { connect, type Socket } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { DoorConfig } from './door-config.ts';
import type { LiveEvent } from './query-service.ts';
import { KNOWN, SANDBOX_KEY, type FakeReader } from './test-kit/fake-services.ts';
import { openDoor, type OpenDoor } from './test-kit/open-door.ts';

let open: OpenDoor;
let sockets: Socket[] = [];
beforeEach(() => {
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await open.door.close();
});

async function start(settings: Partial<DoorConfig> = {}): Promise<void> {
  open = await openDoor(settings);
}

interface Client {
  socket: Socket;
  text: () => string;
  closed: Promise<void>;
}

function follow(path = '/v1/events/stream', headers = ''): Client {
  const socket = connect(open.port, '127.0.0.1');
  sockets.push(socket);
  socket.write(`GET ${path} HTTP/1.1\r\nHost: x\r\nX-API-Key: ${SANDBOX_KEY}\r\n${headers}\r\n`);
  let text = '';
  socket.on('data', (chunk: Buffer) => {
    text += chunk.toString('utf8');
  });
  // A reset is one way in which the server may close.
  socket.on('error', () => {});
  return { socket, text: () => text, closed: new Promise((resolve) => socket.on('close', () => resolve())) };
}

async function reader(index = 0): Promise<FakeReader> {
  await expect.poll(() => open.services.live.length).toBeGreaterThan(index);
  return open.services.live[index] as FakeReader;
}

function event(number: number, envelope = `{"n":${number}}`): LiveEvent {
  return { event_id: `evt_${number}`, envelope };
}

test('events come as they happen, with their ids', async () => {
  await start();
  const client = follow();
  (await reader()).push(event(1), event(2));
  await expect.poll(client.text).toContain('id: evt_1\ndata: {"n":1}\n\nid: evt_2\ndata: {"n":2}\n\n');
  expect(client.text()).toContain('content-type: text/event-stream; charset=utf-8');
  expect(client.text()).toContain('cache-control: no-store');
});

test('the filters of the list and Last-Event-ID are passed on', async () => {
  await start();
  follow(
    '/v1/events/stream?event_type=bounce,open&recipient=Ann@EXAMPLE.com&tag=t&after=2026-01-01',
    `Last-Event-ID: ${KNOWN.event}\r\n`,
  );
  const { filter, afterEventId } = await reader();
  expect(afterEventId).toBe(KNOWN.event);
  expect(filter).toEqual({
    event_type: ['bounce', 'open'],
    message_id: null,
    recipient: 'Ann@example.com',
    campaign_id: null,
    tag: 't',
    after: Date.UTC(2026, 0, 1),
    before: null,
  });
});

test('a Last-Event-ID that is none is told before a parameter that does not fit', async () => {
  await start();
  const answer = await fetch(`${open.url}/v1/events/stream?colour=red`, {
    headers: { 'x-api-key': SANDBOX_KEY, 'last-event-id': 'x' },
  });
  expect(answer.status).toBe(400);
});

test('silence is filled with heartbeats that carry the place', async () => {
  await start({ stream_heartbeat_ms: 10 });
  const client = follow();
  const live = await reader();
  await expect.poll(client.text).toContain(': keep-alive\n\n');
  live.lastSeen = () => KNOWN.event;
  await expect.poll(client.text).toContain(`: keep-alive\nid: ${KNOWN.event}\n\n`);
});

test('a client that leaves frees its reader', async () => {
  await start();
  const client = follow();
  const live = await reader();
  await expect.poll(client.text).toContain(': open');
  client.socket.destroy();
  await expect.poll(() => live.closed).toBe(true);
});

test('a client that left before its stream was open frees its reader and its place', async () => {
  await start({ max_streams: 1 });
  const openLive = open.services.query.live.bind(open.services.query);
  const asked = Promise.withResolvers<void>();
  const left = Promise.withResolvers<void>();
  open.services.query.live = async (...args) => {
    asked.resolve();
    await left.promise;
    return openLive(...args);
  };
  const client = follow();
  await asked.promise;
  client.socket.destroy();
  await expect.poll(() => open.door.connections()).toBe(0);
  left.resolve();
  const live = await reader();
  await expect.poll(() => live.closed).toBe(true);
  open.services.query.live = openLive;
  const next = follow();
  await expect.poll(next.text).toContain(': open');
});

test('a client that takes nothing is asked for nothing more, and closed', async () => {
  await start({ stream_stall_ms: 100 });
  const client = follow();
  const live = await reader();
  await expect.poll(client.text).toContain(': open');
  client.socket.pause();
  let asked = 0;
  const page = Array.from({ length: 16 }, (_, n) => event(n, JSON.stringify('x'.repeat(64 * 1024))));
  live.onAsked = () => {
    asked++;
    live.push(...page);
  };
  live.push(event(0));
  await expect.poll(() => live.closed).toBe(true);
  // What fits into the socket's buffers, and one page more; never what was there to be read.
  expect(asked).toBeLessThan(20);
  client.socket.resume();
  await client.closed;
});

test('streams past the limit are 429, and a freed place is taken again', async () => {
  await start({ max_streams: 1 });
  const first = follow();
  const live = await reader();
  await expect.poll(first.text).toContain(': open');
  const second = await fetch(`${open.url}/v1/events/stream`, { headers: { 'x-api-key': SANDBOX_KEY } });
  expect(second.status).toBe(429);
  expect(second.headers.get('retry-after')).toBe('5');
  expect(await second.json()).toMatchObject({ code: 'too_many_requests' });
  first.socket.destroy();
  await expect.poll(() => live.closed).toBe(true);
  await expect
    .poll(async () => {
      const response = await fetch(`${open.url}/v1/events/stream`, { headers: { 'x-api-key': SANDBOX_KEY } });
      await response.body?.cancel();
      return response.status;
    })
    .toBe(200);
});

test('a source that breaks ends the stream and is logged', async () => {
  await start();
  const client = follow();
  const live = await reader();
  await expect.poll(client.text).toContain(': open');
  live.next = () => Promise.reject(new Error('no store'));
  live.push(event(1));
  await client.closed;
  expect(client.text()).toContain('id: evt_1');
  expect(open.lines.find((line) => line.level === 'error')?.message).toBe('http.stream_broken');
});

test('a stream ends with its key', async () => {
  await start({ stream_heartbeat_ms: 10 });
  const client = follow();
  const live = await reader();
  await expect.poll(client.text).toContain(': keep-alive');
  open.services.access.authenticate = async () => null;
  await client.closed;
  expect(live.closed).toBe(true);
  expect(open.lines).toEqual([]);
});

test('revoking a key here ends its streams at once', async () => {
  await start();
  const client = follow();
  await reader();
  await expect.poll(client.text).toContain(': open');
  const list = open.services.access.listApiKeys.bind(open.services.access);
  open.services.access.listApiKeys = async (env, page) => {
    const { data } = await list(env, page);
    return { data: data.map((key) => ({ ...key, key_id: 'key_test' })), next_cursor: null };
  };
  open.services.access.revokeApiKey = async (env) => ({
    key_id: 'key_test',
    env,
    name: 'x',
    scopes: [],
    prefix: 'pr_test_',
    created_at: 0,
    revoked_at: 1,
  });
  const revoked = await fetch(`${open.url}/v1/api-keys/key_test`, {
    method: 'DELETE',
    headers: { 'x-api-key': SANDBOX_KEY },
  });
  expect(revoked.status).toBe(200);
  await client.closed;
});
