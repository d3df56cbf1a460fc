/**
 * The same deliveries by what one would assemble otherwise: job queues, each with a worker that signs and posts. All
 * send the same bytes to the same receiver, with as many in flight. Each run is a fresh process, as the product's is;
 * CPU is that of all processes that take part: worker, PostgreSQL or Redis. None of the peers takes its jobs by HTTP
 * or keeps a record of its attempts, as the product does. All begin cold, and queue everything before they work: the
 * way in which the goals were set.
 */

import { addLanes, drive, IN_FLIGHT, showFigures, type Figures } from './lib/drive.ts';
import type { BenchOptions } from './lib/options.ts';
import { alternate, ratios, type Sides } from './lib/pairs.ts';
import { installPeers, PEER_VERSIONS } from './lib/peer-install.ts';
import { startPostgres, type PeerServer } from './lib/peer-postgres.ts';
import { ensureRedis, startRedis, type Appendfsync } from './lib/peer-redis.ts';
import type { PeerTask } from './lib/peer-run.ts';
import { runScript } from './lib/processes.ts';
import { withProduct } from './lib/product.ts';
import { startReceiver, type Receiver } from './lib/receiver.ts';
import { goalLine, list, paragraphs, RATE_COLUMNS, shout, spreadTable } from './lib/report.ts';
import { conditions } from './lib/versions.ts';

const PRODUCT = 'Postrider';
const GRAPHILE = 'graphile-worker, batched, + undici';
const PG_BOSS = 'pg-boss, batched, + undici';
const BULLMQ_FETCH = 'BullMQ + fetch, synced every second';
const BULLMQ_DURABLE = 'BullMQ + undici, synced always';

interface World {
  receiver: Receiver;
  folder: string;
  jobs: number;
  /** What took part, with its version. */
  versions: Set<string>;
}
type Results = Readonly<Record<string, readonly Figures[]>>;

/**
 * Without this the CPU of a delivery is mostly that of compiling code for all of them: a server that runs for months
 * does that once. The rates of the slower peers would take an hour this way.
 */
const LONGER = 3;

export async function run(options: BenchOptions): Promise<string> {
  const rounds = options.rounds ?? 10;
  const jobs = options.events ?? (options.quick ? 500 : 20_000);
  const folder = await installPeers();
  const receiver = await startReceiver();
  const world: World = { receiver, folder, jobs, versions: new Set([receiver.name]) };
  const skipped: string[] = [];
  const postgres = await startPostgres(folder).catch((error: Error) => {
    skipped.push(`SKIPPED: graphile-worker and pg-boss (${error.message}).`);
    return null;
  });
  try {
    const noRedis = ensureRedis();
    if (noRedis !== null) skipped.push(`SKIPPED: BullMQ (${noRedis}).`);
    if (skipped.length > 0) shout(skipped.join('\n'));
    const sides = { ...sidesOf(world, postgres), ...(noRedis === null ? redisSides(world) : {}) };
    const results = await alternate(rounds, sides, showFigures);
    const longer = { ...world, jobs: jobs * LONGER };
    const pair = postgres === null ? {} : onlyThose(sidesOf(longer, postgres), [PRODUCT, GRAPHILE]);
    const steady = await alternate(postgres === null ? 0 : rounds, pair, showFigures);
    return report(results, steady, world, rounds, skipped, options.quick);
  } finally {
    await postgres?.stop();
    await receiver.stop();
  }
}

function sidesOf(world: World, postgres: PeerServer | null): Sides<string, Figures> {
  const product = async (): Promise<Figures> =>
    withProduct({}, async (running) =>
      drive(running, world.receiver, await addLanes(running, world.receiver.url, 1), world.jobs),
    );
  if (postgres === null) return { [PRODUCT]: product };
  return {
    [PRODUCT]: product,
    [GRAPHILE]: () => runPeer(world, './peer-graphile-process.ts', postgres, 'undici'),
    [PG_BOSS]: () => runPeer(world, './peer-pg-boss-process.ts', postgres, 'undici'),
  };
}

function onlyThose(sides: Sides<string, Figures>, names: readonly string[]): Sides<string, Figures> {
  return Object.fromEntries(Object.entries(sides).filter(([name]) => names.includes(name)));
}

function redisSides(world: World): Sides<string, Figures> {
  const bullmq = async (appendfsync: Appendfsync, client: PeerTask['client']): Promise<Figures> => {
    const redis = await startRedis(appendfsync);
    try {
      return await runPeer(world, './peer-bullmq-process.ts', redis, client);
    } finally {
      await redis.stop();
    }
  };
  return {
    [BULLMQ_FETCH]: () => bullmq('everysec', 'fetch'),
    [BULLMQ_DURABLE]: () => bullmq('always', 'undici'),
  };
}

async function runPeer(
  { receiver, folder, jobs, versions }: World,
  script: string,
  { pid, url, version }: PeerServer,
  client: PeerTask['client'],
): Promise<Figures> {
  versions.add(version);
  const task: PeerTask = {
    folder,
    server: { pid, url },
    url: receiver.url,
    jobs,
    inFlight: IN_FLIGHT,
    client,
  };
  const before = await receiver.count();
  const figures = await runScript<Figures>(script, [JSON.stringify(task)]);
  const received = (await receiver.count()) - before;
  if (received !== jobs) throw new Error(`${script}: ${jobs} jobs were done, ${received} requests arrived`);
  return figures;
}

function report(
  results: Results,
  steady: Results,
  { jobs, versions }: World,
  rounds: number,
  skipped: readonly string[],
  quick: boolean,
): string {
  const peers = Object.entries(PEER_VERSIONS).map(([name, version]) => `${name} ${version}`);
  return paragraphs(
    `${jobs} deliveries a round, ${rounds} rounds, ${IN_FLIGHT} in flight. Whole run: from the first job queued to the last result stored. Median [min–max]. ${conditions(...versions, ...peers)}`,
    'CPU is that of all processes: worker, PostgreSQL or Redis; without the receiver.',
    ...skipped,
    spreadTable('', Object.entries(results), RATE_COLUMNS),
    `The two with the least CPU once more, ${jobs * LONGER} deliveries a round:`,
    spreadTable('', Object.entries(steady), RATE_COLUMNS),
    list(lines(results, steady, quick)),
  );
}

type Goal = Parameters<typeof goalLine>[0];

/** Pair by pair, the product against a peer. */
function against(results: Results, peer: string, pick: (one: Figures) => number): Omit<Goal, 'what'> {
  return { values: ratios(results[PRODUCT] ?? [], results[peer] ?? [], pick), digits: 2 };
}

function lines(results: Results, steady: Results, quick: boolean): string[] {
  const cpu = (one: Figures): number => one.cpuMicros;
  const rate = (one: Figures): number => one.perSecond;
  const what = `CPU per delivery against ${GRAPHILE}, its PostgreSQL included`;
  const shown: string[] = [];
  if (GRAPHILE in results) {
    shown.push(goalLine({ what, ...against(steady, GRAPHILE, cpu), atMost: 0.5 }, quick));
    const shorter = { what: `${what}, the shorter run`, ...against(results, GRAPHILE, cpu), atMost: 0.5 };
    shown.push(goalLine(shorter, quick));
  }
  for (const [peer, atLeast] of [
    [BULLMQ_FETCH, 4],
    [BULLMQ_DURABLE, 3],
  ] as const) {
    if (!(peer in results)) continue;
    shown.push(goalLine({ what: `Rate against ${peer}`, ...against(results, peer, rate), atLeast }, quick));
  }
  return shown;
}
