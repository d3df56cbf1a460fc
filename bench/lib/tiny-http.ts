/** As much HTTP/1.1 as the receivers need: reads requests by Content-Length only, which is all their clients send. */

import { createServer, type AddressInfo, type Socket } from 'node:net';

export interface TinyRequest {
  path: string;
  /** Octets as latin1. */
  body: string;
  socket: Socket;
}

export const NO_CONTENT = 'HTTP/1.1 204 No Content\r\n\r\n';
export const FAILED = 'HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n';

export function json(value: unknown): string {
  const body = JSON.stringify(value);
  return `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
}

/** Listens on a free port and prints it. `answer` gives the octets of the answer; null leaves the request unanswered. */
export function serveTiny(answer: (request: TinyRequest) => string | null): void {
  const server = createServer((socket) => serve(socket, answer));
  server.listen(0, '127.0.0.1', 4096, () => console.log((server.address() as AddressInfo).port));
  process.once('SIGTERM', () => process.exit(0));
}

function serve(socket: Socket, answer: (request: TinyRequest) => string | null): void {
  let text = '';
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    let answers = '';
    for (;;) {
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) break;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head + 2))?.[1] ?? 0);
      const whole = head + 4 + length;
      if (text.length < whole) break;
      const path = text.slice(text.indexOf(' ') + 1, text.indexOf(' HTTP/'));
      answers += answer({ path, body: text.slice(head + 4, whole), socket }) ?? '';
      text = text.slice(whole);
    }
    if (answers !== '') socket.write(answers, 'latin1');
  });
}
