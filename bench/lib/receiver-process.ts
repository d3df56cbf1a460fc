/** The receiver without nginx: answers POST with 204 and counts; `GET /status` tells how many. */

import { createServer, type AddressInfo, type Socket } from 'node:net';

const OK = 'HTTP/1.1 204 No Content\r\n\r\n';
let count = 0;

/** Reads requests by Content-Length only: that is all its two clients send. */
function serve(socket: Socket): void {
  let text = '';
  socket.setNoDelay(true);
  socket.on('error', () => socket.destroy());
  socket.on('data', (chunk) => {
    text += chunk.toString('latin1');
    let answer = '';
    for (;;) {
      const head = text.indexOf('\r\n\r\n');
      if (head < 0) break;
      const length = Number(/\r\ncontent-length: *(\d+)/i.exec(text.slice(0, head + 2))?.[1] ?? 0);
      if (text.length < head + 4 + length) break;
      if (text.startsWith('GET /status')) {
        const body = String(count);
        answer += `HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`;
      } else {
        count++;
        answer += OK;
      }
      text = text.slice(head + 4 + length);
    }
    if (answer !== '') socket.write(answer, 'latin1');
  });
}

const server = createServer(serve);
server.listen(0, '127.0.0.1', 4096, () => console.log((server.address() as AddressInfo).port));
process.once('SIGTERM', () => process.exit(0));
