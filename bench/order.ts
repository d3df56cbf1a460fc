/**
 * Ordering "message": 100,000 events over 10,000 messages while 5 % of the requests fail at random. No event may be
 * taken before an earlier one of its message; and messages of which no request fails must not wait for the others:
 * their latency at a moderate load, with failures and without.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { IN_FLIGHT, post, sendBatches, untilSettled } from './lib/drive.ts';
import { makeMessages } from './lib/messages.ts';
import { offer } from './lib/open-loop.ts';
import type { BenchOptions } from './lib/options.ts';
import { alternate, type Sides } from './lib/pairs.ts';
import { data } from './lib/payload.ts';
import { cpuMicros, peakMb } from './lib/process-figures.ts';
import { startProduct, withProduct, type Product } from './lib/product.ts';
import { inversions, startRecorder, tallyOrders, type Arrival, type Recorder } from './lib/recorder.ts';
import { list, paragraphs, PEAK_COLUMN, RATE_COLUMNS, spreadTable } from './lib/report.ts';
import { latencyOf, median, type Latency } from './lib/statistics.ts';
import { demandTally } from './lib/tally.ts';
import { conditions } from './lib/versions.ts';
import { until } from './lib/wait.ts';

interface World {
  /** Of a stopped product that has the messages. */
  template: string;
  messages: readonly string[];
  events: number;
  /** The moderate load: calls per second, each with a few events, and for how long. */
  callsPerSecond: number;
  seconds: number;
}
interface FullLoad {
  perSecond: number;
  cpuMicros: number;
  peakMb: number;
  failed: number;
}
/** Of events of messages of which no request failed, from when they were due to be offered. */
type Moderate = Latency & { cpuMicros: number };

const FAIL_SHARE = 0.05;
const SHARES = { 'without failures': 0, 'with failures': FAIL_SHARE };
const EVENTS_PER_MESSAGE = 10;
const EVENTS_PER_CALL = 10;
/** Messages whose events come mixed with one another: one's next event often comes while the one before is under way. */
const MIXED = 100;
const TYPE = 'custom.bench.order';
/** Seconds; long enough that 5 % failing again and again never makes a dead letter. */
const RETRIES = Array.from({ length: 10 }, () => 1);

export async function run(options: BenchOptions): Promise<string> {
  const { quick } = options;
  const rounds = options.rounds ?? 5;
  const events = options.events ?? (quick ? 500 : 100_000);
  const template = mkdtempSync(join(tmpdir(), 'postrider-bench-'));
  try {
    const messages = await prepare(template, Math.ceil(events / EVENTS_PER_MESSAGE));
    const load = { callsPerSecond: quick ? 10 : 100, seconds: options.seconds ?? (quick ? 1 : 10) };
    const world: World = { template, messages, events, ...load };
    const shares = Object.entries(quick ? { 'with failures': FAIL_SHARE } : SHARES);
    const sides = <T>(measure: (world: World, fail: number) => Promise<T>): Sides<string, T> =>
      Object.fromEntries(shares.map(([name, fail]) => [name, () => measure(world, fail)]));
    const full = await alternate(
      Math.ceil(rounds / 2),
      sides(fullLoad),
      (one) =>
        `${Math.round(one.perSecond)}/s, ${one.cpuMicros.toFixed(1)} µs, ${one.failed} requests failed`,
    );
    const moderate = await alternate(
      rounds,
      sides(moderateLoad),
      (one) => `p50 ${one.p50.toFixed(1)} ms, p99 ${one.p99.toFixed(1)} ms of ${one.count} healthy`,
    );
    return report(world, full, moderate);
  } finally {
    rmSync(template, { recursive: true });
  }
}

async function prepare(dir: string, messages: number): Promise<string[]> {
  const product = await startProduct({ dir });
  try {
    return await makeMessages(product, messages);
  } finally {
    await product.end();
  }
}

/** Starts everything with an endpoint that fails so often, and tallies both ends. */
async function withWorld<T>(
  { template }: World,
  fail: number,
  events: number,
  use: (product: Product, recorder: Recorder) => Promise<T>,
): Promise<T> {
  const recorder = await startRecorder();
  try {
    await recorder.control({ down: false, fail });
    return await withProduct(
      { copyOf: template },
      async (product) => {
        const endpoint = {
          url: recorder.url,
          event_types: [TYPE],
          ordering: 'message',
          max_in_flight: IN_FLIGHT,
          retry_schedule: RETRIES,
        };
        const { endpoint_id } = await product.call('POST', '/v1/endpoints', endpoint);
        const result = await use(product, recorder);
        await untilSettled(product, [{ endpoint_id: endpoint_id as string }]);
        return result;
      },
      (result) => demandTally(result, { pending: 0, delivered: events }),
    );
  } finally {
    await recorder.stop();
  }
}

async function fullLoad(world: World, fail: number): Promise<FullLoad> {
  const { events } = world;
  return withWorld(world, fail, events, async (product, recorder) => {
    const cpuBefore = cpuMicros([product.pid]);
    const begun = performance.now();
    await Promise.all([
      sendBatches(product, events, (n) => event(world, n)),
      until('every event is taken', async () => (await recorder.status()).taken >= events),
    ]);
    const seconds = (performance.now() - begun) / 1000;
    const cpu = (cpuMicros([product.pid]) - cpuBefore) / events;
    check(await recorder.log(), events);
    const { failed } = await recorder.status();
    return { perSecond: events / seconds, cpuMicros: cpu, peakMb: peakMb(product.pid), failed };
  });
}

async function moderateLoad(world: World, fail: number): Promise<Moderate> {
  const calls = world.callsPerSecond * world.seconds;
  const events = calls * EVENTS_PER_CALL;
  return withWorld(world, fail, events, async (product, recorder) => {
    const pool = new Pool(product.http, { connections: 16 });
    const cpuBefore = cpuMicros([product.pid]);
    const send = async (call: number): Promise<void> => {
      const batch = Array.from({ length: EVENTS_PER_CALL }, (_, i) =>
        event(world, call * EVENTS_PER_CALL + i),
      );
      await post(pool, product.keys.sandbox, '/v1/events', JSON.stringify({ events: batch }));
    };
    const due = await offer({ count: calls, perSecond: world.callsPerSecond, send });
    await until('every event is taken', async () => (await recorder.status()).taken >= events);
    const cpu = (cpuMicros([product.pid]) - cpuBefore) / events;
    await pool.close();
    const log = await recorder.log();
    check(log, events);
    const failing = new Set(log.filter((arrival) => arrival[3] === 0).map((arrival) => arrival[4]));
    const healthy = log.filter((arrival) => !failing.has(arrival[4]));
    const latencies = healthy.map(([at, order]) => at - (due[Math.floor(order / EVENTS_PER_CALL)] as number));
    return { ...latencyOf(latencies), cpuMicros: cpu };
  });
}

/** The nth event: the messages of a block take turns, then the next block begins. */
function event({ messages }: World, n: number): unknown {
  const block = MIXED * EVENTS_PER_MESSAGE;
  const message = Math.floor(n / block) * MIXED + (n % MIXED);
  return { event_type: TYPE, message_id: messages[message % messages.length], data: data(n) };
}

function check(log: readonly Arrival[], events: number): void {
  tallyOrders(log, events);
  const out = inversions(log, (arrival) => arrival[4]);
  if (out > 0) throw new Error(`${out} events were taken before an earlier one of their message`);
}

function report(
  { events, messages, callsPerSecond, seconds }: World,
  full: Record<string, readonly FullLoad[]>,
  moderate: Record<string, readonly Moderate[]>,
): string {
  const p99 = Object.entries(moderate)
    .map(([name, side]) => `${name} ${median(side.map((one) => one.p99)).toFixed(1)} ms`)
    .join(', ');
  return paragraphs(
    `Ordering "message", ${events} events over ${messages.length} messages, ${FAIL_SHARE * 100} % of the requests fail at random and are made again after 1 s. Median [min–max]. ${conditions()}`,
    spreadTable<FullLoad>('full load', Object.entries(full), [
      ...RATE_COLUMNS,
      PEAK_COLUMN,
      { title: 'failed requests', pick: (one) => one.failed, digits: 0 },
    ]),
    'At full load the rate ends with the last event taken, the retries of the last failures included.',
    `Events of messages of which no request failed, ${callsPerSecond * EVENTS_PER_CALL} events/s offered for ${seconds} s (open loop), latency in ms from the offer:`,
    spreadTable<Moderate>('moderate load', Object.entries(moderate), [
      { title: 'healthy events', pick: (one) => one.count, digits: 0 },
      { title: 'p50', pick: (one) => one.p50, digits: 1 },
      { title: 'p99', pick: (one) => one.p99, digits: 1 },
      { title: 'max', pick: (one) => one.max, digits: 1 },
      { title: 'CPU µs per delivery', pick: (one) => one.cpuMicros, digits: 1 },
    ]),
    list([
      'Taken before an earlier event of its message: **0** in every run (a run with one fails).',
      `p99 of healthy messages: ${p99}.`,
    ]),
  );
}
