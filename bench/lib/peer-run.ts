/**
 * What the processes of all peers share: the signed request that each makes of a job, as our endpoints get it, and
 * the measurement, from the first job queued to the last one done with. Each peer is a process of its own, that gets
 * a `PeerTask` as JSON and prints its figures as one JSON line.
 */

import { createHmac, createSecretKey } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import type { Figures } from './drive.ts';
import { payload } from './payload.ts';
import { treeCpuMicros } from './process-figures.ts';
import { until } from './wait.ts';

export interface PeerTask {
  /** Where the peers are installed. */
  folder: string;
  /** Of the peer's PostgreSQL or Redis. */
  server: { pid: number; url: string };
  /** Where the requests go. */
  url: string;
  jobs: number;
  inFlight: number;
  client: 'fetch' | 'undici';
}

export interface Peer {
  /** Queues jobs, each with an envelope for its body, in one call. */
  enqueue(bodies: readonly string[]): Promise<void>;
  /** Begins to work: `deliver` is what a job does. */
  work(deliver: (body: string) => Promise<void>): Promise<void>;
  /** Nothing is left in the queue: every result is stored. */
  empty(): Promise<boolean>;
}

/** Jobs in one call: more were no faster for any of them. */
const BULK = 500;
/** For what the peer's server does after its last answer. */
const SETTLE_MS = 300;
const USER_AGENT = 'peer/1';

export async function runPeer(start: (task: PeerTask) => Promise<Peer>): Promise<void> {
  const task = JSON.parse(process.argv[2] ?? '{}') as PeerTask;
  const { jobs } = task;
  const peer = await start(task);
  let done = 0;
  const post = createPost(task);
  const deliver = async (body: string): Promise<void> => {
    await post(body);
    done++;
  };
  const cpuBefore = treeCpuMicros(task.server.pid);
  const own = process.cpuUsage();
  const begun = performance.now();
  await enqueueAll(peer, jobs);
  await peer.work(deliver);
  await until('every job is done', async () => done >= jobs && (await peer.empty()), undefined, 5);
  const seconds = (performance.now() - begun) / 1000;
  const used = process.cpuUsage(own);
  await sleep(SETTLE_MS);
  const cpu = used.user + used.system + treeCpuMicros(task.server.pid) - cpuBefore;
  console.log(JSON.stringify({ perSecond: jobs / seconds, cpuMicros: cpu / jobs } satisfies Figures));
  process.exit(0);
}

async function enqueueAll(peer: Peer, jobs: number): Promise<void> {
  for (let first = 0; first < jobs; first += BULK) {
    const size = Math.min(BULK, jobs - first);
    await peer.enqueue(Array.from({ length: size }, (_, i) => payload(first + i)));
  }
}

function createPost({ url, client, inFlight }: PeerTask): (body: string) => Promise<void> {
  const { origin, pathname } = new URL(url);
  const pool = new Pool(origin, { connections: inFlight, allowH2: false });
  const key = createSecretKey(Buffer.from('0123456789abcdef0123456789abcdef'));
  let made = 0;
  return async (body) => {
    const headers = sign(key, `evt_${String(made++).padStart(26, '0')}`, body);
    if (client === 'fetch') {
      const response = await fetch(url, { method: 'POST', headers, body });
      await response.arrayBuffer();
      if (response.status !== 204) throw new Error(`status ${response.status}`);
      return;
    }
    const response = await pool.request({ method: 'POST', path: pathname, headers, body });
    await response.body.dump();
    if (response.statusCode !== 204) throw new Error(`status ${response.statusCode}`);
  };
}

/** As Standard Webhooks says, and as our own requests are. */
function sign(key: ReturnType<typeof createSecretKey>, id: string, body: string): Record<string, string> {
  const timestamp = String(Math.floor(Date.now() / 1000));
  const signature = createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64');
  return {
    'content-type': 'application/json',
    'user-agent': USER_AGENT,
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${signature}`,
  };
}
