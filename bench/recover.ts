/**
 * An endpoint is down for three hours of the sandbox's clock, with 10,000 deliveries due; then it is back. Measured at
 * the endpoint: from the first request that it takes, the probe, to the last of the 10,000.
 */

import { cpuMicros } from './lib/process-figures.ts';
import { sendBatches, untilSettled } from './lib/drive.ts';
import { makeMessages } from './lib/messages.ts';
import type { BenchOptions } from './lib/options.ts';
import { data } from './lib/payload.ts';
import { withProduct, type Product } from './lib/product.ts';
import { inversions, startRecorder, tallyOrders, type Arrival, type Recorder } from './lib/recorder.ts';
import { demandTally } from './lib/tally.ts';
import { goalLine, list, paragraphs, spreadTable } from './lib/report.ts';
import { conditions } from './lib/versions.ts';
import { until } from './lib/wait.ts';

interface Figures {
  /** From the first taken to the last. */
  drainMs: number;
  /** Requests that failed while it was down. */
  failed: number;
  /** Taken more than once: the acknowledgement was lost. */
  twice: number;
  inversions: number;
  cpuMicros: number;
}

const ORDERINGS = ['none', 'message', 'strict'] as const;
type Ordering = (typeof ORDERINGS)[number];

const DOWN_SECONDS = 3 * 3600;
/** The longest that the product waits between two probes. */
const PROBE_SECONDS = 300;
const EVENTS_PER_MESSAGE = 10;
const TYPE = 'custom.bench.recover';

export async function run(options: BenchOptions): Promise<string> {
  const { quick } = options;
  const rounds = options.rounds ?? 3;
  const events = options.events ?? (quick ? 100 : 10_000);
  const orderings = quick ? (['message'] as const) : ORDERINGS;
  const results = new Map<Ordering, Figures[]>(orderings.map((ordering) => [ordering, []]));
  for (let round = 0; round < rounds; round++) {
    for (const ordering of round % 2 === 0 ? orderings : orderings.toReversed()) {
      const figures = await measure(ordering, events);
      results.get(ordering)?.push(figures);
      console.log(`round ${round + 1} of ${rounds}, ordering ${ordering}: ${show(figures)}`);
    }
  }
  const sides = [...results];
  const goals = sides.map(([ordering, figures]) => ({
    what: `From the probe to the last of ${events}, ordering ${ordering}`,
    values: figures.map((f) => f.drainMs / 1000),
    digits: 2,
    unit: 's',
    atMost: 30,
  }));
  return paragraphs(
    `${events} deliveries due to an endpoint that is down for ${DOWN_SECONDS / 3600} h of the sandbox's clock; ${rounds} rounds. Median [min–max]. ${conditions()}`,
    figuresTable(sides),
    list(goals.map((goal) => goalLine(goal, quick))),
    'Within a message (ordering `message`) and in all (`strict`) no event was taken before an earlier one: a run in which one was fails.',
  );
}

async function measure(ordering: Ordering, events: number): Promise<Figures> {
  const recorder = await startRecorder();
  try {
    return await withProduct(
      {},
      (product) => play(product, recorder, ordering, events),
      (result) => demandTally(result, { pending: 0, delivered: events }),
    );
  } finally {
    await recorder.stop();
  }
}

async function play(
  product: Product,
  recorder: Recorder,
  ordering: Ordering,
  events: number,
): Promise<Figures> {
  const messages = await makeMessages(product, Math.ceil(events / EVENTS_PER_MESSAGE));
  const { endpoint_id } = await product.call('POST', '/v1/endpoints', {
    url: recorder.url,
    event_types: [TYPE],
    ...(ordering === 'none' ? {} : { ordering }),
  });
  const cpuBefore = cpuMicros([product.pid]);
  await recorder.control({ down: true, fail: 0 });
  await sendBatches(product, events, (n) => ({
    event_type: TYPE,
    message_id: messages[n % messages.length],
    data: data(n),
  }));
  await advance(product, DOWN_SECONDS);
  await recorder.control({ down: false, fail: 0 });
  await advance(product, PROBE_SECONDS);
  await until('all are taken', async () => (await recorder.status()).taken >= events);
  await untilSettled(product, [{ endpoint_id: endpoint_id as string }]);
  const cpu = cpuMicros([product.pid]) - cpuBefore;
  return evaluate(await recorder.log(), ordering, events, cpu);
}

function evaluate(log: readonly Arrival[], ordering: Ordering, events: number, cpu: number): Figures {
  const twice = tallyOrders(log, events);
  const taken = log.filter((arrival) => arrival[3] === 1).map((arrival) => arrival[0]);
  const out =
    ordering === 'none' ? 0 : inversions(log, ordering === 'strict' ? () => '' : (arrival) => arrival[4]);
  if (out > 0) throw new Error(`ordering ${ordering}: ${out} events were taken before an earlier one`);
  return {
    drainMs: (taken.at(-1) as number) - (taken[0] as number),
    failed: log.length - taken.length,
    twice,
    inversions: out,
    cpuMicros: cpu / events,
  };
}

/** Goes on where a call stopped because there was more to play than fits into its time. */
async function advance(product: Product, seconds: number): Promise<void> {
  const clock = async (): Promise<number> => Date.now() + (await offsetMs(product));
  const end = (await clock()) + seconds * 1000;
  await until("the sandbox's clock is there", async () => {
    const left = Math.ceil((end - (await clock())) / 1000);
    if (left <= 0) return true;
    return tryAdvance(product, left);
  });
}

async function offsetMs(product: Product): Promise<number> {
  const { offset_ms } = await product.call('POST', '/v1/sandbox/clock/advance', { seconds: 0 });
  return offset_ms as number;
}

async function tryAdvance(product: Product, seconds: number): Promise<boolean> {
  try {
    await product.call('POST', '/v1/sandbox/clock/advance', { seconds });
    return true;
  } catch (error) {
    if ((error as Error).message.includes('409')) return false;
    throw error;
  }
}

function figuresTable(sides: readonly (readonly [Ordering, readonly Figures[]])[]): string {
  return spreadTable<Figures>('ordering', sides, [
    { title: 'from the probe to the last, ms', pick: (f) => f.drainMs, digits: 0 },
    { title: 'failed requests while down', pick: (f) => f.failed, digits: 0 },
    { title: 'taken twice', pick: (f) => f.twice, digits: 0 },
    { title: 'CPU µs per delivery, all in all', pick: (f) => f.cpuMicros, digits: 1 },
  ]);
}

function show(figures: Figures): string {
  return `${(figures.drainMs / 1000).toFixed(2)} s from the probe to the last, ${figures.failed} failed before, ${figures.twice} taken twice`;
}
