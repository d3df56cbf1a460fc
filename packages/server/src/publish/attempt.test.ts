import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { TimerWheel } from '../base/timer-wheel.ts';
import { AddressRules } from './address.ts';
import { Attempt, type AttemptLimits } from './attempt.ts';
import { Connections } from './connections.ts';
import { Guard } from './guard.ts';
import type { Resolve } from './resolver.ts';
import { loopbackGuard } from './testing/fixtures.ts';
import { aRawServer, aReceiver, deadUrl, type RawServer, type Receiver } from './testing/receiver.ts';

const LIMITS: AttemptLimits = { drain_bytes: 65_536, excerpt_bytes: 1_024, drain_ms: 200, slow_ms: 100 };
const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';

const closers: (() => Promise<void> | void)[] = [];
let wheel: TimerWheel;

beforeEach(() => {
  wheel = new TimerWheel(10);
});
afterEach(async () => {
  for (const close of closers.splice(0).toReversed()) await close();
  wheel.stop();
});

function connectionsTo(url: string, guard = loopbackGuard()): Connections {
  const connections = new Connections(new URL(url), guard);
  closers.push(() => connections.destroy(new Error('test over')));
  return connections;
}

function post(connections: Connections, timeout_ms = 5_000, limits = LIMITS): Promise<Attempt<null>> {
  return new Promise((resolve) => {
    const body = Buffer.from('{"event_id":"evt_1"}');
    const request = { path: '/hook', headers: ['content-type', 'application/json'], body, timeout_ms };
    const owner = { slow: () => {}, finished: resolve };
    new Attempt(null, request, connections, wheel, limits, owner).start();
  });
}

async function raw(...parameters: Parameters<typeof aRawServer>): Promise<RawServer> {
  const server = await aRawServer(...parameters);
  closers.push(() => server.close());
  return server;
}
async function http(...parameters: Parameters<typeof aReceiver>): Promise<Receiver> {
  const receiver = await aReceiver(...parameters);
  closers.push(() => receiver.close());
  return receiver;
}

describe('an attempt that is answered', () => {
  it('keeps the start of the body', async () => {
    const receiver = await http((response) => response.writeHead(200).end('thank you'));
    const attempt = await post(connectionsTo(receiver.url));
    expect(attempt).toMatchObject({ status: 200, error: null, detail: null, excerpt: 'thank you' });
    expect(attempt.latency_ms).toBeGreaterThanOrEqual(0);
  });

  it('has no excerpt without a body', async () => {
    const receiver = await http();
    expect(await post(connectionsTo(receiver.url))).toMatchObject({
      status: 204,
      error: null,
      excerpt: null,
    });
  });

  it('cuts the excerpt between characters and shows no NUL', async () => {
    const receiver = await http((response) => response.writeHead(200).end(`\0${'é'.repeat(600)}`));
    const { excerpt } = await post(connectionsTo(receiver.url));
    expect(excerpt).toBe(`\uFFFD${'é'.repeat(511)}`);
  });

  it('uses one connection again and again', async () => {
    const receiver = await http((response) => response.writeHead(200).end('ok'));
    const connections = connectionsTo(receiver.url);
    for (let i = 0; i < 5; i++) await post(connections);
    expect(receiver.connections).toBe(1);
  });

  it.each([301, 302, 303, 307, 308])('does not follow a %d', async (status) => {
    const elsewhere = await http();
    const receiver = await http((response) => response.writeHead(status, { location: elsewhere.url }).end());
    expect(await post(connectionsTo(receiver.url))).toMatchObject({ status, error: 'redirect' });
    expect(elsewhere.requests).toHaveLength(0);
  });

  it.each([400, 401, 404, 410, 429, 500, 503])('calls a %d a failure by HTTP', async (status) => {
    const receiver = await http((response) => response.writeHead(status, { 'retry-after': '7' }).end('no'));
    const attempt = await post(connectionsTo(receiver.url));
    expect(attempt).toMatchObject({ status, error: 'http', retryAfter: '7', excerpt: 'no' });
  });

  it('passes over interim responses', async () => {
    const server = await raw((socket) => socket.write(`HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n${OK}`));
    expect(await post(connectionsTo(server.url))).toMatchObject({ status: 200, error: null, excerpt: 'ok' });
  });
});

describe('a head that decides', () => {
  it('lets a huge body go at its bound', async () => {
    let written = 0;
    const server = await raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000000000\r\n\r\n');
      const more = (): void => {
        while (!socket.destroyed && written < 1e9 && socket.write(Buffer.alloc(16_384, 'x')))
          written += 16_384;
        if (!socket.destroyed) socket.once('drain', more);
      };
      more();
    });
    const connections = connectionsTo(server.url);
    const attempt = await post(connections);
    expect(attempt).toMatchObject({ status: 200, error: null, excerpt: 'x'.repeat(1024) });
    expect(connections.size).toBe(0);
    expect(written).toBeLessThan(20_000_000);
  });

  it('lets a dripping body go at its time', async () => {
    let drip: NodeJS.Timeout | undefined;
    closers.push(() => clearInterval(drip));
    const server = await raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n');
      drip = setInterval(() => socket.write('.'), 20);
    });
    const started = performance.now();
    expect(await post(connectionsTo(server.url), 5_000)).toMatchObject({ status: 200, error: null });
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it('is not undone by a reset', async () => {
    const server = await raw((socket) => {
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf', () => socket.resetAndDestroy());
    });
    expect(await post(connectionsTo(server.url))).toMatchObject({ status: 200, error: null });
  });

  it('is not undone by an early close', async () => {
    const server = await raw((socket) => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nhalf'));
    expect(await post(connectionsTo(server.url))).toMatchObject({
      status: 200,
      error: null,
      excerpt: 'half',
    });
  });

  it('is not undone by a lie about the length', async () => {
    const server = await raw((socket) =>
      socket.write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok and more'),
    );
    const connections = connectionsTo(server.url);
    expect(await post(connections)).toMatchObject({ status: 200, error: null, excerpt: 'ok' });
    // What came after the end is not taken for the next answer.
    expect((await post(connections)).status).toBe(200);
    expect(server.sockets.length).toBe(2);
  });
});

describe('an attempt that gets no head', () => {
  it.each([
    ['says nothing', () => {}],
    ['drips the head', drip],
    ['sends interim responses without end', interim],
  ])('times out when the peer %s', async (_name, speak) => {
    const server = await raw(speak);
    const started = performance.now();
    const attempt = await post(connectionsTo(server.url), 300);
    expect(attempt).toMatchObject({ status: 0, error: 'timeout_head', isSlow: true });
    expect(attempt.detail).toContain('300 ms');
    expect(performance.now() - started).toBeGreaterThanOrEqual(300);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  function drip(socket: Socket): void {
    socket.write('HTTP/1.1 200 OK\r\nx: ');
    const timer = setInterval(() => socket.write('y'), 50);
    closers.push(() => clearInterval(timer));
  }
  function interim(socket: Socket): void {
    const timer = setInterval(() => socket.write('HTTP/1.1 103 Early Hints\r\n\r\n'), 50);
    closers.push(() => clearInterval(timer));
  }

  it('names a refused connection', async () => {
    expect(await post(connectionsTo(await deadUrl()))).toMatchObject({ status: 0, error: 'refused' });
  });

  it('names a reset', async () => {
    const server = await raw((socket) => socket.resetAndDestroy());
    expect(await post(connectionsTo(server.url))).toMatchObject({ status: 0, error: 'reset' });
    expect(server.sockets).toHaveLength(1);
  });

  it('names a close before the answer', async () => {
    const server = await raw((socket) => socket.end());
    expect(await post(connectionsTo(server.url))).toMatchObject({ status: 0, error: 'reset' });
  });

  it.each(['SSH-2.0-OpenSSH_9.6\r\n', 'HTTP/1.1 abc\r\n\r\n', '\r\n\r\n\0\0\0'])(
    'names an answer that is no HTTP: %j',
    async (text) => {
      const server = await raw((socket) => socket.write(text));
      expect(await post(connectionsTo(server.url))).toMatchObject({ status: 0, error: 'protocol' });
    },
  );

  it('names a head without end', async () => {
    const server = await raw((socket) => socket.write(`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(40_000)}`));
    expect(await post(connectionsTo(server.url))).toMatchObject({ status: 0, error: 'protocol' });
  });

  it('names an address that is not allowed, by literal and by name', async () => {
    const resolve: Resolve = (_name, done) => done(null, [{ address: '169.254.169.254', family: 4 }]);
    const guard = new Guard({ addresses: new AddressRules({ loopback: false, allow: [] }), resolve });
    expect(await post(connectionsTo('http://127.0.0.1:9/', guard))).toMatchObject({
      error: 'blocked_address',
    });
    const named = await post(connectionsTo('https://hook.example.com/', guard));
    expect(named).toMatchObject({ status: 0, error: 'blocked_address' });
    expect(named.detail).toContain('169.254.169.254');
  });

  it('names a failed and a hanging resolution', async () => {
    const addresses = new AddressRules({ loopback: true, allow: [] });
    const failing: Resolve = (_name, done) =>
      done(Object.assign(new Error('getaddrinfo ENOTFOUND hook.example.com'), { code: 'ENOTFOUND' }), []);
    const failed = await post(
      connectionsTo('https://hook.example.com/', new Guard({ addresses, resolve: failing })),
    );
    expect(failed).toMatchObject({ error: 'dns', detail: 'getaddrinfo ENOTFOUND hook.example.com' });
    const hanging = new Guard({ addresses, resolve: () => {} });
    expect(await post(connectionsTo('https://hook.example.com/', hanging), 200)).toMatchObject({
      error: 'dns',
    });
  });

  it('names a TLS handshake that hangs, and one that fails', async () => {
    const resolve: Resolve = (_name, done) => done(null, [{ address: '127.0.0.1', family: 4 }]);
    const guard = new Guard({ addresses: new AddressRules({ loopback: true, allow: [] }), resolve });
    const silent = await raw(() => {});
    const hangs = silent.url.replace('http://127.0.0.1', 'https://hook.example.com');
    expect(await post(connectionsTo(hangs, guard), 300)).toMatchObject({ error: 'timeout_tls' });
    const plain = await raw((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const fails = plain.url.replace('http://127.0.0.1', 'https://hook.example.com');
    expect(await post(connectionsTo(fails, guard))).toMatchObject({ error: 'tls' });
    const resets = await raw((socket) => socket.resetAndDestroy());
    const reset = resets.url.replace('http://127.0.0.1', 'https://hook.example.com');
    expect(await post(connectionsTo(reset, guard))).toMatchObject({ error: 'tls' });
  });
});

describe('a reused connection', () => {
  it('that was reset before any byte is replaced once, at once', async () => {
    const server = await raw((socket, chunk, connection) => {
      // The first connection answers once and drops the second request unread.
      if (connection === 1 && chunk > 1) socket.resetAndDestroy();
      else socket.write(OK);
    });
    const connections = connectionsTo(server.url);
    expect(await post(connections)).toMatchObject({ status: 200 });
    expect(await post(connections)).toMatchObject({ status: 200, error: null });
    expect(server.sockets).toHaveLength(2);
  });

  it('is not replaced a second time', async () => {
    const server = await raw((socket, chunk, connection) => {
      if (connection === 1 && chunk === 1) socket.write(OK);
      else socket.resetAndDestroy();
    });
    const connections = connectionsTo(server.url);
    await post(connections);
    expect(await post(connections)).toMatchObject({ status: 0, error: 'reset' });
    expect(server.sockets).toHaveLength(2);
  });

  it('is not replaced once a byte of the answer has come', async () => {
    const server = await raw((socket, chunk) => {
      if (chunk === 1) socket.write(OK);
      else socket.write('HTTP/1.1 2', () => socket.resetAndDestroy());
    });
    const connections = connectionsTo(server.url);
    await post(connections);
    expect(await post(connections)).toMatchObject({ status: 0, error: 'reset' });
    expect(server.sockets).toHaveLength(1);
  });

  it('that the peer has closed meanwhile is dialled anew', async () => {
    const server = await raw((socket) => socket.write(OK));
    const connections = connectionsTo(server.url);
    await post(connections);
    const gone = new Promise((closed) => server.sockets[0]?.once('close', closed));
    server.sockets[0]?.end();
    await gone;
    expect(await post(connections)).toMatchObject({ status: 200 });
    expect(server.sockets).toHaveLength(2);
  });

  it('is not used after connection: close', async () => {
    const receiver = await http((response) => response.writeHead(200, { connection: 'close' }).end('ok'));
    const connections = connectionsTo(receiver.url);
    await post(connections);
    await post(connections);
    expect(receiver.connections).toBe(2);
  });
});

describe('cancelling', () => {
  it('ends an attempt that waits for its head without an outcome', async () => {
    let seen: () => void = () => {};
    const asked = new Promise<void>((resolve) => (seen = resolve));
    const server = await raw(() => seen());
    const connections = connectionsTo(server.url);
    let attempt: Attempt<null> | undefined;
    const finished = new Promise<Attempt<null>>((resolve) => {
      const request = { path: '/', headers: [], body: Buffer.from('{}'), timeout_ms: 5_000 };
      attempt = new Attempt(null, request, connections, wheel, LIMITS, { slow: () => {}, finished: resolve });
      attempt.start();
    });
    await asked;
    attempt?.cancel();
    expect(await finished).toMatchObject({ status: 0, error: null, cancelled: true });
    expect(connections.size).toBe(0);
    expect(wheel.pending).toBe(0);
  });

  it('ends an attempt that is still connecting', async () => {
    const guard = new Guard({
      addresses: new AddressRules({ loopback: true, allow: [] }),
      resolve: () => {},
    });
    const connections = connectionsTo('https://hook.example.com/', guard);
    const finished = new Promise<Attempt<null>>((resolve) => {
      const request = { path: '/', headers: [], body: Buffer.from('{}'), timeout_ms: 5_000 };
      const owner = { slow: () => {}, finished: resolve };
      const attempt = new Attempt(null, request, connections, wheel, LIMITS, owner);
      attempt.start();
      attempt.cancel();
    });
    expect(await finished).toMatchObject({ status: 0, error: null, cancelled: true });
  });
});
