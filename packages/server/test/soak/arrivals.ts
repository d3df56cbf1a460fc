/** What arrived at the endpoints against what exists: nothing missing, and a reason for every duplicate. */

import type { SeenEvent } from './api-tally.ts';
import type { ReceivingEndpoint } from './receivers.ts';

interface Duplicate {
  endpoint: string;
  event_id: string;
  /** Wall clock of both, ms. */
  first_at: number;
  again_at: number;
  /** The kill that took the acknowledgement; null when there is none to blame. */
  kill: number | null;
}

export interface Arrivals {
  lines: {
    endpoint: string;
    wanted: number;
    arrived: number;
    duplicates: number;
    refused: number;
    hanging: number;
  }[];
  duplicates: Duplicate[];
  faults: string[];
}

/** `unsettled[k]`: what the snapshot after kill `k` found acknowledged and not committed. Life `k` ends in kill `k`. */
export function tallyArrivals(
  events: readonly SeenEvent[],
  endpoints: readonly ReceivingEndpoint[],
  unsettled: ReadonlyMap<number, ReadonlyMap<ReceivingEndpoint, ReadonlySet<string>>>,
): Arrivals {
  const result: Arrivals = { lines: [], duplicates: [], faults: [] };
  for (const endpoint of endpoints) {
    const wanted = new Set(
      events.filter(({ event_type }) => endpoint.plan.wants(event_type)).map(({ event_id }) => event_id),
    );
    const duplicates = duplicatesOf(endpoint, unsettled);
    result.duplicates.push(...duplicates);
    let arrived = 0;
    for (const id of endpoint.taken.keys()) {
      if (wanted.has(id)) arrived++;
      else
        result.faults.push(`${endpoint.plan.name} got ${id}, which does not exist or which it does not want`);
    }
    if (endpoint.plan.drains) {
      for (const id of wanted)
        if (!endpoint.taken.has(id)) result.faults.push(`LOST: ${id} never arrived at ${endpoint.plan.name}`);
    }
    const { refused, hanging, plan } = endpoint;
    const line = { endpoint: plan.name, wanted: wanted.size, arrived, refused, hanging };
    result.lines.push({ ...line, duplicates: duplicates.length });
  }
  for (const { endpoint, event_id, kill } of result.duplicates)
    if (kill === null)
      result.faults.push(`doubled without a lost acknowledgement: ${event_id} at ${endpoint}`);
  return result;
}

function duplicatesOf(
  endpoint: ReceivingEndpoint,
  unsettled: ReadonlyMap<number, ReadonlyMap<ReceivingEndpoint, ReadonlySet<string>>>,
): Duplicate[] {
  const duplicates: Duplicate[] = [];
  for (const [event_id, times] of endpoint.taken) {
    for (let i = 1; i < times.length; i++) {
      const first = times[i - 1] as (typeof times)[number];
      const again = times[i] as (typeof times)[number];
      // Only the end of the life in which it was taken can have cost the acknowledgement.
      const isLost =
        again.life > first.life && unsettled.get(first.life)?.get(endpoint)?.has(event_id) === true;
      const kill = isLost ? first.life : null;
      const { name } = endpoint.plan;
      duplicates.push({ endpoint: name, event_id, first_at: first.at, again_at: again.at, kill });
    }
  }
  return duplicates;
}
