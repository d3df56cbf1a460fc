/** What the doors are measured against: servers that take the same requests and keep nothing. */

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import { connect } from 'node:net';
import { end, freePort, startHelper } from './processes.ts';

export interface BareServer {
  pid: number;
  port: number;
  stop(): Promise<void>;
}

export async function startBareHttp(): Promise<BareServer> {
  return startHelper('./bare-http-process.ts');
}

/** Postfix puts it where no PATH looks. */
const SINK_PLACES = ['smtp-sink', '/usr/sbin/smtp-sink', '/usr/libexec/postfix/smtp-sink'];
const SINK_BACKLOG = '256';
/** It refuses to stay root. */
const SINK_USER = process.getuid?.() === 0 ? ['-u', 'nobody'] : [];

/** Path of Postfix's smtp-sink; null where it is not installed. */
export function findSmtpSink(): string | null {
  for (const place of SINK_PLACES) {
    const found = place.includes('/')
      ? existsSync(place)
      : spawnSync(place, { stdio: 'ignore' }).error === undefined;
    if (found) return place;
  }
  return null;
}

export async function startSmtpSink(program: string): Promise<BareServer> {
  const port = await freePort();
  const child = spawn(program, [...SINK_USER, `127.0.0.1:${port}`, SINK_BACKLOG], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  await untilListening(port, child);
  return { pid: child.pid as number, port, stop: () => end(child, 'SIGTERM') };
}

async function untilListening(port: number, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch {
      // Not yet.
      await new Promise((resolve) => setTimeout(resolve, 20));
    } finally {
      socket.destroy();
    }
  }
  throw new Error(`smtp-sink ended with code ${child.exitCode}`);
}
