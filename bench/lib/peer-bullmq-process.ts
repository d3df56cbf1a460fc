/** BullMQ as its users assemble it: a queue filled in bulk, a worker with so many jobs at once, five attempts. */

import { importPeer } from './peer-install.ts';
import { runPeer } from './peer-run.ts';

interface Job {
  data: { body: string };
}
interface BullMq {
  Queue: new (
    name: string,
    options: object,
  ) => {
    waitUntilReady(): Promise<unknown>;
    addBulk(jobs: readonly object[]): Promise<unknown>;
    getJobCounts(): Promise<Record<string, number>>;
  };
  Worker: new (
    name: string,
    work: (job: Job) => Promise<number>,
    options: object,
  ) => { on(event: 'error', listener: (error: Error) => void): unknown };
}
interface IoRedis {
  Redis: new (url: string, options: object) => object;
}

const NAME = 'deliveries';
const JOB = { removeOnComplete: true, attempts: 5, backoff: { type: 'exponential', delay: 1000 } };

await runPeer(async ({ folder, server, inFlight }) => {
  const { Queue, Worker } = await importPeer<BullMq>(folder, 'bullmq');
  const { Redis } = await importPeer<IoRedis>(folder, 'ioredis');
  const connect = (): object => new Redis(server.url, { maxRetriesPerRequest: null });
  const queue = new Queue(NAME, { connection: connect() });
  await queue.waitUntilReady();
  return {
    enqueue: async (bodies) => {
      await queue.addBulk(bodies.map((body) => ({ name: 'delivery', data: { body }, opts: JOB })));
    },
    work: async (deliver) => {
      const work = async ({ data }: Job): Promise<number> => {
        await deliver(data.body);
        return 204;
      };
      const worker = new Worker(NAME, work, { connection: connect(), concurrency: inFlight });
      worker.on('error', (error) => console.error(error));
    },
    empty: async () => Object.values(await queue.getJobCounts()).every((n) => n === 0),
  };
});
