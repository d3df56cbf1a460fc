/** Every row that needs nothing installed runs, on tiny sizes; what a row loses fails it. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { inversions, tallyOrders, type Arrival } from './lib/recorder.ts';
import { goalLine } from './lib/report.ts';
import { latencyOf } from './lib/statistics.ts';
import { ROWS } from './rows.ts';

/** A few seconds each; more on a machine that does other things too. */
const WITHIN_MS = 120_000;

async function bench(...args: string[]): Promise<{ code: number; text: string }> {
  const script = fileURLToPath(new URL('run.ts', import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  let text = '';
  for (const output of [child.stdout, child.stderr])
    output.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, text };
}

describe('npm run bench', () => {
  for (const [name, { needs }] of Object.entries(ROWS)) {
    if (needs !== undefined) continue;
    it(`runs ${name} on tiny sizes`, { timeout: WITHIN_MS }, async () => {
      const { code, text } = await bench(name, '--quick');
      expect(text).toContain(`${name}: `);
      expect(text).toMatch(/^\|(---\|)+$/m);
      expect(code, text).toBe(0);
    });
  }

  it('names its rows, and refuses one that it does not know', async () => {
    const { code, text } = await bench('nothing-of-the-kind');
    expect(code).toBe(2);
    for (const name of Object.keys(ROWS)) expect(text).toContain(name);
  });

  it('refuses to keep figures of a try', async () => {
    const { code, text } = await bench('publish', '--quick', '--write');
    expect(code).not.toBe(0);
    expect(text).toContain('leave out --write');
  });
});

describe('the tally', () => {
  const arrival = (order: number, seq: number, taken: 0 | 1 = 1, message = '"a"'): Arrival => [
    0,
    order,
    seq,
    taken,
    message,
  ];

  it('fails on an event that was never taken', () => {
    expect(tallyOrders([arrival(0, 1), arrival(1, 2), arrival(1, 2)], 2)).toBe(1);
    expect(() => tallyOrders([arrival(0, 1), arrival(1, 2, 0)], 2)).toThrow('event 1 of 2 was never taken');
  });

  it('counts what was taken before an earlier one of its message, requests that failed apart', () => {
    const log = [
      arrival(0, 2),
      arrival(1, 1),
      arrival(2, 3, 0),
      arrival(3, 1, 1, '"b"'),
      arrival(4, 2, 1, '"b"'),
    ];
    expect(inversions(log, (one) => one[4])).toBe(1);
    expect(inversions(log, () => '')).toBe(2);
  });
});

describe('the figures', () => {
  it('take the 99th percentile from above', () => {
    const values = Array.from({ length: 200 }, (_, n) => n + 1);
    expect(latencyOf(values)).toEqual({ count: 200, p50: 100, p99: 198, max: 200 });
  });

  it('say of a goal whether it was met', () => {
    const goal = { what: 'Ratio', values: [0.7, 0.9, 0.8], digits: 2 };
    expect(goalLine({ ...goal, atLeast: 0.8 }, false)).toBe(
      'Ratio: **0.80 [0.70–0.90]** (goal: at least 0.8; met).',
    );
    expect(goalLine({ ...goal, atMost: 0.5 }, false)).toContain('MISSED');
    expect(goalLine({ ...goal, atMost: 0.5 }, true)).toBe('Ratio: **0.80 [0.70–0.90]**.');
  });
});
