/** Webhook receivers on loopback for tests: one that answers as told, one that speaks raw bytes. */

import { createServer as createHttp, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import { createServer as createTcp, type AddressInfo, type Server, type Socket } from 'node:net';

export interface Received {
  path: string;
  headers: IncomingHttpHeaders;
  body: string;
  /** Parsed body. */
  json: { event_id: string; event_type: string; seq: number; test?: boolean };
  /** Number of the connection it came on. */
  connection: number;
}

export interface Receiver {
  url: string;
  requests: Received[];
  connections: number;
  /** Resolves once `count` requests have come. */
  got(count: number): Promise<void>;
  close(): Promise<void>;
}

type Answer = (response: ServerResponse, request: Received, number: number) => void;

/** Answers every request as `answer` says; 204 by default. Numbers begin at 1. */
export async function aReceiver(
  answer: Answer = (response) => response.writeHead(204).end(),
): Promise<Receiver> {
  const requests: Received[] = [];
  const waiting = new Set<() => void>();
  const sockets = new Map<Socket, number>();
  const server = createHttp((incoming, response) => {
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      const request: Received = {
        path: incoming.url ?? '',
        headers: incoming.headers,
        body,
        json: JSON.parse(body) as Received['json'],
        connection: sockets.get(incoming.socket) ?? 0,
      };
      requests.push(request);
      answer(response, request, requests.length);
      for (const look of waiting) look();
    });
  });
  server.on('connection', (socket: Socket) => {
    sockets.set(socket, sockets.size + 1);
    socket.on('error', () => {});
  });
  const url = await listening(server);
  return {
    url,
    requests,
    get connections() {
      return sockets.size;
    },
    got(count) {
      if (requests.length >= count) return Promise.resolve();
      return new Promise((resolve) => {
        const look = (): void => {
          if (requests.length < count) return;
          waiting.delete(look);
          resolve();
        };
        waiting.add(look);
      });
    },
    close: () => {
      server.closeAllConnections();
      return closed(server);
    },
  };
}

export interface RawServer {
  url: string;
  sockets: Socket[];
  close(): Promise<void>;
}

/** Calls `speak` for each chunk that a connection sends; both numbers begin at 1. */
export async function aRawServer(
  speak: (socket: Socket, chunk: number, connection: number) => void,
): Promise<RawServer> {
  const sockets: Socket[] = [];
  const server = createTcp((socket) => {
    sockets.push(socket);
    const connection = sockets.length;
    let chunks = 0;
    socket.on('error', () => {});
    socket.on('data', () => speak(socket, ++chunks, connection));
  });
  const url = await listening(server);
  return {
    url,
    sockets,
    close: () => {
      for (const socket of sockets) socket.destroy();
      return closed(server);
    },
  };
}

/** A port on loopback where nothing listens. */
export async function deadUrl(): Promise<string> {
  const server = createTcp();
  const url = await listening(server);
  await closed(server);
  return url;
}

function listening(server: Server): Promise<string> {
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () =>
      resolve(`http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`),
    );
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
  });
}
