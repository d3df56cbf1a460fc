/** What peers do wrong in their answers, one by one, on real sockets. */

import type { Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { AttemptBench, OK } from './testing/attempts.ts';

let bench: AttemptBench;
beforeEach(() => {
  bench = new AttemptBench();
});
afterEach(() => bench.close());

const answering = (text: string) => bench.raw((socket) => void socket.write(text));

describe('a body that is not what its head says', () => {
  it.each([
    ['chunks that are none', 'transfer-encoding: chunked\r\n\r\nzz\r\nrubbish'],
    ['a chunk of absurd length', 'transfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\nx'],
    ['a chunk extension without end', `transfer-encoding: chunked\r\n\r\n1;${'x'.repeat(40_000)}`],
    ['chunks without an end', 'transfer-encoding: chunked\r\n\r\n2\r\nok\r\n'],
    ['trailers without end', `transfer-encoding: chunked\r\n\r\n0\r\nx: ${'y'.repeat(40_000)}`],
    ['no length and no end', '\r\nok'],
  ])('leaves the 200 as it is: %s', async (_name, rest) => {
    const server = await answering(`HTTP/1.1 200 OK\r\n${rest}`);
    const connections = bench.connectionsTo(server.url);
    expect(await bench.post(connections)).toMatchObject({ status: 200, error: null });
    expect(connections.size).toBe(0);
  });

  it('leaves the 500 as it is, too', async () => {
    const server = await answering('HTTP/1.1 500 Oops\r\ntransfer-encoding: chunked\r\n\r\nzz\r\nrubbish');
    expect(await bench.send(server.url)).toMatchObject({ status: 500, error: 'http' });
  });

  it('takes a body until the close, as HTTP/1.0 sends it, and does not use the connection again', async () => {
    const server = await bench.raw((socket) => socket.end('HTTP/1.0 200 OK\r\n\r\nold but fine'));
    const connections = bench.connectionsTo(server.url);
    for (const _ of [1, 2])
      expect(await bench.post(connections)).toMatchObject({
        status: 200,
        error: null,
        excerpt: 'old but fine',
      });
    expect(server.sockets).toHaveLength(2);
  });

  it('reads nothing of a 204, whatever follows it', async () => {
    const server = await answering('HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello');
    const connections = bench.connectionsTo(server.url);
    for (const _ of [1, 2])
      expect(await bench.post(connections)).toMatchObject({ status: 204, error: null, excerpt: null });
    expect(server.sockets).toHaveLength(2);
  });

  it('never takes a second answer for that of the next request', async () => {
    const server = await bench.raw((socket, _chunk, connection) => {
      if (connection === 1) socket.write(`${OK}HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n`);
      else socket.write('HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n');
    });
    const connections = bench.connectionsTo(server.url);
    expect(await bench.post(connections)).toMatchObject({ status: 200, error: null, excerpt: 'ok' });
    expect(await bench.post(connections)).toMatchObject({ status: 202, error: null });
    expect(server.sockets).toHaveLength(2);
  });

  it('never takes an answer that came unasked, between two requests, for that of the next', async () => {
    const server = await bench.raw((socket, _chunk, connection) => {
      if (connection === 1) socket.write(OK);
      else socket.write('HTTP/1.1 202 Accepted\r\ncontent-length: 0\r\n\r\n');
    });
    const connections = bench.connectionsTo(server.url);
    expect(await bench.post(connections)).toMatchObject({ status: 200 });
    const first = server.sockets[0] as Socket;
    const gone = new Promise((closed) => first.once('close', closed));
    first.write('HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n');
    await gone;
    expect(await bench.post(connections)).toMatchObject({ status: 202, error: null });
  });
});

describe('a head that is too much', () => {
  it.each([
    ['one header of 40 kB', `x: ${'y'.repeat(40_000)}\r\n\r\n`],
    ['20,000 headers', `${'x: y\r\n'.repeat(20_000)}\r\n`],
  ])('is refused: %s', async (_name, headers) => {
    const server = await answering(`HTTP/1.1 200 OK\r\n${headers}`);
    expect(await bench.send(server.url)).toMatchObject({ status: 0, error: 'protocol' });
  });

  it.each([
    ['two lengths', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok'],
    ['a negative length', 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n'],
    ['a length and chunks', 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\nok'],
    [
      'a switch of protocols nobody asked for',
      'HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    ],
    ['a header with NUL', 'HTTP/1.1 200 OK\r\nx: \0\r\n\r\n'],
    ['HTTP/2', 'HTTP/2 200 OK\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
  ])('is no HTTP: %s', async (_name, text) => {
    const server = await answering(text);
    expect(await bench.send(server.url)).toMatchObject({ status: 0, error: 'protocol' });
  });

  it.each([199, 600, 999, 0])('does not take the status %d for a success', async (status) => {
    const server = await answering(`HTTP/1.1 ${status} Odd\r\ncontent-length: 0\r\n\r\n`);
    expect((await bench.send(server.url, { timeout_ms: 300 })).error).not.toBeNull();
  });

  it.each([
    ['a reason without end', 'HTTP/1.1 200 ', Buffer.alloc(65_536, 'o')],
    ['interim answers without end', '', Buffer.from('HTTP/1.1 103 Early Hints\r\n\r\n'.repeat(2_000))],
  ])('is let go before its time is up: %s', async (_name, begin, more) => {
    let written = 0;
    const server = await bench.raw((socket) => {
      socket.write(begin);
      const flood = (): void => {
        while (!socket.destroyed && written < 1e9 && socket.write(more)) written += more.length;
        if (!socket.destroyed) socket.once('drain', flood);
      };
      flood();
    });
    const attempt = await bench.send(server.url);
    expect(attempt).toMatchObject({ status: 0, error: 'protocol' });
    expect(attempt.detail).toContain('without a response head');
    expect(attempt.latency_ms).toBeLessThan(2_000);
  });

  it('has until the end of the timeout, counted from the start, one byte at a time', async () => {
    const head = 'HTTP/1.1 200 OK\r\n';
    let sent = 0;
    const server = await bench.raw((socket) => bench.every(30, () => socket.write(head[sent++] ?? 'x')));
    const started = performance.now();
    expect(await bench.send(server.url, { timeout_ms: 400 })).toMatchObject({
      status: 0,
      error: 'timeout_head',
      detail: 'no response head within 400 ms',
    });
    expect(performance.now() - started).toBeLessThan(1_500);
  });
});

describe('a peer that lets go', () => {
  it('right after the head of a failure: the status stands', async () => {
    const server = await bench.raw((socket) =>
      socket.write('HTTP/1.1 503 Busy\r\nretry-after: 9\r\ncontent-length: 10\r\n\r\n', () =>
        socket.resetAndDestroy(),
      ),
    );
    expect(await bench.send(server.url)).toMatchObject({ status: 503, error: 'http', retryAfter: '9' });
  });

  it('in the middle of the head: a reset', async () => {
    const server = await bench.raw((socket) => socket.end('HTTP/1.1 200 OK\r\nx:'));
    expect(await bench.send(server.url)).toMatchObject({ status: 0, error: 'reset' });
  });

  it('after `Connection: close`, although it stays open: it is not asked again', async () => {
    const server = await answering('HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok');
    const connections = bench.connectionsTo(server.url);
    for (const _ of [1, 2]) expect(await bench.post(connections)).toMatchObject({ status: 200 });
    expect(server.sockets).toHaveLength(2);
  });

  it('by a 417 or 413 before the body was read: the status tells', async () => {
    const server = await bench.raw((socket) =>
      socket.end('HTTP/1.1 413 Too Large\r\nconnection: close\r\ncontent-length: 0\r\n\r\n'),
    );
    expect(await bench.send(server.url)).toMatchObject({ status: 413, error: 'http' });
  });
});

it('keeps several Retry-After headers from being taken for one', async () => {
  const server = await answering(
    'HTTP/1.1 503 Busy\r\nretry-after: 9\r\nretry-after: 99\r\ncontent-length: 0\r\n\r\n',
  );
  expect(await bench.send(server.url)).toMatchObject({ status: 503, retryAfter: null });
});
