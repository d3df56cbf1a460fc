/** One server that is killed and started again: one data folder, the same ports, life after life. */

import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { ChildServer } from '../kit/child-server.ts';
import { waitFor } from '../kit/wait.ts';

const COMPLAINTS_KEPT = 200;
/** Far beyond any start that was ever seen; a start that takes longer is a defect. */
const START_WITHIN_MS = 30_000;

export interface Ports {
  http: number;
  smtp: number;
}

/** Ports below the range that outgoing connections are given, so that none of those takes one between two lives. */
export async function reservedPorts(from: number): Promise<Ports> {
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

export class ServerLives {
  readonly dir: string;
  readonly http: string;
  readonly smtp: { host: string; port: number };
  /** Lines of the log at `warn` and above, of all lives; the first ones only. */
  readonly complaints: string[] = [];
  /** How many lives there have been, the present one included. */
  lives = 0;
  readonly #env: Record<string, string>;
  #child: ChildServer | null = null;
  #readySince: number | null = null;
  #uptime = 0;
  #ready = Promise.withResolvers<void>();

  constructor(dir: string, ports: Ports, settings: Record<string, string>) {
    this.dir = dir;
    this.http = `http://127.0.0.1:${ports.http}`;
    this.smtp = { host: '127.0.0.1', port: ports.smtp };
    this.#env = {
      POSTRIDER_HTTP_PORT: String(ports.http),
      POSTRIDER_SMTP_PORT: String(ports.smtp),
      POSTRIDER_LOG_FORMAT: 'json',
      ...settings,
    };
  }

  get isReady(): boolean {
    return this.#readySince !== null;
  }

  /** Milliseconds for which it was ready, over all lives. */
  get uptime(): number {
    return this.#uptime + (this.#readySince === null ? 0 : performance.now() - this.#readySince);
  }

  /** Resolves once it is ready, in this life or a later one; rejects when a life ends by itself. */
  untilReady(): Promise<void> {
    return this.#ready.promise;
  }

  /** Begins a life; `untilReady` tells when it serves. */
  start(): void {
    const child = ChildServer.launch({ dir: this.dir, env: this.#env });
    this.lives++;
    this.#child = child;
    void this.#watch(child);
    void this.#watchEnd(child);
  }

  /** Ends it with SIGKILL and resolves when the kernel is done with the process. */
  async kill(): Promise<void> {
    await this.#takeOut()?.kill();
  }

  /** Ends it gracefully; resolves to its exit code. */
  async stop(): Promise<number | null> {
    return (await this.#takeOut()?.stop())?.code ?? null;
  }

  /** The sandbox key that the first start made. */
  key(): string {
    const text = readFileSync(join(this.dir, 'first-run.json'), 'utf8');
    return (JSON.parse(text) as { keys: { sandbox: string } }).keys.sandbox;
  }

  /** From here on it does not count as ready: whoever loses a connection now has lost it to its end. */
  #takeOut(): ChildServer | null {
    const child = this.#child;
    this.#child = null;
    if (this.#readySince !== null) {
      this.#uptime += performance.now() - this.#readySince;
      this.#readySince = null;
      this.#ready = Promise.withResolvers();
    }
    return child;
  }

  async #watch(child: ChildServer): Promise<void> {
    const seen = (): boolean => this.#child !== child || /\bready\b/.test(child.output);
    try {
      await waitFor('word that it is ready', seen, START_WITHIN_MS);
      if (this.#child !== child) return;
      this.#readySince = performance.now();
      this.#ready.resolve();
    } catch (error) {
      this.#failed(`${String(error)}\n${child.output}`);
    }
  }

  async #watchEnd(child: ChildServer): Promise<void> {
    const { code, signal } = await child.exited;
    const lines = child.output.split('\n').filter((line) => line.startsWith('{'));
    this.complaints.push(...lines.slice(0, COMPLAINTS_KEPT - this.complaints.length));
    // A server that ends by itself is a finding of its own, never waited out.
    if (this.#child === child) this.#failed(`it ended by itself (${signal ?? code})\n${child.output}`);
  }

  #failed(why: string): void {
    this.#ready.reject(new Error(`the server, life ${this.lives}: ${why}`));
    // A promise that nobody waits for right now must not end this process; whoever waits next sees the rejection.
    this.#ready.promise.catch(() => undefined);
  }
}
