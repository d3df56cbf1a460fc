/** A server of its own for the command line's tests, and a terminal that remembers. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig, type Config } from '../base/config.ts';
import { silentLogger } from '../base/logger.ts';
import { startServer, type RunningServer } from '../main.ts';
import { run } from './program.ts';
import type { Terminal } from './terminal.ts';

export interface Finished {
  code: number;
  out: string;
  notes: string;
}

export function folder(): { dir: string; remove: () => void } {
  const parent = mkdtempSync(join(tmpdir(), 'postrider-cli-'));
  return { dir: join(parent, 'data'), remove: () => rmSync(parent, { recursive: true, force: true }) };
}

export function configFor(dir: string): Config {
  return loadConfig({
    overrides: { data: { dir }, http: { port: 0 }, smtp: { port: 0 }, log: { level: 'silent' } },
  });
}

export function serverOn(dir: string): Promise<RunningServer> {
  return startServer(configFor(dir), silentLogger);
}

/** Runs a command line to its end. */
export async function command(args: string[], env: Record<string, string> = {}): Promise<Finished> {
  const session = open(args, env);
  return session.finished;
}

export interface Session {
  finished: Promise<Finished>;
  /** Resolves once a line of output or of notes has the text; rejects when the command ends before. */
  line(text: string): Promise<string>;
  end(): Promise<Finished>;
}

/** Runs a command line that goes on until it is told to end. */
export function open(args: string[], env: Record<string, string> = {}): Session {
  const ending = new AbortController();
  const lines: string[] = [];
  const notes: string[] = [];
  const waiting = new Set<{
    text: string;
    resolve: (line: string) => void;
    reject: (error: Error) => void;
  }>();
  const heard = (list: string[]) => (line: string) => {
    list.push(line);
    for (const wait of waiting)
      if (line.includes(wait.text)) {
        waiting.delete(wait);
        wait.resolve(line);
      }
  };
  const terminal: Terminal = { out: heard(lines), note: heard(notes), env, signal: ending.signal };
  const finished = run(args, terminal).then((code) => {
    for (const wait of waiting)
      wait.reject(new Error(`ended with ${code} before "${wait.text}"\n${notes.join('\n')}`));
    return { code, out: lines.join('\n'), notes: notes.join('\n') };
  });
  return {
    finished,
    line: (text) =>
      new Promise((resolve, reject) => {
        const known = [...lines, ...notes].find((line) => line.includes(text));
        if (known === undefined) waiting.add({ text, resolve, reject });
        else resolve(known);
      }),
    end: () => {
      ending.abort();
      return finished;
    },
  };
}
