/**
 * Durable end-to-end deliveries (HTTP batch in, FULL commits, signed POST, result stored) against a bare
 * `undici.request` loop with the same signature, body, concurrency and receiver. Interleaved, order reversed
 * each round; every round starts fresh processes, so neither side is warmer than the other.
 */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { Pool } from 'undici';
import { data } from './lib/payload.ts';
import { cpuMicros, peakMb } from './lib/process-figures.ts';
import { startProduct, type Product } from './lib/product.ts';
import { startReceiver, type Receiver } from './lib/receiver.ts';
import { median, spread } from './lib/statistics.ts';

interface Figures {
  perSecond: number;
  cpuMicros: number;
}
interface ProductFigures extends Figures {
  peakMb: number;
}

const CONCURRENCY = 64;
const BATCH = 100;
/** Batches on their way at once: enough that the door never waits for the one before. */
const CLIENTS = 4;
const WAIT_MS = 120_000;

export async function main(args: string[]): Promise<void> {
  const { values } = parseArgs({
    args,
    options: {
      rounds: { type: 'string', default: '5' },
      events: { type: 'string', default: '100000' },
      write: { type: 'boolean', default: false },
    },
  });
  const rounds = Number(values.rounds);
  const events = Number(values.events);
  const receiver = await startReceiver();
  const bare: Figures[] = [];
  const product: ProductFigures[] = [];
  try {
    for (let round = 0; round < rounds; round++) {
      const sides = [
        async () => bare.push(await runBare(receiver, events)),
        async () => product.push(await runProduct(receiver, events)),
      ];
      for (const side of round % 2 === 0 ? sides : sides.toReversed()) await side();
      console.log(`round ${round + 1} of ${rounds}: ${line(bare.at(-1), product.at(-1))}`);
    }
  } finally {
    await receiver.stop();
  }
  const report = table(receiver.name, events, bare, product);
  console.log(`\n${report}`);
  if (values.write) writeFileSync(new URL('results/publish.md', import.meta.url), `${report}\n`);
}

async function runBare(receiver: Receiver, events: number): Promise<Figures> {
  const file = fileURLToPath(new URL('./lib/bare-loop.ts', import.meta.url));
  const child = spawn(process.execPath, [file, receiver.url, String(events), String(CONCURRENCY)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  let text = '';
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  const [code] = (await once(child, 'close')) as [number];
  if (code !== 0) throw new Error(`the bare loop ended with code ${code}`);
  return JSON.parse(text) as Figures;
}

async function runProduct(receiver: Receiver, events: number): Promise<ProductFigures> {
  const product = await startProduct();
  try {
    await product.call('POST', '/v1/endpoints', {
      url: receiver.url,
      event_types: ['custom.*'],
      max_in_flight: CONCURRENCY,
    });
    const before = await receiver.count();
    const cpuBefore = cpuMicros([product.pid]);
    const begun = performance.now();
    const sending = sendBatches(product, events);
    await untilReceived(receiver, before + events);
    const seconds = (performance.now() - begun) / 1000;
    await sending;
    await untilSettled(product);
    const cpu = cpuMicros([product.pid]) - cpuBefore;
    const received = (await receiver.count()) - before;
    if (received !== events) throw new Error(`${events} events went in, ${received} requests arrived`);
    return { perSecond: events / seconds, cpuMicros: cpu / events, peakMb: peakMb(product.pid) };
  } finally {
    await product.stop();
  }
}

async function sendBatches(product: Product, events: number): Promise<void> {
  const pool = new Pool(product.http, { connections: CLIENTS });
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < events) {
      const first = next;
      next += BATCH;
      const batch = Array.from({ length: BATCH }, (_, i) => ({
        event_type: 'custom.order.paid',
        data: data(first + i),
      }));
      await post(pool, product.keys.sandbox, JSON.stringify({ events: batch }));
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, client));
  await pool.close();
}

/** A refusal under backpressure is part of the contract: the same batch goes again. */
async function post(pool: Pool, key: string, body: string): Promise<void> {
  for (;;) {
    const answer = await pool.request({
      method: 'POST',
      path: '/v1/events',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body,
    });
    const text = await answer.body.text();
    if (answer.statusCode === 202) return;
    if (answer.statusCode !== 503) throw new Error(`batch: ${answer.statusCode} ${text}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function untilReceived(receiver: Receiver, count: number): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  while ((await receiver.count()) < count) {
    if (performance.now() > deadline) throw new Error('not everything arrived in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Results too belong to the work: they are on disk before the CPU is read. */
async function untilSettled(product: Product): Promise<void> {
  const deadline = performance.now() + WAIT_MS;
  for (;;) {
    const { data: pending } = await product.call('GET', '/v1/deliveries?status=pending&limit=1');
    if ((pending as unknown[]).length === 0) return;
    if (performance.now() > deadline) throw new Error('results were not settled in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

function line(bare: Figures | undefined, product: ProductFigures | undefined): string {
  if (bare === undefined || product === undefined) return 'incomplete';
  return `bare ${Math.round(bare.perSecond)}/s ${bare.cpuMicros.toFixed(1)} µs, product ${Math.round(product.perSecond)}/s ${product.cpuMicros.toFixed(1)} µs, ratio ${(product.perSecond / bare.perSecond).toFixed(2)}, peak ${product.peakMb} MB`;
}

function table(
  receiver: string,
  events: number,
  bare: readonly Figures[],
  product: readonly ProductFigures[],
): string {
  const ratios = product.map((figures, i) => figures.perSecond / (bare[i] as Figures).perSecond);
  const row = (name: string, figures: readonly Figures[], peak: string): string =>
    `| ${name} | ${spread(figures.map((f) => f.perSecond))} | ${spread(
      figures.map((f) => f.cpuMicros),
      1,
    )} | ${peak} |`;
  return [
    `${events} events a round, ${bare.length} rounds, ${CONCURRENCY} in flight, batches of ${BATCH}. Receiver: ${receiver}. Node ${process.version}.`,
    '',
    '| | deliveries/s, median [min–max] | CPU µs per delivery | peak memory, MB |',
    '|---|---|---|---|',
    row('bare undici.request + HMAC, no store', bare, '–'),
    row('Postrider, durable end to end', product, spread(product.map((f) => f.peakMb))),
    '',
    `Ratio of the rates, pair by pair: **${spread(ratios, 2)}** (goal 0.6). CPU ratio: ${(median(product.map((f) => f.cpuMicros)) / median(bare.map((f) => f.cpuMicros))).toFixed(2)}.`,
  ].join('\n');
}
