/**
 * Healthy lanes beside one with a million deliveries pending on a dead endpoint, which hangs, refuses, or answers 500:
 * their rate against that without it; the memory and the start of a product with so much pending.
 */

import { cached, databaseInputs } from './lib/cache.ts';
import { DEATHS, startDead, type Dead, type Death } from './lib/dead.ts';
import { addLanes, drive, showFigures, type ProductFigures } from './lib/drive.ts';
import { Filler, pointEndpoints } from './lib/fill.ts';
import type { BenchOptions } from './lib/options.ts';
import { alternate, ratios } from './lib/pairs.ts';
import { data } from './lib/payload.ts';
import { residentMb } from './lib/process-figures.ts';
import { startProduct, withProduct } from './lib/product.ts';
import { startReceiver, type Receiver } from './lib/receiver.ts';
import { goalLine, list, paragraphs, PEAK_COLUMN, RATE_COLUMNS, spreadTable } from './lib/report.ts';
import { demandTally } from './lib/tally.ts';
import { conditions } from './lib/versions.ts';
import { until } from './lib/wait.ts';

interface Side extends ProductFigures {
  startMs: number;
  /** Before any load, with what is pending. */
  idleMb: number;
}
type SideName = 'without' | Death;

interface World {
  receiver: Receiver;
  dead: Dead;
  /** Of a stopped product with everything pending. */
  filled: string;
  pending: number;
  events: number;
}

const HEALTHY_LANES = 4;
const OLDEST_MS = 3_600_000;
const GENERATORS = ['./lib/fill.ts', './lib/fill-checkpoints.ts', './dead-lane.ts'].map(
  (file) => new URL(file, import.meta.url),
);

export async function run(options: BenchOptions): Promise<string> {
  const { quick, pending } = options;
  const rounds = options.rounds ?? 10;
  const events = options.events ?? (quick ? 400 : 25_000);
  const inputs = [String(pending), ...databaseInputs(...GENERATORS)];
  const filled = await cached(quick ? 'pending-quick' : 'pending', inputs, (dir) => build(dir, pending));
  const receiver = await startReceiver();
  const dead = await startDead();
  try {
    const world = { receiver, dead, filled, pending, events };
    const results = await alternate<SideName, Side>(
      rounds,
      {
        without: () => without(world),
        hanging: () => beside(world, 'hanging'),
        refusing: () => beside(world, 'refusing'),
        failing: () => beside(world, 'failing'),
      },
      show,
    );
    const how = `${events} events a round over ${HEALTHY_LANES} healthy lanes, ${rounds} rounds; ${pending} deliveries pending in the dead lane.`;
    return paragraphs(
      `${how} Median [min–max]. ${conditions(receiver.name)}`,
      sidesTable(results),
      goals(results, quick),
    );
  } finally {
    await receiver.stop();
    await dead.stop();
  }
}

async function without({ receiver, events }: World): Promise<Side> {
  return withProduct({}, async (product) => {
    const lanes = await addLanes(product, receiver.url, HEALTHY_LANES);
    const idleMb = residentMb(product.pid);
    await drive(product, receiver, lanes, Math.ceil(events / 5));
    return { ...(await drive(product, receiver, lanes, events)), startMs: product.startMs, idleMb };
  });
}

async function beside({ receiver, dead, filled, pending, events }: World, death: Death): Promise<Side> {
  const url = dead.url(death);
  const warmUp = Math.ceil(events / 5);
  const { requests } = await dead.status();
  return withProduct(
    { copyOf: filled, kill: true, prepare: (dir) => pointEndpoints(dir, url) },
    async (product) => {
      if (death !== 'refusing')
        await until('the dead endpoint was tried', async () => (await dead.status()).requests > requests);
      const idleMb = residentMb(product.pid);
      const lanes = await addLanes(product, receiver.url, HEALTHY_LANES);
      await drive(product, receiver, lanes, warmUp);
      const figures = await drive(product, receiver, lanes, events);
      return { ...figures, startMs: product.startMs, idleMb };
    },
    (result) => demandTally(result, { pending, delivered: warmUp + events }),
  );
}

async function build(dir: string, pending: number): Promise<void> {
  const product = await startProduct({ dir });
  let endpointId = '';
  try {
    const endpoint = { url: 'http://127.0.0.1/dead', event_types: ['custom.dead.letter'] };
    endpointId = (await product.call('POST', '/v1/endpoints', endpoint))['endpoint_id'] as string;
  } finally {
    await product.end();
  }
  const filler = new Filler(dir);
  const lane = filler.lane(endpointId);
  const oldest = Date.now() - OLDEST_MS;
  const event = { event_type: 'custom.dead.letter', message: null, recipient: null, state: null };
  for (let n = 0; n < pending; n++) {
    const at = Math.floor(oldest + (n / pending) * OLDEST_MS);
    const { log, seqs } = filler.event({ ...event, at, data: JSON.stringify(data(n)), lanes: [lane] });
    filler.insert('pending', { lane, seq: seqs[0] as number, log, attempts: 0, base: 0, next_at: 0 });
  }
  filler.finish();
}

function sidesTable(results: Record<SideName, readonly Side[]>): string {
  return spreadTable<Side>(
    'dead lane',
    (['without', ...DEATHS] as const).map((name) => [name, results[name]] as const),
    [
      ...RATE_COLUMNS,
      PEAK_COLUMN,
      { title: 'memory before the load, MB', pick: (f) => f.idleMb, digits: 0 },
      { title: 'start, ms', pick: (f) => f.startMs, digits: 0 },
    ],
  );
}

function goals(results: Record<SideName, readonly Side[]>, quick: boolean): string {
  const rates = DEATHS.map((death) => ({
    what: `Rate of healthy lanes beside one whose endpoint is dead (${death}) against without, pair by pair`,
    values: ratios(results[death], results.without, (f) => f.perSecond),
    digits: 2,
    atLeast: 0.95,
  }));
  const filled = DEATHS.flatMap((death) => results[death]);
  const memory = {
    what: 'Peak memory with everything pending, under load',
    values: filled.map((f) => f.peakMb),
    digits: 0,
    unit: 'MB',
    atMost: 300,
  };
  const start = {
    what: 'Start with everything pending',
    values: filled.map((f) => f.startMs / 1000),
    digits: 2,
    unit: 's',
    atMost: 5,
  };
  return list([...rates, memory, start].map((goal) => goalLine(goal, quick)));
}

function show(side: Side): string {
  return `${showFigures(side)}, ${side.idleMb} MB idle, ${side.peakMb} MB peak, started in ${Math.round(side.startMs)} ms`;
}
