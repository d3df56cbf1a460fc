/** A closed loop: so many clients, each sending its next request when the one before is answered. */

import { quantile } from './statistics.ts';

export interface LoopFigures {
  perSecond: number;
  /** Of one request, in ms. */
  p50: number;
  p99: number;
}

export interface LoopOptions {
  clients: number;
  /** Requests in all. */
  requests: number;
  /** Items in one request. */
  items: number;
}

/** `client` opens one client and resolves to its `send`; `requests` calls of those are made in all. */
export async function closedLoop(
  { clients, requests, items }: LoopOptions,
  client: () => Promise<() => Promise<void>>,
): Promise<LoopFigures> {
  const sends = await Promise.all(Array.from({ length: clients }, client));
  const latencies = new Float64Array(requests);
  let next = 0;
  const begun = performance.now();
  await Promise.all(
    sends.map(async (send) => {
      while (next < requests) {
        const n = next++;
        const from = performance.now();
        await send();
        latencies[n] = performance.now() - from;
      }
    }),
  );
  const seconds = (performance.now() - begun) / 1000;
  latencies.sort();
  return {
    perSecond: (requests * items) / seconds,
    p50: quantile(latencies, 0.5),
    p99: quantile(latencies, 0.99),
  };
}
