/** A real server as a process of its own, so that it can be killed, signalled and traced. */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { FirstRun } from '../../src/accept/first-run.ts';
import { Api } from './api.ts';
import { createProject, type TestProject } from './project.ts';
import { addressOf } from './test-server.ts';
import { inTime } from './wait.ts';

const ENTRY = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));
const START_MS = 30_000;
const STOP_MS = 20_000;
/** What of the output is kept, to be shown when something goes wrong. */
const KEPT = 64 * 1024;

export interface ChildOptions {
  /** A data folder to go on with. */
  dir?: string;
  /** Settings, as `POSTRIDER_<SECTION>_<NAME>`. */
  env?: Record<string, string>;
  /** A program that runs the server, with its arguments: a tracer. */
  under?: string[];
  /** Its data folder is on a file system that only the process itself sees. */
  ownMounts?: boolean;
}

export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** A folder for the data of servers that come and go. */
export async function dataFolder(): Promise<{ dir: string; remove(): Promise<void> }> {
  const dir = await mkdtemp(join(tmpdir(), 'postrider-child-'));
  return { dir, remove: () => rm(dir, { recursive: true, force: true }) };
}

export class ChildServer {
  readonly dir: string;
  readonly #child: ChildProcess;
  readonly exited: Promise<Exit>;
  /** The end of what it printed, both streams. */
  output = '';
  #firstRun: FirstRun | null = null;

  private constructor(child: ChildProcess, dir: string) {
    this.dir = dir;
    this.#child = child;
    const keep = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString('utf8')).slice(-KEPT);
    };
    child.stdout?.on('data', keep);
    child.stderr?.on('data', keep);
    this.exited = new Promise((resolve) => child.once('close', (code, signal) => resolve({ code, signal })));
  }

  /** Resolves once it says that it is ready; rejects with its output when it ends instead. */
  static async start(options: ChildOptions & { dir: string }): Promise<ChildServer> {
    const server = ChildServer.launch(options);
    const ended = server.exited.then(({ code, signal }): never => {
      throw new Error(`the server ended (${code ?? signal}) before it was ready:\n${server.output}`);
    });
    await inTime('the start', Promise.race([server.#ready(), ended]), START_MS);
    const root = options.ownMounts === true ? `/proc/${server.pid}/root` : '';
    const path = join(root, server.dir, 'first-run.json');
    server.#firstRun = JSON.parse(await readFile(path, 'utf8')) as FirstRun;
    return server;
  }

  /** Starts it and waits for nothing. */
  static launch({ dir, env = {}, under = [] }: ChildOptions & { dir: string }): ChildServer {
    const [program, ...args] = [...under, process.execPath, ENTRY, 'start'];
    const child = spawn(program, args, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        PATH: process.env['PATH'],
        POSTRIDER_DATA_DIR: dir,
        POSTRIDER_HTTP_PORT: '0',
        POSTRIDER_SMTP_PORT: '0',
        POSTRIDER_LOG_LEVEL: 'warn',
        ...env,
      },
    });
    return new ChildServer(child, dir);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  get http(): string {
    return this.#known.http;
  }

  get smtp(): { host: string; port: number } {
    return addressOf(this.#known.smtp ?? '');
  }

  get keys(): FirstRun['keys'] {
    return this.#known.keys;
  }

  /** The sandbox of the first project. */
  get sandbox(): Api {
    return new Api(this.http, this.keys.sandbox);
  }

  project(): Promise<TestProject> {
    return createProject(new Api(this.http, this.keys.admin));
  }

  /** kill -9: no chance to say good-bye. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await inTime('the end of a killed process', this.exited);
  }

  /** SIGTERM; resolves to how it ended and how long it took. */
  async stop(): Promise<Exit & { ms: number }> {
    const from = performance.now();
    this.#child.kill('SIGTERM');
    const exit = await inTime('the graceful stop', this.exited, STOP_MS);
    return { ...exit, ms: performance.now() - from };
  }

  get #known(): FirstRun {
    if (this.#firstRun === null) throw new Error('the server is not ready yet');
    return this.#firstRun;
  }

  #ready(): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!/\bready\b/.test(this.output)) return;
        this.#child.stdout?.off('data', look);
        resolve();
      };
      this.#child.stdout?.on('data', look);
    });
  }
}
