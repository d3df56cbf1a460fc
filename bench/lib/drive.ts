/** Healthy lanes at full load: batches in by HTTP, signed requests out, results on disk. */

import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { Pool } from 'undici';
import { data } from './payload.ts';
import { cpuMicros, peakMb } from './process-figures.ts';
import type { Product } from './product.ts';
import type { Receiver } from './receiver.ts';
import { until } from './wait.ts';

export interface Figures {
  perSecond: number;
  /** Of the whole process, per delivery. */
  cpuMicros: number;
}
export interface ProductFigures extends Figures {
  peakMb: number;
}
export interface Lane {
  endpoint_id: string;
  event_type: string;
}

/** Requests in flight over all healthy lanes. */
export const IN_FLIGHT = 64;
export const BATCH = 100;
/** Batches on their way at once: enough that the door never waits for the one before. */
const CLIENTS = 4;
const RETRY_MS = 50;

/** Endpoints that share `IN_FLIGHT`, each with a type of event that no other endpoint gets. */
export async function addLanes(product: Product, url: string, count: number): Promise<Lane[]> {
  const name = randomBytes(4).toString('hex');
  const lanes: Lane[] = [];
  for (let n = 0; n < count; n++) {
    const event_type = `custom.bench_${name}.lane_${n}`;
    const { endpoint_id } = await product.call('POST', '/v1/endpoints', {
      url,
      event_types: [event_type],
      max_in_flight: Math.max(1, Math.floor(IN_FLIGHT / count)),
    });
    lanes.push({ endpoint_id: endpoint_id as string, event_type });
  }
  return lanes;
}

/**
 * `events` through the lanes in turn. Throws unless exactly that many requests arrived and every result was stored.
 * The rate ends with the last arrival, the CPU with the last result.
 */
export async function drive(
  product: Product,
  receiver: Receiver,
  lanes: readonly Lane[],
  events: number,
): Promise<ProductFigures> {
  const before = await receiver.count();
  const cpuBefore = cpuMicros([product.pid]);
  const begun = performance.now();
  const event = (n: number): unknown => ({
    event_type: (lanes[n % lanes.length] as Lane).event_type,
    data: data(n),
  });
  await Promise.all([
    sendBatches(product, events, event),
    until('every event arrived', async () => (await receiver.count()) - before >= events),
  ]);
  const seconds = (performance.now() - begun) / 1000;
  await untilSettled(product, lanes);
  const cpu = cpuMicros([product.pid]) - cpuBefore;
  const received = (await receiver.count()) - before;
  if (received !== events) throw new Error(`${events} events went in, ${received} requests arrived`);
  return { perSecond: events / seconds, cpuMicros: cpu / events, peakMb: peakMb(product.pid) };
}

/** `event` makes the body of the nth one. */
export async function sendBatches(
  product: Product,
  events: number,
  event: (n: number) => unknown,
  clients = CLIENTS,
): Promise<void> {
  const pool = new Pool(product.http, { connections: clients });
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < events) {
      const first = next;
      next += BATCH;
      const size = Math.min(BATCH, events - first);
      const batch = Array.from({ length: size }, (_, i) => event(first + i));
      await post(pool, product.keys.sandbox, '/v1/events', JSON.stringify({ events: batch }));
    }
  };
  try {
    await Promise.all(Array.from({ length: clients }, client));
  } finally {
    await pool.close();
  }
}

/** A refusal under backpressure is part of the contract: the same request goes again. */
export async function post(pool: Pool, key: string, path: string, body: string): Promise<string> {
  for (;;) {
    const headers = { authorization: `Bearer ${key}`, 'content-type': 'application/json' };
    const answer = await pool.request({ method: 'POST', path, headers, body });
    const text = await answer.body.text();
    if (answer.statusCode === 202) return text;
    if (answer.statusCode !== 503) throw new Error(`${path}: ${answer.statusCode} ${text.slice(0, 500)}`);
    await sleep(RETRY_MS);
  }
}

/** Results too belong to the work: they are on disk before the CPU is read. */
export async function untilSettled(
  product: Product,
  lanes: readonly { endpoint_id: string }[],
): Promise<void> {
  for (const { endpoint_id } of lanes) {
    for (const status of ['pending', 'held']) {
      const query = `/v1/deliveries?status=${status}&endpoint_id=${endpoint_id}&limit=1`;
      await until(`${endpoint_id} has nothing ${status}`, async () => {
        const { data: waiting } = await product.call('GET', query);
        return (waiting as unknown[]).length === 0;
      });
    }
  }
}

export function showFigures({ perSecond, cpuMicros }: Figures): string {
  return `${Math.round(perSecond)}/s, ${cpuMicros.toFixed(1)} µs`;
}
