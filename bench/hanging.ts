/**
 * Healthy lanes while hundreds of endpoints hang: each accepts the connection and the request, and never answers.
 * The other side has the same endpoints without anything due to them.
 */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startDead, type Dead } from './lib/dead.ts';
import { addLanes, drive, sendBatches, showFigures, type ProductFigures } from './lib/drive.ts';
import type { BenchOptions } from './lib/options.ts';
import { alternate, ratios } from './lib/pairs.ts';
import { data } from './lib/payload.ts';
import { startProduct, withProduct } from './lib/product.ts';
import { startReceiver, type Receiver } from './lib/receiver.ts';
import { goalLine, paragraphs, PEAK_COLUMN, RATE_COLUMNS, spreadTable } from './lib/report.ts';
import { demandTally } from './lib/tally.ts';
import { conditions } from './lib/versions.ts';
import { until } from './lib/wait.ts';

interface Side extends ProductFigures {
  /** Endpoints with a request hanging, when the measurement began and when it ended. */
  hangingFirst?: number;
  hangingLast?: number;
}
interface World {
  receiver: Receiver;
  dead: Dead;
  /** Of a stopped product that has the endpoints. */
  template: string;
  endpoints: number;
  events: number;
}
type Results = Record<'without' | 'hanging', readonly Side[]>;

const HEALTHY_LANES = 4;
/** Deliveries due to each: more than can end by timeout while it is measured. */
const DUE = 10;
const HANGING = 'custom.bench.hanging';
const SETTINGS = { POSTRIDER_LIMITS_ENDPOINTS: '2000' };
/** What the endpoints are given to take their requests up. */
const SETTLE_MS = 3000;

export async function run(options: BenchOptions): Promise<string> {
  const { quick } = options;
  const rounds = options.rounds ?? 10;
  const events = options.events ?? (quick ? 400 : 30_000);
  const receiver = await startReceiver();
  const dead = await startDead();
  try {
    const many = quick ? 20 : 200;
    const first = await compare({ receiver, dead, endpoints: many, events }, rounds);
    const more = quick
      ? null
      : await compare({ receiver, dead, endpoints: 1000, events }, Math.ceil(rounds / 3));
    const how = `${events} events a round over ${HEALTHY_LANES} healthy lanes, ${rounds} rounds with ${many} endpoints`;
    return paragraphs(
      `${how}${more === null ? '' : `, ${more.hanging.length} with 1000`}; ${DUE} deliveries due to each. Median [min–max]. ${conditions(receiver.name)}`,
      sidesTable(many, first),
      goalLine({ ...ratio(many, first), atLeast: 0.9 }, quick),
      ...(more === null ? [] : [sidesTable(1000, more), goalLine(ratio(1000, more), true)]),
    );
  } finally {
    await receiver.stop();
    await dead.stop();
  }
}

async function compare(world: Omit<World, 'template'>, rounds: number): Promise<Results> {
  const template = mkdtempSync(join(tmpdir(), 'postrider-bench-'));
  try {
    await makeEndpoints(template, world);
    const sides = {
      without: () => measure({ ...world, template }, false),
      hanging: () => measure({ ...world, template }, true),
    };
    return await alternate<'without' | 'hanging', Side>(rounds, sides, show);
  } finally {
    rmSync(template, { recursive: true });
  }
}

async function makeEndpoints(dir: string, { dead, endpoints }: Omit<World, 'template'>): Promise<void> {
  const product = await startProduct({ dir, settings: SETTINGS });
  try {
    for (let n = 0; n < endpoints; n++) {
      const endpoint = { url: dead.url('hanging', n), event_types: [HANGING] };
      await product.call('POST', '/v1/endpoints', endpoint);
    }
  } finally {
    await product.end();
  }
}

async function measure(world: World, hangs: boolean): Promise<Side> {
  const { receiver, dead, template, endpoints, events } = world;
  const warmUp = Math.ceil(events / 5);
  return withProduct(
    { copyOf: template, kill: true, settings: SETTINGS },
    async (product) => {
      const lanes = await addLanes(product, receiver.url, HEALTHY_LANES);
      await drive(product, receiver, lanes, warmUp);
      if (!hangs) return drive(product, receiver, lanes, events);
      await sendBatches(product, DUE, (n) => ({ event_type: HANGING, data: data(n) }));
      const hangingFirst = await untilHanging(dead, endpoints);
      const figures = await drive(product, receiver, lanes, events);
      return { ...figures, hangingFirst, hangingLast: (await dead.status()).hanging };
    },
    (result) => demandTally(result, { pending: hangs ? DUE * endpoints : 0, delivered: warmUp + events }),
  );
}

/** Waits until all of them hang, or no more of them do; resolves to how many. */
async function untilHanging(dead: Dead, endpoints: number): Promise<number> {
  const begun = performance.now();
  let { hanging } = await dead.status();
  await until('the endpoints hang', async () => {
    hanging = (await dead.status()).hanging;
    return hanging >= endpoints || (hanging > 0 && performance.now() - begun > SETTLE_MS);
  });
  return hanging;
}

function sidesTable(endpoints: number, results: Results): string {
  return spreadTable<Side>(
    `${endpoints} endpoints`,
    [
      ['with nothing due', results.without],
      ['that hang', results.hanging],
    ],
    [
      ...RATE_COLUMNS,
      PEAK_COLUMN,
      { title: 'hanging at once, begin', pick: (f) => f.hangingFirst, digits: 0 },
      { title: 'end', pick: (f) => f.hangingLast, digits: 0 },
    ],
  );
}

function ratio(endpoints: number, results: Results): { what: string; values: number[]; digits: number } {
  return {
    what: `Rate of healthy lanes while ${endpoints} endpoints hang against without, pair by pair`,
    values: ratios(results.hanging, results.without, (f) => f.perSecond),
    digits: 2,
  };
}

function show(side: Side): string {
  const { hangingFirst, hangingLast } = side;
  const hanging = hangingFirst === undefined ? '' : `, ${hangingFirst} hanging, ${hangingLast} at the end`;
  return `${showFigures(side)}, ${side.peakMb} MB${hanging}`;
}
