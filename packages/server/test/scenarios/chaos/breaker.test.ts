/**
 * An endpoint that only fails is left alone, asked again every five minutes, and given everything as soon as it is
 * back; it is never switched off in silence (DESIGN 5.6 and 5.7).
 */

import type { PushedEnvelope } from '@postrider/contract/events';
import type { EndpointObject } from '@postrider/contract/schemas/endpoint';
import { beforeEach, describe, expect, it, vi } from 'vitest';
import { healthy, refusing } from '../../kit/hostile/answers.ts';
import { waitFor } from '../../kit/wait.ts';
import { deliveriesOf } from './kill-states.ts';
import { SIZES, WITHIN_MS } from './sizes.ts';
import { World, type ChaosLane } from './world.ts';

const HOUR_S = 3_600;
const PROBE_S = 300;
/** Distinct deliveries that fail in a row until the breaker opens. */
const OPENS_AFTER = 20;
const EVENTS = 50;
/** More than the eight hours that six attempts take. */
const HOLD_H = SIZES.hold_hours;
/** Later than that. */
const DISABLED_AFTER_DAYS = Math.ceil(HOLD_H / 24);
const ENV = {
  POSTRIDER_PUBLISH_MAX_HOLD_HOURS: String(HOLD_H),
  POSTRIDER_PUBLISH_DISABLE_AFTER_DAYS: String(DISABLED_AFTER_DAYS + 1),
};
/** The schedule of API.md: what a lane is given that does not ask for another. */
const DEFAULT_SCHEDULE = [30, 300, 1_800, 7_200, 18_000];

let world: World;
let operations: ChaosLane;

/** A lane that fails, and one that hears of it. */
async function failing(settings: object = {}): Promise<ChaosLane> {
  operations = await world.lane('operations', healthy, { event_types: ['endpoint.*', 'delivery.*'] });
  operations.wants = (type) => /^(endpoint|delivery)\./.test(type);
  return world.lane('failing', refusing(500), { retry_schedule: DEFAULT_SCHEDULE, ...settings });
}

async function opened(lane: ChaosLane): Promise<void> {
  await waitFor('an open breaker', async () => (await world.stats(lane)).breaker === 'open');
}

/** Operational events of this type that the other lane was told. */
function told(event_type: string): PushedEnvelope[] {
  return operations.path.receipts
    .filter(({ said, event }) => said === 'taken' && event.event_type === event_type)
    .map(({ event }) => event);
}

async function untilTold(event_type: string): Promise<PushedEnvelope> {
  await waitFor(event_type, () => told(event_type).length > 0);
  return told(event_type)[0] as PushedEnvelope;
}

async function statuses(lane: ChaosLane): Promise<Record<string, number>> {
  const groups = Map.groupBy(await deliveriesOf(world, lane), ({ status }) => status);
  return Object.fromEntries([...groups].map(([status, list]) => [status, list.length]));
}

vi.setConfig({ testTimeout: WITHIN_MS });

describe('a breaker', () => {
  beforeEach(async () => {
    world = await World.start({ env: ENV });
  });

  it('opens after 20 distinct failures, holds what is due, is probed every five minutes, gives up in the end', async () => {
    const lane = await failing();
    expect(await world.offered.offer(world.api, EVENTS)).toBe(true);
    await opened(lane);
    const { data } = await untilTold('endpoint.failing');
    expect(data).toMatchObject({ endpoint_id: lane.endpoint_id, last_status: 500, probable_cause: null });
    const tried = new Set(lane.path.receipts.map(({ event_id }) => event_id)).size;
    expect(tried).toBeGreaterThanOrEqual(OPENS_AFTER);
    // What was in flight already when the twentieth failed, and no more.
    expect(tried).toBeLessThanOrEqual(OPENS_AFTER + 2);
    expect(await statuses(lane)).toEqual({ held: EVENTS });

    const before = lane.path.receipts.length;
    const probes = (): number => lane.path.receipts.length - before;
    await world.api.advance(HOUR_S);
    expect(probes()).toBeGreaterThanOrEqual(HOUR_S / PROBE_S - 2);
    expect(probes()).toBeLessThanOrEqual(HOUR_S / PROBE_S + 1);
    // Far beyond the eight hours in which six attempts would have been made: probes use nobody's attempts.
    await world.api.advance((HOLD_H - 2) * HOUR_S);
    expect(await statuses(lane)).toEqual({ held: EVENTS });
    expect(probes()).toBeLessThanOrEqual((HOLD_H * HOUR_S) / PROBE_S);
    expect(told('endpoint.failing')).toHaveLength(1);
    expect(told('delivery.failed')).toEqual([]);

    await world.api.advance(2 * HOUR_S);
    await waitFor('dead letters', async () => (await statuses(lane))['failed'] === EVENTS);
    const isToldOfAll = (): boolean => told('delivery.failed').length === EVENTS;
    await waitFor('word of each of them', isToldOfAll);
    expect(lane.path.receipts.some(({ event }) => event.event_type.startsWith('endpoint.'))).toBe(false);
    const { faults } = await world.tally({ states: ['failed', 'delivered'] });
    expect(faults).toEqual([]);
  });

  it('19 failures and a success in between do not open it', async () => {
    const lane = await failing({ max_in_flight: 1 });
    const bad = refusing(500);
    // One in twenty goes well: there are never twenty failures in a row.
    lane.path.behaviour = (exchange) =>
      (exchange.receipt.number % OPENS_AFTER === 0 ? healthy : bad)(exchange);
    expect(await world.offered.offer(world.api, EVENTS)).toBe(true);
    await lane.path.untilRequests(EVENTS);
    expect((await world.stats(lane)).breaker).toBe('closed');
    expect(told('endpoint.failing')).toEqual([]);
  });

  it('days of failure disable the endpoint, with an event; enabling drains what is held in seq order', async () => {
    const lane = await failing({ max_in_flight: 1 });
    expect(await world.offered.offer(world.api, EVENTS)).toBe(true);
    await opened(lane);
    for (let day = 0; day <= DISABLED_AFTER_DAYS + 1; day++) {
      await world.api.advance(24 * HOUR_S);
      expect(await world.offered.offer(world.api, 5)).toBe(true);
    }
    const disabled = await untilTold('endpoint.disabled');
    expect(disabled.data).toMatchObject({ endpoint_id: lane.endpoint_id });
    const endpoint = await world.api.get<EndpointObject>(`/v1/endpoints/${lane.endpoint_id}`);
    expect(endpoint.status).toBe('disabled');
    expect(endpoint.disabled_reason).toBeTruthy();
    const before = lane.path.receipts.length;
    expect(await world.offered.offer(world.api, EVENTS)).toBe(true);
    const held = (await statuses(lane))['held'] ?? 0;
    expect(held).toBeGreaterThanOrEqual(EVENTS);
    expect(lane.path.receipts).toHaveLength(before);

    lane.path.behaviour = healthy;
    await world.api.post(`/v1/endpoints/${lane.endpoint_id}/enable`);
    await lane.path.untilTaken(held);
    const seqs = lane.path.receipts.slice(before).map(({ event }) => event.seq);
    expect(seqs).toEqual(seqs.toSorted((a, b) => a - b));
    const { faults } = await world.tally({ states: ['failed', 'delivered'] });
    expect(faults).toEqual([]);
  });

  it('401 and 403 in a row are named as a secret that probably does not match', async () => {
    const lane = await failing();
    lane.path.behaviour = refusing(401);
    expect(await world.offered.offer(world.api, EVENTS)).toBe(true);
    const { data } = await untilTold('endpoint.failing');
    expect(data).toMatchObject({ last_status: 401, probable_cause: 'secret_mismatch' });
  });
});
