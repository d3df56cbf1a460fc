/**
 * Every state of docs/states.md as something to be in the middle of when the process is killed: how to get there, and
 * what must be so right after the restart. Each row has a lane of its own; one kill meets them all.
 */

import type { DeliveryObject } from '@postrider/contract/schemas/delivery';
import type { EndpointCreateBody, EndpointObject } from '@postrider/contract/schemas/endpoint';
import { gone, healthy, refusing } from '../../kit/hostile/answers.ts';
import type { Behaviour, Exchange } from '../../kit/hostile/exchange.ts';
import { hanging } from '../../kit/hostile/silence.ts';
import { limit } from '../../kit/resource-limits.ts';
import { waitFor } from '../../kit/wait.ts';
import type { ChaosLane, World } from './world.ts';

export interface KillState {
  name: string;
  /** As the tables of docs/states.md call it: `delivery: held`, `lane: on hold`, `endpoint: disabled`. */
  states: readonly string[];
  events: number;
  /** All of them are about one message. */
  ofOneMessage?: boolean;
  settings?: Partial<EndpointCreateBody>;
  behaviour: Behaviour;
  /** Events are offered after this… */
  before?: (world: World, lane: ChaosLane) => Promise<void>;
  /** …and this resolves once the state is reached, for good. */
  reach: (world: World, lane: ChaosLane) => Promise<void>;
  /** How many deliveries of each status there are after the restart. */
  after: Partial<Record<DeliveryObject['status'], number>>;
  endpoint?: EndpointObject['status'];
  /** What the drained lane ends in; `delivered` when absent. */
  ends?: Partial<Record<DeliveryObject['status'], number>>;
  /** What to do after the restart, so that it can drain. */
  resume?: (world: World, lane: ChaosLane) => Promise<void>;
}

const HOUR_S = 3_600;
/** Smaller than what the parked lane is given. */
export const WINDOW = 20;
const LATER: Partial<EndpointCreateBody> = { retry_schedule: [HOUR_S, HOUR_S] };
const UNTIL_KILLED: Partial<EndpointCreateBody> = { timeout_ms: 30_000, max_in_flight: 1 };

/** Requests that were read and are answered only when the test says so. */
export class Withheld {
  readonly exchanges: Exchange[] = [];
  readonly behaviour: Behaviour = (exchange) => void this.exchanges.push(exchange);

  answerAll(): void {
    for (const exchange of this.exchanges.splice(0)) healthy(exchange);
  }
}

export function deliveriesOf(world: World, { endpoint_id }: ChaosLane): Promise<DeliveryObject[]> {
  return world.api.deliveries(`?endpoint_id=${endpoint_id}`);
}

/** Resolves once `count` deliveries have been attempted, and are `status`. */
async function attempted(world: World, lane: ChaosLane, status: string, count: number): Promise<void> {
  await waitFor(`${count} ${status} deliveries of ${lane.path.name}`, async () => {
    const deliveries = await deliveriesOf(world, lane);
    return deliveries.filter((one) => one.status === status && one.attempts_made > 0).length === count;
  });
}

async function command(world: World, { endpoint_id }: ChaosLane, verb: string): Promise<void> {
  await world.api.post(`/v1/endpoints/${endpoint_id}/${verb}`);
}

async function eachDelivery(world: World, lane: ChaosLane, verb: string): Promise<void> {
  for (const { delivery_id } of await deliveriesOf(world, lane))
    await world.api.post(`/v1/deliveries/${delivery_id}/${verb}`);
}

/** A 410 that the store cannot be told of: nothing can be written any more, so this row is the last one. */
function goneUntold(): KillState {
  const untold = new Withheld();
  return {
    name: 'said 410, and the store does not know',
    states: ['lane: gone'],
    events: 1,
    settings: { timeout_ms: 30_000 },
    behaviour: untold.behaviour,
    reach: async (world, { path }) => {
      await path.untilRequests(1);
      limit(world.server.pid, 'fsize', 1);
      for (const exchange of untold.exchanges) gone(exchange);
      await waitFor('a try to disable', () => world.server.output.includes('endpoint could not be disabled'));
    },
    after: { pending: 1 },
  };
}

/** `withheld`: what the row of unsettled answers keeps back until the process stands still. */
export function killStates(withheld: Withheld): KillState[] {
  return [
    {
      name: 'waiting for the first attempt',
      states: ['delivery: pending', 'lane: live', 'endpoint: enabled'],
      events: 5,
      settings: UNTIL_KILLED,
      behaviour: hanging,
      reach: (_world, { path }) => path.untilRequests(1),
      after: { pending: 5 },
    },
    {
      name: 'waiting for the next attempt',
      states: ['delivery: pending'],
      events: 3,
      settings: LATER,
      behaviour: refusing(500),
      reach: (world, lane) => attempted(world, lane, 'pending', 3),
      after: { pending: 3 },
    },
    {
      name: 'in flight',
      states: ['delivery: pending'],
      events: 1,
      settings: UNTIL_KILLED,
      behaviour: hanging,
      reach: (_world, { path }) => path.untilRequests(1),
      after: { pending: 1 },
    },
    {
      name: 'answered and not settled',
      states: ['delivery: pending'],
      events: 2,
      settings: { timeout_ms: 30_000 },
      behaviour: withheld.behaviour,
      reach: (_world, { path }) => path.untilRequests(2),
      after: { pending: 2 },
    },
    {
      name: 'parked behind a full window',
      states: ['lane: parked'],
      events: WINDOW * 3,
      settings: UNTIL_KILLED,
      behaviour: hanging,
      reach: (_world, { path }) => path.untilRequests(1),
      after: { pending: WINDOW * 3 },
    },
    {
      name: 'held because the endpoint is disabled',
      states: ['delivery: held', 'lane: disabled', 'endpoint: disabled'],
      events: 4,
      settings: { max_in_flight: 1 },
      behaviour: healthy,
      before: (world, lane) => command(world, lane, 'disable'),
      reach: async () => {},
      after: { held: 4 },
      endpoint: 'disabled',
      resume: (world, lane) => command(world, lane, 'enable'),
    },
    {
      name: 'disabled by a 410',
      states: ['delivery: held', 'endpoint: disabled'],
      events: 2,
      behaviour: gone,
      reach: (world, lane) =>
        waitFor('end of the endpoint', async () => {
          const { status } = await world.api.get<EndpointObject>(`/v1/endpoints/${lane.endpoint_id}`);
          return status === 'disabled';
        }).then(() => undefined),
      after: { held: 2 },
      endpoint: 'disabled',
      resume: (world, lane) => command(world, lane, 'enable'),
    },
    {
      name: 'dead letter',
      states: ['delivery: failed'],
      events: 2,
      settings: { retry_schedule: [] },
      behaviour: refusing(500),
      reach: (world, lane) => attempted(world, lane, 'failed', 2),
      after: { failed: 2 },
      ends: { failed: 2 },
    },
    {
      name: 'put back from the dead letters',
      states: ['delivery: pending'],
      events: 2,
      settings: { retry_schedule: [], timeout_ms: 30_000 },
      behaviour: refusing(500),
      reach: async (world, lane) => {
        await attempted(world, lane, 'failed', 2);
        lane.path.behaviour = hanging;
        await eachDelivery(world, lane, 'retry');
        await lane.path.untilRequests(4);
      },
      after: { pending: 2 },
    },
    {
      name: 'discarded',
      states: ['delivery: discarded'],
      events: 2,
      settings: LATER,
      behaviour: refusing(500),
      reach: async (world, lane) => {
        await attempted(world, lane, 'pending', 2);
        await eachDelivery(world, lane, 'discard');
      },
      after: { discarded: 2 },
      ends: { discarded: 2 },
    },
    {
      name: 'delivered',
      states: ['delivery: delivered', 'lane: live'],
      events: 3,
      behaviour: healthy,
      reach: (world, lane) => attempted(world, lane, 'delivered', 3),
      after: { delivered: 3 },
    },
    {
      name: 'waiting for an earlier delivery of its message',
      states: ['delivery: pending'],
      events: 6,
      ofOneMessage: true,
      settings: { ordering: 'message', timeout_ms: 30_000 },
      behaviour: hanging,
      reach: (_world, { path }) => path.untilRequests(1),
      after: { pending: 6 },
    },
    {
      name: 'replayed and under way again',
      states: ['delivery: pending'],
      events: 3,
      settings: { timeout_ms: 30_000 },
      behaviour: healthy,
      reach: async (world, lane) => {
        await waitFor('an empty queue', async () => (await world.stats(lane)).pending === 0);
        lane.path.behaviour = hanging;
        await world.api.post('/v1/replays', { endpoint_id: lane.endpoint_id, status: 'all' });
        await lane.path.untilRequests(5);
      },
      after: { pending: 3 },
    },
    goneUntold(),
  ];
}
