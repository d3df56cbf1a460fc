/**
 * Every event in exactly one honest place: what the doors accepted, what the API says of each delivery, and what the
 * receiver got and answered are three records, compared with one another.
 */

import type { DeliveryObject } from '@postrider/contract/schemas/delivery';
import type { Api } from './api.ts';
import type { HostilePath } from './hostile/hostile-server.ts';
import type { Receipt } from './hostile/receipt.ts';

type Status = DeliveryObject['status'];

export interface TalliedLane {
  endpoint_id: string;
  path: Pick<HostilePath, 'name' | 'receipts'>;
  /** Whether this endpoint asked for events of this type; all of them when absent. */
  wants?: ((event_type: string) => boolean) | undefined;
}

export interface TallyRules {
  /** States in which a delivery may be found. */
  states: readonly Status[];
  /** Whether what a receipt says may never have reached the sender; only doubtful answers when absent. */
  lost?: (receipt: Receipt) => boolean;
}

export interface Places {
  /** Everything that is wrong. */
  faults: string[];
  /** By the name of the path: deliveries in each state. */
  counts: Record<string, Partial<Record<Status, number>>>;
  /** Events taken more than once, each after an acknowledgement that may have been lost. */
  doubled: number;
}

/** Beyond these a list of faults tells nothing more. */
const FAULTS_SHOWN = 30;

/**
 * Compares for all of `lanes`. What is under way must have come to rest, for the three records to be of one moment.
 * Events that were never acknowledged to the application count from the log on: they need their deliveries too.
 */
export async function honestPlaces(
  api: Pick<Api, 'events' | 'deliveries'>,
  accepted: readonly string[],
  lanes: readonly TalliedLane[],
  { states, lost = isDoubtful }: TallyRules,
): Promise<Places> {
  const log = await api.events();
  const known = new Set(log.map(({ event_id }) => event_id));
  const faults = accepted
    .filter((id) => !known.has(id))
    .map((id) => `LOST: accepted ${id} is not in the log`);
  const places: Places = { faults, counts: {}, doubled: 0 };
  if (known.size !== log.length) faults.push('the log has an event twice');
  for (const lane of lanes) {
    const wants = lane.wants ?? (() => true);
    const wanted = log.filter(({ event_type }) => wants(event_type)).map(({ event_id }) => event_id);
    const deliveries = await api.deliveries(`?endpoint_id=${lane.endpoint_id}`);
    const say = (fault: string): void => void faults.push(`${lane.path.name}: ${fault}`);
    placedOnce(new Set(wanted), deliveries, say);
    places.counts[lane.path.name] = countByStatus(deliveries, states, say);
    places.doubled += compareWithReceipts(deliveries, lane.path.receipts, lost, say);
  }
  faults.splice(FAULTS_SHOWN);
  return places;
}

function placedOnce(
  wanted: ReadonlySet<string>,
  deliveries: readonly DeliveryObject[],
  say: (fault: string) => void,
): void {
  const placed = new Set<string>();
  for (const { event_id } of deliveries) {
    if (placed.has(event_id)) say(`two deliveries of ${event_id}`);
    if (!wanted.has(event_id)) say(`a delivery of ${event_id}, which is not wanted or does not exist`);
    placed.add(event_id);
  }
  for (const id of wanted) if (!placed.has(id)) say(`LOST: no delivery of ${id}`);
  const seqs = deliveries.map(({ seq }) => seq).sort((a, b) => a - b);
  const gap = seqs.findIndex((seq, index) => seq !== index + 1);
  if (gap >= 0) say(`seq ${seqs[gap]} where ${gap + 1} is due`);
}

function countByStatus(
  deliveries: readonly DeliveryObject[],
  states: readonly Status[],
  say: (fault: string) => void,
): Partial<Record<Status, number>> {
  const counts: Partial<Record<Status, number>> = {};
  for (const { event_id, status } of deliveries) {
    counts[status] = (counts[status] ?? 0) + 1;
    if (!states.includes(status)) say(`${event_id} is ${status}`);
  }
  return counts;
}

/** Resolves to how many were taken again after an acknowledgement that was lost. */
function compareWithReceipts(
  deliveries: readonly DeliveryObject[],
  receipts: readonly Receipt[],
  lost: (receipt: Receipt) => boolean,
  say: (fault: string) => void,
): number {
  const byEvent = Map.groupBy(receipts, ({ event_id }) => event_id);
  const known = new Set(deliveries.map(({ event_id }) => event_id));
  let doubled = 0;
  for (const id of byEvent.keys()) if (!known.has(id)) say(`got ${id}, of which there is no delivery`);
  for (const { event_id, seq, status } of deliveries) {
    const got = byEvent.get(event_id) ?? [];
    const yes = got.filter(({ said }) => said === 'taken' || said === 'doubtful');
    const sure = yes.filter((receipt) => !lost(receipt));
    if (status === 'delivered' && yes.length === 0) say(`${event_id} is delivered, and nobody took it`);
    if (status !== 'delivered' && sure.length > 0) say(`${event_id} was taken, and is ${status}`);
    for (const again of got) {
      if (again.event.seq !== seq) say(`${event_id} came as seq ${again.event.seq}, and is ${seq}`);
      const before = sure.find(({ number }) => number < again.number);
      if (before !== undefined) say(`doubled: ${event_id}, taken by request ${before.number}, came again`);
    }
    if (yes.length > 1) doubled++;
  }
  return doubled;
}

function isDoubtful({ said }: Receipt): boolean {
  return said === 'doubtful';
}
