/**
 * The rate when every commit takes 2 ms more, against the same product as it is. Both run under strace, which delays
 * the return of each sync; only the delay differs. That it does is checked in the trace: the commits have their
 * delayed syncs, and in no thread do two of them begin closer together than the delay. (The time of a commit says less: commits
 * merge what arrives meanwhile, so a slower disk makes fewer and larger ones.)
 */

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { addLanes, drive, showFigures, type ProductFigures } from './lib/drive.ts';
import type { BenchOptions } from './lib/options.ts';
import { alternate, ratios } from './lib/pairs.ts';
import { withProduct, type Product } from './lib/product.ts';
import { startReceiver, type Receiver } from './lib/receiver.ts';
import { goalLine, paragraphs, PEAK_COLUMN, RATE_COLUMNS, spreadTable } from './lib/report.ts';
import { conditions } from './lib/versions.ts';

interface Side extends ProductFigures {
  commitMs: number;
  perCommit: number;
}

const DELAY_MICROS = 2000;
/** Not zero, so that the tracer does the same work on both sides. */
const NO_DELAY_MICROS = 1;
const MICROS = 1e6;
/** A transaction that only read has nothing to sync. */
const WRITING_SHARE = 0.9;

export async function run(options: BenchOptions): Promise<string> {
  const tracer = spawnSync('strace', ['-V'], { encoding: 'utf8' });
  if (tracer.error !== undefined) throw new Error('this row needs strace (Debian: strace)');
  const rounds = options.rounds ?? 10;
  const events = options.events ?? (options.quick ? 500 : 50_000);
  const receiver = await startReceiver();
  try {
    const sides = {
      plain: () => measure(receiver, events, NO_DELAY_MICROS),
      slow: () => measure(receiver, events, DELAY_MICROS),
    };
    const results = await alternate<'plain' | 'slow', Side>(rounds, sides, show);
    return paragraphs(
      `${events} events a round, ${rounds} rounds. Median [min–max]. ${conditions(receiver.name, tracer.stdout.split('\n', 1)[0] as string)}`,
      'Both sides run under the same tracer; it delays the return of each sync by 1 µs, or by 2 ms.',
      spreadTable<Side>(
        'syncs',
        [
          ['as they are', results.plain],
          ['+2 ms each', results.slow],
        ],
        [
          ...RATE_COLUMNS,
          PEAK_COLUMN,
          { title: 'commit, ms', pick: (f) => f.commitMs, digits: 2 },
          { title: 'deliveries per commit', pick: (f) => f.perCommit, digits: 1 },
        ],
      ),
      goalLine(
        {
          what: 'Rate with 2 ms more on every commit against without, pair by pair',
          values: ratios(results.slow, results.plain, (f) => f.perSecond),
          digits: 2,
          atLeast: 0.8,
        },
        options.quick,
      ),
    );
  } finally {
    await receiver.stop();
  }
}

async function measure(receiver: Receiver, events: number, delayMicros: number): Promise<Side> {
  const dir = mkdtempSync(join(tmpdir(), 'postrider-trace-'));
  const trace = join(dir, 'syncs');
  try {
    const command = tracer(trace, delayMicros);
    return await withProduct({ command }, async (product) => {
      const lanes = await addLanes(product, receiver.url, 1);
      await drive(product, receiver, lanes, Math.ceil(events / 10));
      const before = await commits(product);
      const figures = await drive(product, receiver, lanes, events);
      const after = await commits(product);
      checkDelay(readFileSync(trace, 'latin1'), delayMicros, after.count);
      const count = after.count - before.count;
      const commitMs = ((after.seconds - before.seconds) * 1000) / count;
      return { ...figures, commitMs, perCommit: events / count };
    });
  } finally {
    rmSync(dir, { recursive: true });
  }
}

/** `-D` lets the command keep the process id; the other calls are not stopped at, thanks to the filter (strace(1)). */
function tracer(output: string, delayMicros: number): string[] {
  const inject = `inject=fdatasync,fsync:delay_exit=${delayMicros}`;
  return [
    'strace',
    '-D',
    '-f',
    '-ttt',
    '--seccomp-bpf',
    '-o',
    output,
    '-e',
    'trace=fdatasync,fsync',
    '-e',
    inject,
  ];
}

interface Commits {
  count: number;
  seconds: number;
}

/** The product's own count of its commits, and the time in them. */
async function commits(product: Product): Promise<Commits> {
  const text = await (await fetch(`${product.http}/metrics`)).text();
  const value = (name: string): number => {
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    if (line === undefined) throw new Error(`/metrics says nothing of ${name}`);
    return Number(line.slice(name.length));
  };
  return {
    count: value('postrider_commit_seconds_count'),
    seconds: value('postrider_commit_seconds_sum'),
  };
}

function checkDelay(trace: string, delayMicros: number, commits: number): void {
  const delayed = trace.split('(DELAYED)').length - 1;
  if (delayed < commits * WRITING_SHARE)
    throw new Error(`${commits} commits, but only ${delayed} syncs delayed`);
  const last = new Map<string, number>();
  for (const [, thread = '', begun] of trace.matchAll(/^(\d+) +([\d.]+) f(?:data)?sync\(/gm)) {
    const at = Number(begun) * MICROS;
    const gap = at - (last.get(thread) ?? 0);
    if (gap < delayMicros) throw new Error(`two syncs ${gap.toFixed(0)} µs apart: they were not delayed`);
    last.set(thread, at);
  }
}

function show(side: Side): string {
  return `${showFigures(side)}, commit ${side.commitMs.toFixed(2)} ms`;
}
