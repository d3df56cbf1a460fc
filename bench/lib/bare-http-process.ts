/**
 * The yardstick of the HTTP doors: node:http that reads the body, parses it and answers 202, with nothing behind it.
 * A process of its own; prints its port.
 */

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

const ANSWER = JSON.stringify({ data: [{ event_id: 'evt_01jzzzzzzzzzzzzzzzzzzzzzzz' }] });

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body: unknown = JSON.parse(Buffer.concat(chunks).toString('utf8'));
    const status = typeof body === 'object' && body !== null ? 202 : 400;
    response.writeHead(status, { 'content-type': 'application/json', 'content-length': ANSWER.length });
    response.end(ANSWER);
  });
});
server.listen(0, '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
