import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AddressRules } from './address.ts';
import type { Attempt } from './attempt.ts';
import { parseEgressProxy } from './egress-proxy.ts';
import { AttemptBench, guardWith, OK } from './testing/attempts.ts';
import { aConnectProxy, type ConnectProxy } from './testing/connect-proxy.ts';
import { aCertificate, aSecurePeer } from './testing/secure-peer.ts';
import { deadUrl } from './testing/receiver.ts';
import type { Resolve } from './resolver.ts';

let bench: AttemptBench;
beforeEach(() => {
  bench = new AttemptBench();
});
afterEach(() => bench.close());

const production = new AddressRules({ loopback: false, allow: [] });
const toPublic: Resolve = (_name, done) =>
  done(null, [
    { address: '2606:4700:4700::1111', family: 6 },
    { address: '93.184.216.34', family: 4 },
  ]);

async function proxyTo(to: number, reply?: string | null): Promise<ConnectProxy> {
  const proxy = await aConnectProxy(to, reply);
  bench.onClose(() => proxy.close());
  return proxy;
}

function through(port: number, options: Parameters<typeof guardWith>[0] = {}, login = '') {
  const proxy = parseEgressProxy(`http://${login}127.0.0.1:${port}`);
  return guardWith({ addresses: production, resolve: toPublic, proxy, ...options });
}

describe('an egress proxy', () => {
  it('leads to the address that was checked; TLS inside is with the endpoint', async () => {
    const certificate = await aCertificate();
    const peer = await aSecurePeer(certificate);
    bench.onClose(() => peer.close());
    const proxy = await proxyTo(peer.port);
    const guard = through(proxy.port, { ca: certificate.cert }, 'us%40er:pass%3Aword@');
    const connections = bench.connectionsTo('https://hook.example.com:8443/', guard);
    for (const _ of [1, 2])
      expect(await bench.post(connections)).toMatchObject({ status: 200, error: null, excerpt: 'secure' });
    const login = Buffer.from('us@er:pass:word').toString('base64');
    expect(proxy.heads[0]).toBe(
      `CONNECT 93.184.216.34:8443 HTTP/1.1\r\nHost: 93.184.216.34:8443\r\nProxy-Authorization: Basic ${login}\r\n\r\n`,
    );
    expect(peer.names).toEqual(['hook.example.com', 'hook.example.com']);
    expect(peer.resumed).toEqual([false, true]);
  });

  it('verifies the certificate inside', async () => {
    const peer = await aSecurePeer(await aCertificate());
    bench.onClose(() => peer.close());
    const proxy = await proxyTo(peer.port);
    const attempt = await bench.send('https://hook.example.com/', { guard: through(proxy.port) });
    expect(attempt).toMatchObject({
      status: 0,
      error: 'tls',
      detail: expect.stringContaining('self-signed'),
    });
  });

  it('carries plain HTTP in a tunnel too, and keeps it', async () => {
    const receiver = await bench.http((response) => response.writeHead(200).end('ok'));
    const proxy = await proxyTo(Number(new URL(receiver.url).port));
    const connections = bench.connectionsTo('http://[2606:4700:4700::1111]:8080/', through(proxy.port));
    for (const _ of [1, 2]) expect(await bench.post(connections)).toMatchObject({ status: 200, error: null });
    expect(proxy.heads).toHaveLength(1);
    expect(proxy.heads[0]).toMatch(/^CONNECT \[2606:4700:4700::1111\]:8080 HTTP\/1\.1\r\n/);
    expect(proxy.heads[0]).not.toContain('Authorization');
    expect(receiver.requests[0]?.headers.host).toBe('[2606:4700:4700::1111]:8080');
  });

  it('resends once when a tunnel that was used before is reset', async () => {
    const server = await bench.raw((socket, chunk, connection) => {
      if (connection === 1 && chunk > 1) socket.resetAndDestroy();
      else socket.write(OK);
    });
    const proxy = await proxyTo(Number(new URL(server.url).port));
    const connections = bench.connectionsTo('http://hook.example.com/', through(proxy.port));
    for (const _ of [1, 2]) expect(await bench.post(connections)).toMatchObject({ status: 200, error: null });
    expect(proxy.heads).toHaveLength(2);
  });

  it.each([
    ['https://10.0.0.1/', toPublic, 'blocked_address'],
    ['https://hook.example.com/', answering('169.254.169.254'), 'blocked_address'],
    ['https://hook.example.com/', answering('93.184.216.34', '127.0.0.1'), 'blocked_address'],
    ['https://hook.example.com/', answering(), 'dns'],
  ] as const)('is not even asked for what the guard refuses: %s', async (url, resolve, error) => {
    const proxy = await proxyTo(9);
    const attempt = await bench.send(url, { guard: through(proxy.port, { resolve }) });
    expect(attempt).toMatchObject({ status: 0, error });
    expect(proxy.heads).toEqual([]);
  });

  function answering(...addresses: string[]): Resolve {
    return (_name, done) =>
      done(
        null,
        addresses.map((address) => ({ address, family: 4 })),
      );
  }
});

describe('an egress proxy that fails', () => {
  async function sendThrough(reply: string | null, timeout_ms = 5_000): Promise<Attempt<null>> {
    const proxy = await proxyTo(9, reply);
    const guard = through(proxy.port, {}, 'user:secret@');
    const attempt = await bench.send('https://hook.example.com/', { guard, timeout_ms });
    expect(attempt.status).toBe(0);
    expect(attempt.detail).not.toMatch(/secret|127\.0\.0\.1|dXNlcj/);
    return attempt;
  }

  it.each([
    ['HTTP/1.1 407 Proxy Authentication Required\r\n\r\n', 'answered 407 (it wants another user name'],
    ['HTTP/1.1 403 Forbidden\r\ncontent-length: 3\r\n\r\nno!', 'answered 403'],
    ['HTTP/1.0 502 Bad Gateway\r\n\r\n', 'answered 502'],
    ['HTTP/1.1 301 Moved\r\nlocation: http://169.254.169.254/\r\n\r\n', 'answered 301'],
    ['SSH-2.0-OpenSSH_9.6\r\n\r\n', 'no HTTP'],
    [`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(20_000)}`, 'more than 16384 bytes'],
    ['HTTP/1.1 200 OK\r\n\r\nHTTP/1.1 200 OK\r\n\r\n', 'more than the head'],
    ['', 'closed the connection'],
    ['HTTP/1.1 40', 'closed the connection'],
  ])('is named: %j', async (reply, words) => {
    const attempt = await sendThrough(reply);
    expect(attempt.error).toBe('proxy');
    expect(attempt.detail).toContain(words);
  });

  it('has the time of a connection', async () => {
    expect(await sendThrough(null, 300)).toMatchObject({
      error: 'timeout_connect',
      detail: 'no response head within 300 ms: the connection was not made yet',
    });
  });

  it('is named when nobody listens there', async () => {
    const dead = Number(new URL(await deadUrl()).port);
    expect(await bench.send('https://hook.example.com/', { guard: through(dead) })).toMatchObject({
      error: 'proxy',
      detail: 'the egress proxy could not be used (ECONNREFUSED)',
    });
  });

  it('is not dialled any more once the attempt has given up', async () => {
    const proxy = await proxyTo(9);
    const asked: Parameters<Resolve>[1][] = [];
    const guard = through(proxy.port, { resolve: (_name, done) => void asked.push(done) });
    expect(await bench.send('https://hook.example.com/', { guard, timeout_ms: 200 })).toMatchObject({
      error: 'dns',
      detail: 'no response head within 200 ms: the name was still being looked up',
    });
    asked[0]?.(null, [{ address: '93.184.216.34', family: 4 }]);
    await new Promise(setImmediate);
    expect(proxy.heads).toEqual([]);
  });
});

describe('parseEgressProxy', () => {
  it.each([
    ['http://proxy.example.com:3128', { host: 'proxy.example.com', port: 3128, authorization: null }],
    ['http://10.0.0.1:80/', { host: '10.0.0.1', port: 80, authorization: null }],
    ['http://[fd00::1]:8080', { host: 'fd00::1', port: 8080, authorization: null }],
    ['http://u:p@p:1', { host: 'p', port: 1, authorization: 'Basic dTpw' }],
    ['http://u@p:1', { host: 'p', port: 1, authorization: 'Basic dTo=' }],
  ])('reads %s', (text, proxy) => {
    expect(parseEgressProxy(text)).toEqual(proxy);
  });

  it.each([
    '',
    'proxy:3128',
    'https://proxy:3128',
    'socks5://proxy:1080',
    'http://proxy',
    'http://proxy:0',
    'http://proxy:65536',
    'http://proxy:3128/path',
    'http://proxy:3128?x',
    'http://u:%zz@proxy:3128',
    'http://proxy:3128\r\nX: y',
    'http://:3128',
  ])('does not take %j', (text) => {
    expect(parseEgressProxy(text)).toBeNull();
  });
});

it('does not look at the proxy variables of the process', async () => {
  const receiver = await bench.http();
  const proxy = await proxyTo(9);
  const names = ['HTTP_PROXY', 'HTTPS_PROXY', 'ALL_PROXY', 'http_proxy', 'https_proxy', 'NODE_USE_ENV_PROXY'];
  const before = names.map((name) => [name, process.env[name]] as const);
  for (const name of names)
    process.env[name] = name === 'NODE_USE_ENV_PROXY' ? '1' : `http://127.0.0.1:${proxy.port}`;
  try {
    expect(await bench.send(receiver.url)).toMatchObject({ status: 204, error: null });
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
  expect(proxy.heads).toEqual([]);
});
