/** A real server in this process: all parts, a real store in a temporary folder, doors on free ports. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, type ConfigOverrides } from '../../src/base/config.ts';
import type { Logger } from '../../src/base/logger.ts';
import { startServer } from '../../src/main.ts';
import { Api } from './api.ts';
import { createProject, type TestProject } from './project.ts';

export interface LogLine {
  level: 'info' | 'warn' | 'error';
  message: string;
  fields: Record<string, unknown>;
}

export interface TestServer {
  http: string;
  smtp: { host: string; port: number };
  dir: string;
  keys: { live: string; sandbox: string; admin: string };
  /** With an administrator's key. */
  admin: Api;
  /** A project of its own, so that tests on one server do not see one another. */
  project(): Promise<TestProject>;
  /** What was logged at `info` and above. */
  lines: LogLine[];
  /** The lines of `warn` and `error`: a healthy scenario has none. */
  readonly complaints: LogLine[];
  /** Keeps the data folder when `keep` is true. */
  stop(keep?: boolean): Promise<void>;
}

/** `dir`: a data folder to go on with; else a new one, which goes with the server. */
export async function startTestServer(overrides: ConfigOverrides = {}, dir?: string): Promise<TestServer> {
  const folder = dir ?? (await mkdtemp(join(tmpdir(), 'postrider-test-')));
  const config = loadConfig({
    overrides: {
      ...overrides,
      data: { dir: folder },
      http: { port: 0, ...overrides.http },
      smtp: { port: 0, name: 'mail.example.com', ...overrides.smtp },
    },
  });
  const lines: LogLine[] = [];
  const server = await startServer(config, keepingLog(lines));
  if (server.firstRun === null || server.smtp === null)
    throw new Error('a test server is a development server');
  const { keys } = server.firstRun;
  const admin = new Api(server.http, keys.admin);
  return {
    http: server.http,
    smtp: addressOf(server.smtp),
    dir: folder,
    keys,
    admin,
    project: () => createProject(admin),
    lines,
    get complaints() {
      return lines.filter(({ level }) => level !== 'info');
    },
    async stop(keep = false) {
      await server.stop();
      if (!keep) await rm(folder, { recursive: true, force: true });
    },
  };
}

/** `smtp://127.0.0.1:2525` in parts. */
export function addressOf(url: string): { host: string; port: number } {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: Number(port) };
}

function keepingLog(lines: LogLine[]): Logger {
  const keep =
    (level: LogLine['level']) =>
    (fields: object, message: string): void =>
      void lines.push({ level, message, fields: fields as LogLine['fields'] });
  return { debug() {}, info: keep('info'), warn: keep('warn'), error: keep('error') };
}
