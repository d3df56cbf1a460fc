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
    return report(await alternate(rounds, sides, showFigures), world, rounds, skipped, options.quick);
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
    list(goals(results).map((goal) => goalLine(goal, quick))),
  );
}

function goals(results: Results): Parameters<typeof goalLine>[0][] {
  const against = (peer: string, pick: (one: Figures) => number): { values: number[]; digits: number } => ({
    values: ratios(results[PRODUCT] ?? [], results[peer] ?? [], pick),
    digits: 2,
  });
  const all = [
    {
      what: `CPU per delivery against ${GRAPHILE}, its PostgreSQL included`,
      ...against(GRAPHILE, (one) => one.cpuMicros),
      atMost: 0.5,
    },
    { what: `Rate against ${BULLMQ_FETCH}`, ...against(BULLMQ_FETCH, (one) => one.perSecond), atLeast: 4 },
    {
      what: `Rate against ${BULLMQ_DURABLE}`,
      ...against(BULLMQ_DURABLE, (one) => one.perSecond),
      atLeast: 3,
    },
  ];
  const measured = [GRAPHILE, BULLMQ_FETCH, BULLMQ_DURABLE].map((peer) => peer in results);
  return all.filter((_, n) => measured[n]);
}
