/** HTTPS receivers on loopback for tests, with certificates made for the occasion. */

import { createServer, type ServerOptions } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { TLSSocket } from 'node:tls';
import { generate } from 'selfsigned';

export interface Certificate {
  cert: string;
  key: string;
}

export interface CertificateOptions {
  name?: string;
  from?: Date;
  until?: Date;
  /** Signs it; else it signs itself. */
  authority?: Certificate;
  /** Whether it may sign others. */
  isAuthority?: boolean;
}

export async function aCertificate(options: CertificateOptions = {}): Promise<Certificate> {
  const name = options.name ?? 'hook.example.com';
  const made = await generate([{ name: 'commonName', value: name }], {
    keyType: 'ec',
    algorithm: 'sha256',
    extensions: [
      { name: 'basicConstraints', cA: options.isAuthority === true, critical: true },
      { name: 'subjectAltName', altNames: [{ type: 2, value: name }] },
    ],
    ...(options.from === undefined ? {} : { notBeforeDate: options.from }),
    ...(options.until === undefined ? {} : { notAfterDate: options.until }),
    ...(options.authority === undefined ? {} : { ca: options.authority }),
  });
  // Without an end of line, a chain of two would not be PEM.
  return { cert: `${made.cert.trim()}\n`, key: made.private };
}

export interface SecurePeer {
  port: number;
  /** What each handshake asked for, and whether it resumed a session. */
  names: (string | false | null)[];
  resumed: boolean[];
  protocols: (string | false | null)[];
  close(): void;
}

/** Answers every request with 200 "secure" and closes. */
export async function aSecurePeer(options: ServerOptions): Promise<SecurePeer> {
  const server = createServer({ ALPNProtocols: ['h2', 'http/1.1'], ...options }, (request, response) => {
    request.resume();
    response.writeHead(200, { connection: 'close' }).end('secure');
  });
  const peer: SecurePeer = {
    port: 0,
    names: [],
    resumed: [],
    protocols: [],
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  };
  server.on('secureConnection', (socket: TLSSocket) => {
    peer.names.push((socket as TLSSocket & { servername: string | false | null }).servername);
    peer.resumed.push(socket.isSessionReused());
    peer.protocols.push(socket.alpnProtocol);
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  peer.port = (server.address() as AddressInfo).port;
  return peer;
}
