/** A small CONNECT proxy on loopback for tests: it notes what it is asked for, and goes where the test says. */

import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

export interface ConnectProxy {
  port: number;
  /** Each request head as it came. */
  heads: string[];
  close(): Promise<void>;
}

/** Answers `reply` (default: 200); after a 200 the tunnel leads to `to` on loopback, whatever was asked for. */
export async function aConnectProxy(
  to: number,
  reply: string | null = 'HTTP/1.1 200 Connection established\r\n\r\n',
): Promise<ConnectProxy> {
  const heads: string[] = [];
  const sockets = new Set<Socket>();
  const keep = (socket: Socket): Socket => {
    sockets.add(socket);
    return socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    keep(client).once('data', (head: Buffer) => {
      heads.push(head.toString('latin1'));
      if (reply === null) return;
      if (!reply.startsWith('HTTP/1.1 200 ')) {
        client.end(reply);
        return;
      }
      const far = keep(connect(to, '127.0.0.1'));
      client.write(reply);
      client.pipe(far).pipe(client);
      client.on('close', () => far.destroy());
      far.on('close', () => client.destroy());
    });
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    port: (server.address() as AddressInfo).port,
    heads,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((closed) => void server.close(() => closed()));
    },
  };
}
