/** A door on a free port of the loopback, and a socket that says exactly what a test wants said. */

import { connect, type Socket } from 'node:net';
import { DOOR_DEFAULTS, type DoorConfig } from '../door-config.ts';
import { HttpDoor } from '../door.ts';
import { fakeServices, type FakeServices } from './fake-services.ts';

interface LogLine {
  level: string;
  fields: object;
  message: string;
}

export interface OpenDoor {
  url: string;
  port: number;
  services: FakeServices;
  lines: LogLine[];
  door: HttpDoor;
}

export async function openDoor(settings: Partial<DoorConfig> = {}): Promise<OpenDoor> {
  const services = fakeServices();
  const lines: LogLine[] = [];
  const write =
    (level: string) =>
    (fields: object, message: string): void => {
      lines.push({ level, fields, message });
    };
  const door = new HttpDoor({
    services,
    config: { ...DOOR_DEFAULTS, port: 0, ...settings },
    log: { debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
    metrics: null,
    metricsPage: { contentType: 'text/plain; version=0.0.4', metrics: async () => 'up 1\n' },
    version: '0.0.0',
  });
  const { url, port } = await door.listen();
  return { url, port, services, lines, door };
}

export interface Answer {
  status: number;
  headers: Record<string, string>;
  body: string;
}

/**
 * Sends `bytes` as they are, then says that nothing more will come if `halfClose`. Resolves when the server has
 * closed or `answers` answers are complete.
 */
export async function talk(
  port: number,
  bytes: string | Buffer | readonly (string | Buffer)[],
  answers = 1,
  halfClose = false,
): Promise<Answer[]> {
  const socket = connect(port, '127.0.0.1');
  for (const part of typeof bytes === 'string' || Buffer.isBuffer(bytes) ? [bytes] : bytes)
    socket.write(typeof part === 'string' ? Buffer.from(part, 'latin1') : part);
  if (halfClose) socket.end();
  try {
    return await readAnswers(socket, answers);
  } finally {
    socket.destroy();
  }
}

function readAnswers(socket: Socket, count: number): Promise<Answer[]> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1');
      const { answers } = split(text);
      if (answers.length >= count) resolve(answers);
    });
    // A server that refuses early may reset what is still coming in; what it said before counts.
    socket.on('error', (error) => (text === '' ? reject(error) : resolve(split(text).answers)));
    socket.on('close', () => resolve(split(text).answers));
  });
}

/** Complete answers at the front of `text`; an endless one is never complete. */
function split(text: string): { answers: Answer[] } {
  const answers: Answer[] = [];
  let rest = text;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return { answers };
    const [first = '', ...lines] = rest.slice(0, end).split('\r\n');
    const headers: Record<string, string> = {};
    for (const line of lines)
      headers[line.slice(0, line.indexOf(':')).toLowerCase()] = line.slice(line.indexOf(':') + 1).trim();
    const status = Number(first.split(' ')[1]);
    if (headers['transfer-encoding'] === 'chunked') return { answers };
    const length = Number(headers['content-length'] ?? 0);
    if (rest.length < end + 4 + length) return { answers };
    answers.push({
      status,
      headers,
      body: Buffer.from(rest.slice(end + 4, end + 4 + length), 'latin1').toString('utf8'),
    });
    rest = rest.slice(end + 4 + length);
  }
}
