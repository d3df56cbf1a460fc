import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TimerWheel } from '../base/timer-wheel.ts';
import { AddressRules } from './address.ts';
import { Attempt } from './attempt.ts';
import { Connections } from './connections.ts';
import { Guard, type Resolve } from './guard.ts';

const LIMITS = { drain_bytes: 65_536, excerpt_bytes: 1_024, drain_ms: 200, slow_ms: 100 };
const toLoopback: Resolve = (_name, done) => done(null, [{ address: '127.0.0.1', family: 4 }]);

let certificate: { cert: string; private: string };
const closers: (() => void)[] = [];

beforeAll(async () => {
  const extensions = [
    { name: 'subjectAltName' as const, altNames: [{ type: 2 as const, value: 'hook.example.com' }] },
  ];
  certificate = await generate([{ name: 'commonName', value: 'hook.example.com' }], {
    keyType: 'ec',
    extensions,
  });
});
afterEach(() => {
  for (const close of closers.splice(0).toReversed()) close();
});

interface SecurePeer {
  port: number;
  names: (string | false | null)[];
  resumed: boolean[];
  protocols: (string | false | null)[];
}

async function securePeer(): Promise<SecurePeer> {
  const peer: SecurePeer = { port: 0, names: [], resumed: [], protocols: [] };
  const options = { cert: certificate.cert, key: certificate.private, ALPNProtocols: ['h2', 'http/1.1'] };
  const server: Server = createServer(options, (request, response) => {
    request.resume();
    response.writeHead(200, { connection: 'close' }).end('secure');
  });
  server.on('secureConnection', (socket: TLSSocket) => {
    peer.names.push((socket as TLSSocket & { servername: string | false | null }).servername);
    peer.resumed.push(socket.isSessionReused());
    peer.protocols.push(socket.alpnProtocol);
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  closers.push(() => {
    server.closeAllConnections();
    server.close();
  });
  peer.port = (server.address() as AddressInfo).port;
  return peer;
}

function connectionsTo(url: string, ca?: string): Connections {
  const addresses = new AddressRules({ loopback: true, allow: [] });
  const guard = new Guard({ addresses, resolve: toLoopback, ...(ca === undefined ? {} : { ca }) });
  const connections = new Connections(new URL(url), guard);
  closers.push(() => connections.destroy(new Error('test over')));
  return connections;
}

function post(connections: Connections): Promise<Attempt<null>> {
  const wheel = new TimerWheel(10);
  closers.push(() => wheel.stop());
  return new Promise((resolve) => {
    const request = { path: '/', headers: [], body: Buffer.from('{}'), timeout_ms: 5_000 };
    new Attempt(null, request, connections, wheel, LIMITS, { slow: () => {}, finished: resolve }).start();
  });
}

describe('HTTPS', () => {
  it('delivers, names the host, speaks HTTP/1.1 and resumes its session', async () => {
    const peer = await securePeer();
    const connections = connectionsTo(`https://hook.example.com:${peer.port}/`, certificate.cert);
    for (let i = 0; i < 3; i++) {
      expect(await post(connections)).toMatchObject({ status: 200, error: null, excerpt: 'secure' });
    }
    expect(peer.names).toEqual(Array(3).fill('hook.example.com'));
    expect(peer.protocols).toEqual(Array(3).fill('http/1.1'));
    expect(peer.resumed).toEqual([false, true, true]);
  });

  it('refuses a certificate of an unknown authority', async () => {
    const peer = await securePeer();
    const attempt = await post(connectionsTo(`https://hook.example.com:${peer.port}/`));
    expect(attempt).toMatchObject({ status: 0, error: 'tls' });
    expect(attempt.detail).toMatch(/self-signed|unable to verify/i);
  });

  it('refuses a certificate of another name, also when the process is told not to check', async () => {
    const peer = await securePeer();
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const attempt = await post(connectionsTo(`https://other.example.com:${peer.port}/`, certificate.cert));
      expect(attempt).toMatchObject({ status: 0, error: 'tls' });
      expect(attempt.detail).toContain('other.example.com');
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
  });
});
