/** Helper processes: started, and ended by their own id. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export interface HelperServer {
  child: ChildProcess;
  pid: number;
  port: number;
  stop: () => Promise<void>;
}

/** A script of this folder that listens on a port of its choice and prints it as its first line. */
export async function startHelper(file: string, args: readonly string[] = []): Promise<HelperServer> {
  const script = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  const port = Number(await firstLine(child.stdout, file));
  return { child, pid: child.pid as number, port, stop: () => end(child, 'SIGTERM') };
}

/** Runs a script of this folder to its end; resolves to the JSON it prints. */
export async function runScript<T>(file: string, args: readonly string[]): Promise<T> {
  const script = fileURLToPath(new URL(file, import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number | null];
  if (code !== 0) throw new Error(`${file} ended with code ${code}`);
  return JSON.parse(text) as T;
}

async function firstLine(output: NodeJS.ReadableStream, file: string): Promise<string> {
  for await (const line of createInterface({ input: output })) {
    output.resume();
    return line;
  }
  throw new Error(`${file} ended before it listened`);
}

export async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = once(child, 'exit');
  child.kill(signal);
  await ended;
}

/** A port that nobody listens on: for a server about to start, or to be refused by. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
