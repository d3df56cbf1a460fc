/** The soak's own judgement: each kind of fault it is there to see, made by hand, is seen. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it, onTestFinished } from 'vitest';
import { waitFor } from '../kit/wait.ts';
import { startTestServer } from '../kit/test-server.ts';
import { DATABASE_FILE } from '../../src/store/sqlite/database.ts';
import { Api } from '../kit/api.ts';
import { tallyApi } from './api-tally.ts';
import { tallyArrivals } from './arrivals.ts';
import { ENDPOINTS, type PlannedEndpoint } from './endpoints-plan.ts';
import { Ledger } from './ledger.ts';
import { seeded } from './random.ts';
import { Receivers, ReceivingEndpoint } from './receivers.ts';
import { Snapshots } from './snapshot.ts';

const PLAN = ENDPOINTS[0] as PlannedEndpoint;
const MAIL = ENDPOINTS[1] as PlannedEndpoint;
const EVENT = { event_id: 'evt_1', event_type: 'custom.order.paid' };

function endpoint(...lives: number[]): ReceivingEndpoint {
  const receiving = new ReceivingEndpoint(PLAN);
  if (lives.length > 0)
    receiving.taken.set(
      EVENT.event_id,
      lives.map((life) => ({ at: life, life })),
    );
  return receiving;
}

describe('arrivals', () => {
  it('finds nothing wrong when everything came once', () => {
    expect(tallyArrivals([EVENT], [endpoint(1)], new Map())).toMatchObject({ faults: [], duplicates: [] });
  });

  it('sees an event that never came', () => {
    expect(tallyArrivals([EVENT], [endpoint()], new Map()).faults).toEqual([
      'LOST: evt_1 never arrived at everything',
    ]);
  });

  it('sees an event that does not exist, and one that the endpoint does not want', () => {
    expect(tallyArrivals([], [endpoint(1)], new Map()).faults).toHaveLength(1);
    const unwanted = new ReceivingEndpoint(MAIL);
    unwanted.taken.set(EVENT.event_id, [{ at: 1, life: 1 }]);
    expect(tallyArrivals([EVENT], [unwanted], new Map()).faults).toHaveLength(1);
  });

  it('lays a duplicate to the kill that took its acknowledgement, and to none else', () => {
    const twice = endpoint(2, 4);
    const unsettledAt = (life: number) => new Map([[life, new Map([[twice, new Set([EVENT.event_id])]])]]);
    const { duplicates, faults } = tallyArrivals([EVENT], [twice], unsettledAt(2));
    expect(faults).toEqual([]);
    expect(duplicates).toMatchObject([{ event_id: 'evt_1', kill: 2 }]);
    for (const life of [1, 3, 4]) {
      const { faults } = tallyArrivals([EVENT], [twice], unsettledAt(life));
      expect(faults).toEqual(['doubled without a lost acknowledgement: evt_1 at everything']);
    }
    const once = endpoint(3, 3);
    const inOneLife = new Map([[3, new Map([[once, new Set([EVENT.event_id])]])]]);
    expect(tallyArrivals([EVENT], [once], inOneLife).faults).toHaveLength(1);
  });
});

/** A server with one endpoint that takes nothing, two events, and a message with two recipients; all in a ledger. */
async function smallWorld() {
  const dir = await mkdtemp(join(tmpdir(), 'postrider-soak-'));
  onTestFinished(() => rm(dir, { recursive: true, force: true }));
  const receivers = await Receivers.start(
    [{ ...PLAN, react: () => ({ taken: false, status: 503, delay_ms: 0 }) }],
    seeded(1),
    () => 1,
  );
  onTestFinished(() => receivers.close());
  const server = await startTestServer({}, dir);
  const api = new Api(server.http, server.keys.sandbox);
  await api.createEndpoint({ url: receivers.url(PLAN), event_types: ['*'] });
  const ledger = new Ledger();
  const events = ledger.addEvents(['custom.a', 'custom.a']);
  const { data } = await api.post<{ data: { event_id: string }[] }>('/v1/events', {
    events: events.types.map((event_type, i) => ({ event_type, data: { n: events.first + i } })),
  });
  ledger.eventsAccepted(
    events,
    data.map(({ event_id }) => event_id),
  );
  const message = ledger.addMessage('http', (n) => [
    `unknown+${n}.0@sandbox.test`,
    `bounce+${n}.1@sandbox.test`,
  ]);
  const { message_id } = await api.send({ to: message.recipients, metadata: { n: '0' } });
  ledger.messageAccepted(message, message_id);
  await waitFor('end of the message', async () =>
    (await api.message(message_id)).recipients.every(
      ({ status }) => status === 'delivered' || status === 'bounce',
    ),
  );
  return { dir, server, api, ledger, events, message };
}

describe('the API and the data folder', () => {
  it('agree with the ledger, and every difference made by hand is seen', async () => {
    const { dir, server, api, ledger, events, message } = await smallWorld();
    const faults = async (): Promise<string[]> => (await tallyApi(api, ledger)).faults;
    expect(await faults()).toEqual([]);

    events.ids.reverse();
    expect(await faults()).toEqual([
      expect.stringMatching(/^event 0 .* has another id/),
      expect.stringMatching(/^event 1 .* has another id/),
    ]);
    events.ids.reverse();

    const never = ledger.addEvents(['custom.a']);
    never.fate = 'accepted';
    never.ids = ['evt_never'];
    expect(await faults()).toEqual(['LOST: accepted event 2 (evt_never)']);
    never.fate = 'unknown';
    expect(await tallyApi(api, ledger)).toMatchObject({ faults: [], unknownThere: 0, unknownAbsent: 1 });

    message.recipients.push('open+0.2@sandbox.test');
    expect(await faults()).toEqual([expect.stringMatching(/^message 0 has the recipients /)]);
    message.recipients.pop();
    message.fate = 'refused';
    expect(await faults()).toEqual([expect.stringMatching(/^refused, and there all the same/)]);
    message.fate = 'accepted';

    await server.stop(true);
    expect(look(dir, ledger)).toEqual([]);
    for (const [sql, fault] of [
      ['DELETE FROM pending WHERE seq = 1', /^NO DELIVERY/],
      ['DELETE FROM raw_message', /^LOST: part of message/],
      [`DELETE FROM event WHERE event_id = '${events.ids[1]}'`, /^LOST: accepted event/],
    ] as const) {
      change(dir, sql);
      expect(look(dir, ledger)).toContainEqual(expect.stringMatching(fault));
    }
  }, 60_000);
});

function change(dir: string, sql: string): void {
  const db = new DatabaseSync(join(dir, DATABASE_FILE));
  db.exec(sql);
  db.close();
}

/** What a first and whole look at the data folder finds. */
function look(dir: string, ledger: Ledger): string[] {
  const again = new Ledger();
  for (const { fate, types, ids } of ledger.eventRequests)
    if (fate === 'accepted') again.eventsAccepted(again.addEvents(types), ids);
  for (const { door, recipients, message_id } of ledger.messages)
    again.messageAccepted(
      again.addMessage(door, () => recipients),
      message_id ?? '',
    );
  return new Snapshots(dir, again, [new ReceivingEndpoint(PLAN)]).take(1, true).faults;
}
