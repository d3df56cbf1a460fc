/** A port that nobody gets through to: its listener is stopped and its queue of connections is full, so SYNs are dropped. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const LISTENER = `
  const server = require('node:net').createServer().listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => {
    console.log(server.address().port);
  });`;
/** Fillers beyond the backlog; the kernel keeps one more than was asked for. */
const MOST_FILLERS = 8;
const CONNECTS_WITHIN_MS = 200;

export interface FullBacklog {
  url: string;
  close(): Promise<void>;
}

export async function fullBacklog(): Promise<FullBacklog> {
  const listener = spawn(process.execPath, ['-e', LISTENER], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(listener, 'exit');
  const [line] = (await once(listener.stdout, 'data')) as [Buffer];
  const port = Number(line.toString());
  listener.kill('SIGSTOP');
  const fillers: Socket[] = [];
  while (fillers.length < MOST_FILLERS) {
    const filler = connect(port, '127.0.0.1').on('error', () => undefined);
    fillers.push(filler);
    if (!(await connects(filler))) break;
  }
  return {
    url: `http://127.0.0.1:${port}/nobody`,
    async close() {
      for (const filler of fillers) filler.destroy();
      listener.kill('SIGKILL');
      await exited;
    },
  };
}

async function connects(socket: Socket): Promise<boolean> {
  try {
    await once(socket, 'connect', { signal: AbortSignal.timeout(CONNECTS_WITHIN_MS) });
    return true;
  } catch {
    // No answer within the bound: the queue is full.
    return false;
  }
}
