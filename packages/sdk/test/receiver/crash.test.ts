/** A receiving process killed in the middle of its work: each effect once in transactional mode, none missing otherwise. */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, expect, it } from 'vitest';
import { event, SECRET, signed } from './kit.ts';

const PROGRAM = fileURLToPath(new URL('../soak/receiver-process.ts', import.meta.url));
const EVENTS = 600;
const KILLS = 4;

let child: ChildProcess | undefined;
afterEach(kill);

async function start(file: string, mode: string): Promise<string> {
  const env = { ...process.env, RECEIVER_SECRETS: SECRET };
  child = spawn(process.execPath, [PROGRAM, file, mode], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  const port = await new Promise<string>((resolve, reject) => {
    child?.stdout?.once('data', (chunk: Buffer) => resolve(chunk.toString().trim()));
    child?.once('exit', (code) => reject(new Error(`The receiver ended with ${code}.`)));
  });
  return `http://127.0.0.1:${port}/`;
}

async function kill(): Promise<void> {
  const dying = child;
  child = undefined;
  if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
  await new Promise((resolve) => {
    dying.once('exit', resolve);
    dying.kill('SIGKILL');
  });
}

it.each(['transactional', 'plain'])(
  'loses nothing when it is killed (%s)',
  { timeout: 120_000 },
  async (mode) => {
    const file = join(mkdtempSync(join(tmpdir(), 'postrider-crash-')), 'app.db');
    const bodies = Array.from({ length: EVENTS }, () => JSON.stringify(event({ event_type: 'received' })));
    // A sender: every event until it is acknowledged, some twice.
    const pending = new Set([...bodies, ...bodies.slice(0, EVENTS / 20).map((body) => `${body} `)]);
    for (let round = 0; pending.size > 0; round++) {
      expect(round).toBeLessThan(50);
      const url = await start(file, mode);
      const stopAt = round < KILLS ? pending.size - Math.floor(pending.size / 4) : 0;
      for (const body of pending) {
        if (round < KILLS && pending.size <= stopAt) break;
        const answer = await fetch(url, { method: 'POST', body, headers: signed(body) }).catch(() => null);
        if (answer?.ok) pending.delete(body);
      }
      if (round < KILLS) await kill();
    }
    const effects = new DatabaseSync(file, { readOnly: true, timeout: 1_000 });
    const open = effects.prepare('SELECT count(*) AS n FROM postrider_jobs WHERE due_at IS NOT NULL');
    // Leases of the killed: the time limit and a margin.
    const end = Date.now() + 60_000;
    while (open.get()?.['n'] !== 0 && Date.now() < end)
      await new Promise((resolve) => setTimeout(resolve, 50));
    const tally = effects
      .prepare('SELECT count(*) AS all_effects, count(DISTINCT event_id) AS events FROM effects')
      .get();
    effects.close();
    await kill();
    console.log(mode, { ...tally });
    expect(tally?.['events']).toBe(EVENTS);
    if (mode === 'transactional') expect(tally?.['all_effects']).toBe(EVENTS);
    rmSync(join(file, '..'), { recursive: true });
  },
);
