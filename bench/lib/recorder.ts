/** The receiver that remembers, seen from the measuring process. */

import { startHelper } from './processes.ts';

export interface RecorderControl {
  /** Everything is answered with 500. */
  down: boolean;
  /** The share of requests answered with 500, at random. */
  fail: number;
}

/** Time (shared clock, ms), `data.order`, `seq`, whether it was taken (1) or failed (0), message id as JSON. */
export type Arrival = [at: number, order: number, seq: number, taken: 0 | 1, message: string];

export interface Recorder {
  url: string;
  control(change: RecorderControl): Promise<void>;
  status(): Promise<{ taken: number; failed: number }>;
  log(): Promise<Arrival[]>;
  stop(): Promise<void>;
}

export async function startRecorder(): Promise<Recorder> {
  const { port, stop } = await startHelper('./recorder-process.ts');
  const base = `http://127.0.0.1:${port}`;
  const get = async (path: string): Promise<unknown> => (await fetch(base + path)).json();
  return {
    url: `${base}/hook`,
    control: async (change) => {
      await fetch(`${base}/control`, { method: 'POST', body: JSON.stringify(change) });
    },
    status: async () => (await get('/status')) as { taken: number; failed: number },
    log: async () => (await get('/log')) as Arrival[],
    stop,
  };
}

/** Where in the log of what was taken something comes after what should have followed it, within the same group. */
export function inversions(arrivals: readonly Arrival[], group: (arrival: Arrival) => string): number {
  const highest = new Map<string, number>();
  let found = 0;
  for (const arrival of arrivals) {
    const [, , seq, taken] = arrival;
    if (taken === 0) continue;
    const before = highest.get(group(arrival)) ?? 0;
    if (seq < before) found++;
    else highest.set(group(arrival), seq);
  }
  return found;
}

/** Throws unless every `data.order` from 0 to `events - 1` was taken; returns how many were taken twice. */
export function tallyOrders(arrivals: readonly Arrival[], events: number): number {
  const taken = arrivals.filter((arrival) => arrival[3] === 1).map((arrival) => arrival[1]);
  const distinct = new Set(taken);
  for (let order = 0; order < events; order++)
    if (!distinct.has(order)) throw new Error(`event ${order} of ${events} was never taken: LOST`);
  if (distinct.size !== events) throw new Error(`${distinct.size - events} events arrived that nobody sent`);
  return taken.length - distinct.size;
}
