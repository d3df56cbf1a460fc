/** The product as a process of its own that can be killed: one data folder, the same ports, life after life. */

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const CLI = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const KEPT_LINES = 200;
/** Far beyond any start that was ever seen; a start that takes longer is a defect. */
const START_WITHIN_MS = 30_000;

export interface Addresses {
  http: string;
  httpPort: number;
  smtpPort: number;
}

/** Ports below the range that outgoing connections are given, so that none of those takes one between two lives. */
export async function reservedPorts(from: number): Promise<{ http: number; smtp: number }> {
  const ports: number[] = [];
  for (let port = from; ports.length < 2; port++) if (await isFree(port)) ports.push(port);
  return { http: ports[0] as number, smtp: ports[1] as number };
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    server.listen(port, '127.0.0.1');
    await once(server, 'listening');
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') return false;
    throw error;
  } finally {
    server.close();
  }
}

export class ChildServer {
  readonly dir: string;
  readonly addresses: Addresses;
  /** Lines of the log at `warn` and above, of all lives; the first ones only. */
  readonly complaints: string[] = [];
  /** How many lives there have been, the present one included. */
  lives = 0;
  readonly #settings: Record<string, string>;
  #child: ChildProcess | null = null;
  #readySince: number | null = null;
  #uptime = 0;
  #ready = Promise.withResolvers<void>();

  constructor(dir: string, ports: { http: number; smtp: number }, settings: Record<string, string>) {
    this.dir = dir;
    this.addresses = {
      http: `http://127.0.0.1:${ports.http}`,
      httpPort: ports.http,
      smtpPort: ports.smtp,
    };
    this.#settings = settings;
  }

  get isReady(): boolean {
    return this.#readySince !== null;
  }

  /** Milliseconds for which it was ready, over all lives. */
  get uptime(): number {
    return this.#uptime + (this.#readySince === null ? 0 : performance.now() - this.#readySince);
  }

  /** Resolves once it is ready, in this life or a later one. */
  untilReady(): Promise<void> {
    return this.#ready.promise;
  }

  /** Resolves with the process made; `untilReady` tells when it serves. */
  start(): void {
    const child = spawn(process.execPath, [CLI, 'start'], {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: this.#env(),
    });
    this.lives++;
    this.#child = child;
    const late = setTimeout(
      () => this.#failed(`it was not ready after ${START_WITHIN_MS} ms`),
      START_WITHIN_MS,
    );
    child.once('exit', () => clearTimeout(late));
    createInterface({ input: child.stderr }).on('line', (line) => this.#keep(line));
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.startsWith('{')) this.#keep(line);
      else if (/\bready\b/i.test(line) && this.#child === child && child.exitCode === null) {
        clearTimeout(late);
        this.#readySince = performance.now();
        this.#ready.resolve();
      }
    });
    child.once('exit', (code, signal) => {
      // A server that ends by itself is a finding of its own, never waited out.
      if (this.#child === child) this.#failed(`it ended by itself with ${signal ?? `code ${code}`}`);
    });
  }

  /** Ends it with SIGKILL and resolves when the kernel is done with the process. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL');
  }

  /** Ends it gracefully; resolves to its exit code. */
  stop(): Promise<number | null> {
    return this.#end('SIGTERM');
  }

  /** The keys that the first start made. */
  keys(): { live: string; sandbox: string } {
    const text = readFileSync(join(this.dir, 'first-run.json'), 'utf8');
    return (JSON.parse(text) as { keys: { live: string; sandbox: string } }).keys;
  }

  async #end(signal: 'SIGKILL' | 'SIGTERM'): Promise<number | null> {
    const child = this.#child;
    if (child === null) return null;
    this.#child = null;
    if (this.#readySince !== null) {
      this.#uptime += performance.now() - this.#readySince;
      this.#readySince = null;
      this.#ready = Promise.withResolvers();
    }
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    return child.exitCode;
  }

  #failed(why: string): void {
    this.#ready.reject(new Error(`the server: ${why}\n${this.complaints.slice(-10).join('\n')}`));
    // A promise that nobody waits for right now must not end this process; whoever waits next sees the rejection.
    this.#ready.promise.catch(() => undefined);
  }

  #keep(line: string): void {
    if (this.complaints.length < KEPT_LINES) this.complaints.push(`life ${this.lives}: ${line}`);
  }

  #env(): NodeJS.ProcessEnv {
    const env = Object.entries(process.env).filter(([name]) => !name.startsWith('POSTRIDER_'));
    return {
      ...Object.fromEntries(env),
      POSTRIDER_DATA_DIR: this.dir,
      POSTRIDER_HTTP_PORT: String(this.addresses.httpPort),
      POSTRIDER_SMTP_PORT: String(this.addresses.smtpPort),
      POSTRIDER_LOG_LEVEL: 'warn',
      POSTRIDER_LOG_FORMAT: 'json',
      ...this.#settings,
    };
  }
}
