/** kill -9 while deliveries, lanes and endpoints are in each of their states: all of them are in it still, or lawfully further. */

import { readFileSync } from 'node:fs';
import type { DeliveryObject } from '@postrider/contract/schemas/delivery';
import type { EndpointObject } from '@postrider/contract/schemas/endpoint';
import { expect, it } from 'vitest';
import { healthy } from '../../kit/hostile/answers.ts';
import { stopped } from '../../kit/process-watch.ts';
import { ENGINE_KILL_STATES } from './engine-kill-states.ts';
import { deliveriesOf, killStates, WINDOW, Withheld, type KillState } from './kill-states.ts';
import { World, type ChaosLane } from './world.ts';

const PAGE = new URL('../../../../../docs/states.md', import.meta.url);
/** broken: only a damaged row of the database leads there, no call does. */
const ELSEWHERE = ['lane: broken'];
const ENV = { POSTRIDER_PUBLISH_WINDOW: String(WINDOW) };

interface Row {
  state: KillState;
  lane: ChaosLane;
}

it('kill -9 in each state loses nothing and sends nothing that is settled', async () => {
  const world = await World.start({ env: ENV });
  const withheld = new Withheld();
  const rows: Row[] = [];
  for (const [index, state] of [...ENGINE_KILL_STATES, ...killStates(withheld)].entries())
    rows.push(await begin(world, state, index));
  const before = new Map(rows.map(({ lane }) => [lane, lane.path.receipts.length]));
  const waiting = await nextAttempts(world, rows);

  // Standing still, it can read none of the answers that are given now.
  await stopped(world.server.pid);
  withheld.answerAll();
  for (const { lane } of rows) lane.path.behaviour = (exchange) => void (exchange.receipt.said = 'none');
  await world.server.kill();
  await world.restart({ env: ENV });

  for (const { state, lane } of rows) await expectAfter(world, state, lane);
  expect(await nextAttempts(world, rows)).toEqual(waiting);
  await world.server.kill();
  await world.hostile.untilDisconnected();
  for (const { lane } of rows) lane.path.behaviour = healthy;
  await world.restart({ env: ENV });
  for (const { state, lane } of rows) await state.resume?.(world, lane);
  await world.drain(world.lanes, 3_700);
  await expectEnds(world, rows, before);
}, 60_000);

/** Reaches the state, with events that no other lane wants. */
async function begin(world: World, state: KillState, index: number): Promise<Row> {
  const event_type = `custom.state${index}`;
  const lane = await world.lane(`state-${index}`, state.behaviour, {
    event_types: [event_type],
    ...state.settings,
  });
  lane.wants = (type) => type === event_type;
  await state.before?.(world, lane);
  if (state.ofOneMessage === true) {
    const { message_id } = await world.api.send({});
    await world.offered.offerFor(world.api, [message_id], state.events, event_type);
  } else {
    expect(await world.offered.offer(world.api, state.events, event_type)).toBe(true);
  }
  await state.reach(world, lane);
  return { state, lane };
}

/** When what waits for another attempt is due: a kill moves nothing. */
async function nextAttempts(world: World, rows: readonly Row[]): Promise<Record<string, (string | null)[]>> {
  const found: Record<string, (string | null)[]> = {};
  for (const { state, lane } of rows) {
    if (state.name !== 'waiting for the next attempt') continue;
    found[state.name] = (await deliveriesOf(world, lane)).map(({ next_attempt_at }) => next_attempt_at);
  }
  return found;
}

async function expectAfter(world: World, state: KillState, lane: ChaosLane): Promise<void> {
  const { endpoint = 'enabled' } = state;
  const seen = await world.api.get<EndpointObject>(`/v1/endpoints/${lane.endpoint_id}`);
  expect([state.name, seen.status]).toEqual([state.name, endpoint]);
  expect({ [state.name]: countOf(await deliveriesOf(world, lane)) }).toEqual({ [state.name]: state.after });
}

async function expectEnds(
  world: World,
  rows: readonly Row[],
  before: ReadonlyMap<ChaosLane, number>,
): Promise<void> {
  const { faults, counts } = await world.tally({
    states: ['delivered', 'failed', 'discarded'],
    lost: ({ life, said }) => life === 1 && said === 'taken',
  });
  // What was settled before the kill was taken in the first life and must not have come again.
  expect(faults).toEqual([]);
  for (const { state, lane } of rows) {
    const { ends = { delivered: state.events } } = state;
    expect({ [state.name]: counts[lane.path.name] }).toEqual({ [state.name]: ends });
    const isSettled = state.after.pending === undefined && state.after.held === undefined;
    if (isSettled) expect([state.name, lane.path.receipts.length]).toEqual([state.name, before.get(lane)]);
  }
  const held = rows.find(({ state }) => state.after.held === 4)?.lane.path.receipts ?? [];
  expect(held.map(({ event }) => event.seq)).toEqual([1, 2, 3, 4]);
}

function countOf(deliveries: readonly DeliveryObject[]): Partial<Record<DeliveryObject['status'], number>> {
  const groups = Map.groupBy(deliveries, ({ status }) => status);
  return Object.fromEntries([...groups].map(([status, list]) => [status, list.length]));
}

it('the states that are killed in are those of docs/states.md', () => {
  const sections = readFileSync(PAGE, 'utf8').split(/^## /m);
  const written = ['delivery', 'endpoint', 'lane'].flatMap((subject) => {
    const section = sections.find((one) => new RegExp(`^An? ${subject}\\b`).test(one)) ?? '';
    return statesIn(section).map((state) => `${subject}: ${state}`);
  });
  const killedIn = [...ENGINE_KILL_STATES, ...killStates(new Withheld())].flatMap(({ states }) => states);
  expect(written.length).toBeGreaterThan(8);
  expect([...new Set([...killedIn, ...ELSEWHERE])].toSorted()).toEqual([...new Set(written)].toSorted());
});

/** The states that the tables of a section name: under `from` and `to`, or under `state`; other tables name none. */
function statesIn(section: string): string[] {
  const tables = section.match(/(?:^\|.*\n)+/gm) ?? [];
  return tables.flatMap((table) => {
    const [head = [], , ...rows] = table
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()));
    const columns = ['from', 'to', 'state'].map((name) => head.indexOf(name)).filter((at) => at >= 0);
    return rows.flatMap((cells) => columns.flatMap((at) => cells[at] ?? []));
  });
}
