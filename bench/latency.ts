/**
 * 1,000 endpoints, each event for one of them, offered at 500 a second whatever the answers do: the time until the
 * request arrives at the endpoint's socket. Then, while that goes on, events that all endpoints want: what they do to
 * the others. Once the endpoints choose by event type, once by filter.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { post, untilSettled } from './lib/drive.ts';
import { offer } from './lib/open-loop.ts';
import type { BenchOptions } from './lib/options.ts';
import { data } from './lib/payload.ts';
import { cpuMicros } from './lib/process-figures.ts';
import { startProduct, withProduct, type Product } from './lib/product.ts';
import { startRecorder, tallyOrders, type Arrival, type Recorder } from './lib/recorder.ts';
import { goalLine, list, paragraphs, table } from './lib/report.ts';
import { latencyOf, spread, type Latency } from './lib/statistics.ts';
import { conditions } from './lib/versions.ts';
import { sharedClockMs, until } from './lib/wait.ts';

interface Plan {
  endpoints: number;
  perSecond: number;
  /** Of the load alone, after a warm-up. */
  seconds: number;
  warmUpSeconds: number;
  /** Events for everybody, one a second. */
  broadcasts: number;
}

interface Figures {
  /** From when the event was due to be offered. */
  fromOffer: Latency;
  /** From its 202; where the request came first, 0. */
  fromAccept: Latency;
  /** Of the events offered between a broadcast and the last request of it. */
  meanwhile: Latency;
  /** Until the last request of each broadcast. */
  broadcastMs: number[];
  cpuMicros: number;
}

const CHOICES = ['event types', 'filters'] as const;
type Choice = (typeof CHOICES)[number];
const TYPE = 'custom.bench.one';
const EVERYBODY = 'custom.bench.everybody';
/** Enough connections that an offer never waits for the answer of another. */
const CONNECTIONS = 128;
const SETTINGS = { POSTRIDER_LIMITS_ENDPOINTS: '2000' };

export async function run(options: BenchOptions): Promise<string> {
  const { quick } = options;
  const rounds = options.rounds ?? 1;
  const plan: Plan = quick
    ? { endpoints: 20, perSecond: 200, seconds: 0.5, warmUpSeconds: 0.25, broadcasts: 1 }
    : { endpoints: 1000, perSecond: 500, seconds: options.seconds ?? 60, warmUpSeconds: 5, broadcasts: 10 };
  const sections: string[] = [];
  for (const choice of CHOICES) {
    const figures: Figures[] = [];
    for (let round = 0; round < rounds; round++) {
      figures.push(await measure(plan, choice));
      console.log(`round ${round + 1} of ${rounds}, by ${choice}: ${show(figures.at(-1) as Figures)}`);
    }
    sections.push(section(choice, figures, quick));
  }
  const how = `${plan.endpoints} endpoints, ${plan.perSecond} events/s offered for ${plan.seconds} s (open loop), then ${plan.broadcasts} events for all of them while that goes on; ${rounds} rounds.`;
  return paragraphs(`${how} Latency in ms, as it arrives at the socket. ${conditions()}`, ...sections);
}

async function measure(plan: Plan, choice: Choice): Promise<Figures> {
  const recorder = await startRecorder();
  const template = mkdtempSync(join(tmpdir(), 'postrider-bench-'));
  try {
    const endpoints = await makeEndpoints(template, recorder.url, plan.endpoints, choice);
    return await withProduct({ copyOf: template, settings: SETTINGS }, async (product) => {
      const figures = await load(product, recorder, plan, choice);
      await untilSettled(product, endpoints.slice(0, 1));
      return figures;
    });
  } finally {
    await recorder.stop();
    rmSync(template, { recursive: true });
  }
}

async function makeEndpoints(
  dir: string,
  url: string,
  count: number,
  choice: Choice,
): Promise<{ endpoint_id: string }[]> {
  const product = await startProduct({ dir, settings: SETTINGS });
  const made: { endpoint_id: string }[] = [];
  try {
    for (let n = 0; n < count; n++) {
      const wants =
        choice === 'filters'
          ? { event_types: ['custom.*'], filter: { 'data.k': { $in: [`k${n}`, 'all'] } } }
          : { event_types: [typeOf(choice, n), EVERYBODY] };
      const { endpoint_id } = await product.call('POST', '/v1/endpoints', { url, ...wants });
      made.push({ endpoint_id: endpoint_id as string });
    }
  } finally {
    await product.end();
  }
  return made;
}

function typeOf(choice: Choice, endpoint: number): string {
  return choice === 'filters' ? TYPE : `${TYPE}_${endpoint}`;
}

async function load(product: Product, recorder: Recorder, plan: Plan, choice: Choice): Promise<Figures> {
  const { perSecond, endpoints, broadcasts } = plan;
  const warmUp = plan.warmUpSeconds * perSecond;
  const alone = warmUp + plan.seconds * perSecond;
  // One broadcast a second, and a second after the last.
  const count = alone + broadcasts * perSecond;
  const pool = new Pool(product.http, { connections: CONNECTIONS });
  const accepted = new Float64Array(count + broadcasts);
  const send = async (order: number, event_type: string, k: string): Promise<void> => {
    await post(
      pool,
      product.keys.sandbox,
      '/v1/events',
      JSON.stringify({ event_type, data: { ...data(order), k } }),
    );
    accepted[order] = sharedClockMs();
  };
  const everybody: Promise<void>[] = [];
  const broadcastAt: number[] = [];
  let cpuBefore = 0;
  const due = await offer({
    count,
    perSecond,
    send: (n) => {
      if (n === warmUp) cpuBefore = cpuMicros([product.pid]);
      if (n >= alone && (n - alone) % perSecond === 0) {
        broadcastAt.push(sharedClockMs());
        everybody.push(send(count + everybody.length, choice === 'filters' ? TYPE : EVERYBODY, 'all'));
      }
      // Coprime to the number of endpoints, so that each has its turn and neighbours do not follow one another.
      const endpoint = (n * 7) % endpoints;
      return send(n, typeOf(choice, endpoint), `k${endpoint}`);
    },
  });
  await Promise.all(everybody);
  const requests = count + broadcasts * endpoints;
  await until('every event arrived', async () => (await recorder.status()).taken >= requests);
  const cpu = (cpuMicros([product.pid]) - cpuBefore) / (requests - warmUp);
  await pool.close();
  const log = await recorder.log();
  const twice = tallyOrders(log, count + broadcasts) - broadcasts * (endpoints - 1);
  if (twice !== 0) throw new Error(`${requests} deliveries were due, ${requests + twice} requests arrived`);
  return evaluate(log, { due, accepted, warmUp, alone, count, broadcastAt, cpu });
}

interface Run {
  due: Float64Array;
  accepted: Float64Array;
  warmUp: number;
  alone: number;
  count: number;
  broadcastAt: number[];
  cpu: number;
}

function evaluate(log: readonly Arrival[], run: Run): Figures {
  const { due, accepted, warmUp, alone, count, broadcastAt } = run;
  const lasts = broadcastAt.map(() => 0);
  for (const [at, order] of log) if (order >= count) lasts[order - count] = at;
  const fromOffer: number[] = [];
  const fromAccept: number[] = [];
  const meanwhile: number[] = [];
  for (const [at, order] of log) {
    if (order < warmUp || order >= count) continue;
    const offered = due[order] as number;
    if (order < alone) {
      fromOffer.push(at - offered);
      fromAccept.push(Math.max(0, at - (accepted[order] as number)));
    } else if (broadcastAt.some((from, n) => offered >= from && offered <= (lasts[n] as number)))
      meanwhile.push(at - offered);
  }
  return {
    fromOffer: latencyOf(fromOffer),
    fromAccept: latencyOf(fromAccept),
    meanwhile: latencyOf(meanwhile),
    broadcastMs: lasts.map((last, n) => last - (broadcastAt[n] as number)),
    cpuMicros: run.cpu,
  };
}

function section(choice: Choice, figures: readonly Figures[], quick: boolean): string {
  const row = (name: string, pick: (one: Figures) => Latency): string[] => {
    const latencies = figures.map(pick).filter((one) => one.count > 0);
    const figure = (key: 'p50' | 'p99' | 'max'): string =>
      latencies.length === 0
        ? '–'
        : spread(
            latencies.map((one) => one[key]),
            1,
          );
    const events = latencies.reduce((sum, one) => sum + one.count, 0);
    return [name, String(events), figure('p50'), figure('p99'), figure('max')];
  };
  // A broadcast that is over before the next event is due leaves nobody to disturb.
  const disturbed = figures.filter((one) => one.meanwhile.count > 0);
  const goals = [
    { what: 'p99 from accept to the wire', values: figures.map((f) => f.fromAccept.p99), atMost: 25 },
    { what: 'p99 from the offer to the wire', values: figures.map((f) => f.fromOffer.p99), atMost: 25 },
    {
      what: 'p99 of the others while one event goes to all',
      values: disturbed.map((f) => f.meanwhile.p99),
      atMost: 100,
    },
  ];
  const rest = `One event to all: the last request after ${spread(
    figures.flatMap((f) => f.broadcastMs),
    0,
  )} ms. CPU µs per delivery: ${spread(
    figures.map((f) => f.cpuMicros),
    1,
  )}.`;
  return paragraphs(
    `Chosen by ${choice}:`,
    table(
      ['', 'events', 'p50', 'p99', 'max'],
      [
        row('from accept (202) to the wire', (f) => f.fromAccept),
        row('from the offer to the wire', (f) => f.fromOffer),
        row('from the offer, while one event goes to all', (f) => f.meanwhile),
      ],
    ),
    list([
      ...goals
        .filter(({ values }) => values.length > 0)
        .map((goal) => goalLine({ ...goal, digits: 1, unit: 'ms' }, quick)),
      rest,
    ]),
  );
}

function show({ fromOffer, fromAccept, meanwhile }: Figures): string {
  return `p99 from accept ${fromAccept.p99.toFixed(1)} ms, from the offer ${fromOffer.p99.toFixed(1)} ms, meanwhile ${meanwhile.p99.toFixed(1)} ms`;
}
