import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { Attempt } from './attempt.ts';
import { AttemptBench, guardWith } from './testing/attempts.ts';
import { aCertificate, aSecurePeer, type Certificate, type SecurePeer } from './testing/secure-peer.ts';

let certificate: Certificate;
let bench: AttemptBench;

beforeAll(async () => {
  certificate = await aCertificate();
});
beforeEach(() => {
  bench = new AttemptBench();
});
afterEach(() => bench.close());

async function securePeer(options: Parameters<typeof aSecurePeer>[0] = certificate): Promise<SecurePeer> {
  const peer = await aSecurePeer(options);
  bench.onClose(() => peer.close());
  return peer;
}

function send(peer: SecurePeer, host = 'hook.example.com', ca?: string): Promise<Attempt<null>> {
  const guard = guardWith(ca === undefined ? {} : { ca });
  return bench.send(`https://${host}:${peer.port}/`, { guard });
}

describe('HTTPS', () => {
  it('delivers, names the host, speaks HTTP/1.1 and resumes its session', async () => {
    const peer = await securePeer();
    const url = `https://hook.example.com:${peer.port}/`;
    const connections = bench.connectionsTo(url, guardWith({ ca: certificate.cert }));
    for (let i = 0; i < 3; i++) {
      expect(await bench.post(connections)).toMatchObject({ status: 200, error: null, excerpt: 'secure' });
    }
    expect(peer.names).toEqual(Array(3).fill('hook.example.com'));
    expect(peer.protocols).toEqual(Array(3).fill('http/1.1'));
    expect(peer.resumed).toEqual([false, true, true]);
  });

  it('refuses a certificate of another name, also when the process is told not to check', async () => {
    const peer = await securePeer();
    const before = process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    try {
      const attempt = await send(peer, 'other.example.com', certificate.cert);
      expect(attempt).toMatchObject({ status: 0, error: 'tls' });
      expect(attempt.detail).toContain('other.example.com');
    } finally {
      if (before === undefined) delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
      else process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = before;
    }
  });
});

describe('a certificate that is not good', () => {
  const DAY = 86_400_000;
  const day = (n: number): Date => new Date(Date.now() + n * DAY);

  it('is named: self-signed', async () => {
    expect(await send(await securePeer())).toMatchObject({
      status: 0,
      error: 'tls',
      detail: 'the certificate is self-signed (DEPTH_ZERO_SELF_SIGNED_CERT)',
    });
  });

  it('is named: expired, and not valid yet', async () => {
    const old = await aCertificate({ from: day(-20), until: day(-10) });
    expect(await send(await securePeer(old), 'hook.example.com', old.cert)).toMatchObject({
      error: 'tls',
      detail: 'the certificate has expired (CERT_HAS_EXPIRED)',
    });
    const early = await aCertificate({ from: day(10), until: day(20) });
    expect(await send(await securePeer(early), 'hook.example.com', early.cert)).toMatchObject({
      error: 'tls',
      detail: 'the certificate is not valid yet (CERT_NOT_YET_VALID)',
    });
  });

  it('is named: of an unknown authority, alone and with its chain', async () => {
    const authority = await aCertificate({ name: 'ca.example.com', isAuthority: true });
    const leaf = await aCertificate({ authority });
    expect(await send(await securePeer(leaf))).toMatchObject({
      error: 'tls',
      detail: expect.stringContaining(
        'the authority is not known, or an intermediate certificate is missing',
      ),
    });
    const chained = { key: leaf.key, cert: leaf.cert + authority.cert };
    expect(await send(await securePeer(chained))).toMatchObject({
      error: 'tls',
      detail: expect.stringContaining('an authority that is not known'),
    });
    expect(await send(await securePeer(leaf), 'hook.example.com', authority.cert)).toMatchObject({
      status: 200,
      error: null,
    });
  });
});

describe('a handshake that fails', () => {
  it('because the peer speaks plain HTTP', async () => {
    const plain = await bench.raw((socket) => socket.end('HTTP/1.1 400 Bad Request\r\n\r\n'));
    const attempt = await bench.send(plain.url.replace('http://127.0.0.1', 'https://hook.example.com'));
    expect(attempt).toMatchObject({ status: 0, error: 'tls' });
    expect(attempt.detail).toContain('is this the port of plain HTTP?');
  });

  it('because it drops the connection', async () => {
    const rude = await bench.raw((socket) => socket.resetAndDestroy());
    const attempt = await bench.send(rude.url.replace('http://127.0.0.1', 'https://hook.example.com'));
    expect(attempt).toMatchObject({ error: 'tls' });
    expect(attempt.detail).toContain('dropped during the TLS handshake');
  });

  it('because it knows nothing newer than TLS 1.1, and no cipher of ours', async () => {
    const options = { ...certificate, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' } as const;
    const old = await securePeer({ ...options, ciphers: 'DEFAULT@SECLEVEL=0' });
    expect(await send(old)).toMatchObject({
      error: 'tls',
      detail: expect.stringContaining('no TLS 1.2 or later'),
    });
    const strange = await securePeer({ ...certificate, maxVersion: 'TLSv1.2', ciphers: 'AES128-SHA256' });
    expect(await send(strange)).toMatchObject({
      error: 'tls',
      detail: expect.stringContaining('no cipher in common'),
    });
  });

  it('because it takes too long', async () => {
    const silent = await bench.raw(() => {});
    const url = silent.url.replace('http://127.0.0.1', 'https://hook.example.com');
    expect(await bench.send(url, { timeout_ms: 300 })).toMatchObject({
      error: 'timeout_tls',
      detail: 'no response head within 300 ms: the TLS handshake was not finished',
    });
  });
});
