import { expect, it } from 'vitest';
import {
  customEvent,
  FIRST_PAGE,
  mailEvent,
  newMessage,
  NO_DELIVERY_FILTER,
  NO_EVENT_FILTER,
  type Bench,
} from './harness.ts';
import { newId } from '../../base/ids.ts';

export function eventCases(bench: Bench): void {
  it('fans out to the endpoints that asked, with gapless seq per lane in commit order', async () => {
    const { world } = bench;
    const { sandbox, live } = await world.tenant();
    const mail = await world.endpoint(sandbox);
    const orders = await world.endpoint(sandbox, { event_types: ['custom.order.*', 'suppression.added'] });
    const all = await world.endpoint(sandbox, { event_types: ['*'] });
    const other = await world.endpoint(live, { event_types: ['*'] });
    await world.store.recordEvents(
      sandbox,
      [customEvent('custom.order.paid'), customEvent('custom.other'), customEvent('custom.order.sent')],
      null,
    );
    await world.store.acceptMessage(newMessage(sandbox, ['a@x.test']), null);
    expect(world.told()).toEqual([
      `${orders.lane}:1 custom.order.paid`,
      `${orders.lane}:2 custom.order.sent`,
      `${all.lane}:1 custom.order.paid`,
      `${all.lane}:2 custom.other`,
      `${all.lane}:3 custom.order.sent`,
      `${mail.lane}:1 accepted`,
      `${all.lane}:4 accepted`,
    ]);
    expect(world.told().some((line) => line.startsWith(`${other.lane}:`))).toBe(false);
  });

  it('asks an endpoint’s filter, and after a change the new one', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const filter = { 'data.n': { $gte: 2 } };
    const some = await world.endpoint(sandbox, { event_types: ['custom.*'], filter });
    const all = await world.endpoint(sandbox, { event_types: ['custom.*'] });
    const emit = (n: number): Promise<unknown> =>
      world.store.recordEvents(sandbox, [customEvent('custom.a', { data: JSON.stringify({ n }) })], null);
    await emit(1);
    await emit(2);
    await world.store.updateEndpoint(sandbox, some.endpoint_id, { filter: { 'data.n': 3 }, updated_at: 1 });
    await emit(2);
    await emit(3);
    const told = world.told().map((line) => line.split(' ')[0]);
    expect(told.filter((line) => line?.startsWith(`${some.lane}:`))).toEqual(
      [1, 2].map((seq) => `${some.lane}:${seq}`),
    );
    expect(told.filter((line) => line?.startsWith(`${all.lane}:`))).toHaveLength(4);
  });

  it('splits what is too much for one commit, and still commits an event with all its deliveries', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const lanes = 60;
    for (let n = 0; n < lanes; n++)
      await world.endpoint(sandbox, { event_types: ['custom.*', 'delivered', 'accepted'] });
    const before = world.notices.length;
    const batch = Array.from({ length: 200 }, () => customEvent());
    const key = { key: 'k', fingerprint: 'f', now: Date.now() };
    const [first, second] = await Promise.all([
      world.store.recordEvents(sandbox, batch, key),
      world.store.recordEvents(
        sandbox,
        Array.from({ length: 200 }, () => customEvent()),
        key,
      ),
    ]);
    expect(first).toEqual({ event_ids: batch.map((event) => event.event_id), replayed: false });
    expect(second).toEqual({ ...first, replayed: true });
    const notices = world.notices.slice(before).filter((notice) => notice.events.length > 0);
    expect(notices.length).toBeGreaterThan(1);
    for (const notice of notices) expect(notice.lanes).toHaveLength(lanes);
    const items = notices.flatMap((notice) =>
      (notice.lanes[0]?.items ?? []).map(({ seq, event }) => [seq, notice.events[event]?.event_id]),
    );
    expect(items).toEqual(batch.map((event, n) => [n + 1, event.event_id]));
  });

  it('splits commands that share a commit as well, and results of transports', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const lanes = 60;
    for (let n = 0; n < lanes; n++) await world.endpoint(sandbox, { event_types: ['delivered', 'custom.*'] });
    await Promise.all(
      Array.from({ length: 150 }, () => world.store.acceptMessage(newMessage(sandbox, ['a@x.test']), null)),
    );
    const items = await world.store.claimOutgoing(sandbox, Date.now(), 1000);
    const before = world.notices.length;
    const outcomes = items.map((item) => ({
      env: sandbox,
      outgoing: item.outgoing,
      events: [mailEvent('delivered', item.message_id, 'a@x.test')],
      next_at: null,
      attempted: true,
    }));
    await world.store.recordOutcomes(outcomes);
    await Promise.all(outcomes.map(() => world.store.recordEvents(sandbox, [customEvent()], null)));
    const sizes = world.notices.slice(before).map((notice) => notice.events.length);
    expect(sizes.reduce((sum, n) => sum + n, 0)).toBe(300);
    // 5,000 deliveries and the rest of the event that reaches them.
    expect(Math.max(...sizes) * lanes).toBeLessThan(5000 + lanes);
    // What comes again because a later part of its batch had failed is known.
    await world.store.recordOutcomes(outcomes.slice(0, 2));
    expect(world.told()).toHaveLength(300 * lanes);
  });

  it('commits nothing of a failing command and everything of its neighbours', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    const good = (): Promise<unknown> => world.store.recordEvents(sandbox, [customEvent()], null);
    const duplicate = customEvent();
    const results = await Promise.allSettled([
      good(),
      world.store.recordEvents(
        sandbox,
        [customEvent(), customEvent('custom.x', { message_id: newId('msg') })],
        null,
      ),
      good(),
      world.store.recordEvents(sandbox, [duplicate, duplicate], null),
      good(),
    ]);
    expect(results.map((r) => r.status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'rejected',
      'fulfilled',
    ]);
    expect(world.told()).toEqual([1, 2, 3].map((seq) => `${lane}:${seq} custom.order`));
    expect(await world.store.logEnd(sandbox)).toBe(3);
  });

  it('refuses an event about a message of another environment', async () => {
    const { store } = bench.world;
    const { sandbox, live } = await bench.world.tenant();
    const message = newMessage(live, ['a@x.test']);
    await store.acceptMessage(message, null);
    await expect(
      store.recordEvents(sandbox, [customEvent('custom.x', { message_id: message.message_id })], null),
    ).rejects.toMatchObject({ code: 'not_found' });
    const seen = await store.recordEvents(
      live,
      [customEvent('custom.x', { message_id: message.message_id, recipient: 'a@x.test' })],
      null,
    );
    const event = await store.getEvent(live, seen.event_ids[0] ?? '');
    expect(event?.state).toEqual({ status: 'accepted', previous: null, terminal: false });
    const strange = newId('msg');
    expect(await store.unknownMessages(live, [message.message_id, strange])).toEqual([strange]);
    expect(await store.unknownMessages(sandbox, [message.message_id])).toEqual([message.message_id]);
    expect(await store.getEvent(sandbox, seen.event_ids[0] ?? '')).toBeNull();
  });

  it('does not send an operational event to the endpoint it is about', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const about = await world.endpoint(sandbox, { event_types: ['endpoint.*'] });
    const other = await world.endpoint(sandbox, { event_types: ['endpoint.*'] });
    await world.store.updateEndpoint(sandbox, about.endpoint_id, {
      status: 'disabled',
      updated_at: 1,
      events: [customEvent('endpoint.disabled', { about_endpoint_id: about.endpoint_id })],
    });
    expect(world.told()).toEqual([`${other.lane}:1 endpoint.disabled`]);
  });

  it('gives every environment a log of its own, read without a gap', async () => {
    const { store } = bench.world;
    const { sandbox, live } = await bench.world.tenant();
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) {
      const { event_ids } = await store.recordEvents(i % 2 === 0 ? sandbox : live, [customEvent()], null);
      if (i % 2 === 0) ids.push(...event_ids);
    }
    const page = await store.eventsAfter(sandbox, 0, 2);
    const rest = await store.eventsAfter(sandbox, page.at(-1)?.log ?? -1, 10);
    const read = [...page, ...rest];
    expect(read.map((e) => e.log)).toEqual([1, 2, 3]);
    expect(read.map((e) => (JSON.parse(e.envelope) as { event_id: string }).event_id)).toEqual(ids);
    expect(await store.logPosition(sandbox, ids[1] ?? '')).toBe(2);
    expect(await store.logPosition(live, ids[1] ?? '')).toBeNull();
    expect(await store.logEnd(sandbox)).toBe(3);
    const ends = bench.world.notices.flatMap((n) => n.logs).filter((l) => l.env === sandbox);
    expect(ends.map((l) => l.log)).toEqual([1, 2, 3]);
    await bench.restart();
    await bench.world.store.recordEvents(sandbox, [customEvent()], null);
    expect(await bench.world.store.logEnd(sandbox)).toBe(4);
  });

  it('lists events newest first by type, recipient, campaign, tag and time, page by page', async () => {
    const { store } = bench.world;
    const { sandbox } = await bench.world.tenant();
    const message = newMessage(sandbox, ['a@x.test', 'b@x.test']);
    await store.acceptMessage(message, null);
    await store.recordEvents(sandbox, [customEvent('custom.a', { at: 5 })], null);
    const list = async (filter: object, limit = 100, cursor: string | null = null) =>
      store.listEvents(sandbox, { ...NO_EVENT_FILTER, ...filter }, { limit, cursor });
    expect((await list({})).data.map((e) => e.event_type)).toEqual(['custom.a', 'accepted', 'accepted']);
    const first = await list({}, 2);
    expect((await list({}, 2, first.next_cursor)).data.map((e) => e.recipient)).toEqual(['a@x.test']);
    expect((await list({ event_type: ['custom.a', 'open'] })).data).toHaveLength(1);
    expect((await list({ event_type: ['custom.*'] })).data).toHaveLength(1);
    expect((await list({ event_type: ['custom.*', 'accepted'] })).data).toHaveLength(3);
    expect((await list({ event_type: ['custo.*'] })).data).toHaveLength(0);
    expect((await list({ recipient: 'b@x.test' })).data).toHaveLength(1);
    expect((await list({ campaign_id: 'camp' })).data).toHaveLength(2);
    expect((await list({ tag: 't1' })).data).toHaveLength(2);
    expect((await list({ before: 6 })).data).toHaveLength(1);
    expect((await list({ after: 6 })).data).toHaveLength(2);
  });

  it('shows no other environment to a cursor that was made up', async () => {
    const { store } = bench.world;
    const [first, second, third] = [
      await bench.world.tenant(),
      await bench.world.tenant(),
      await bench.world.tenant(),
    ];
    for (const { live, sandbox } of [first, second, third]) {
      await store.recordEvents(live, [customEvent()], null);
      await store.recordEvents(sandbox, [customEvent()], null);
    }
    const own = await store.listEvents(second.live, NO_EVENT_FILTER, FIRST_PAGE);
    for (let power = 0; power < 53; power++) {
      for (const position of [2 ** power, -(2 ** power)]) {
        const cursor = Buffer.from(String(position)).toString('base64url');
        const { data } = await store.listEvents(second.live, NO_EVENT_FILTER, { limit: 100, cursor });
        expect(data).toEqual(position < 2 ? [] : own.data);
      }
    }
  });

  it('moves the state by facts and not by arrival, and leaves machine opens out', async () => {
    const { store } = bench.world;
    const { sandbox } = await bench.world.tenant();
    const message = newMessage(sandbox, ['a@x.test']);
    await store.acceptMessage(message, null);
    const [item] = await store.claimOutgoing(sandbox, Date.now(), 1);
    const events = [
      mailEvent('open', message.message_id, 'a@x.test', { machine: true }),
      mailEvent('click', message.message_id, 'a@x.test', { machine: false }),
      mailEvent('delivered', message.message_id, 'a@x.test'),
    ];
    await store.recordOutcomes([
      { env: sandbox, outgoing: item?.outgoing ?? -1, events, next_at: null, attempted: true },
    ]);
    const states = await Promise.all(
      events.map(async (e) => (await store.getEvent(sandbox, e.event_id))?.state),
    );
    expect(states.map((s) => [s?.status, s?.previous])).toEqual([
      ['accepted', null],
      ['click', 'accepted'],
      ['click', 'delivered'],
    ]);
  });

  it('never has an event without its deliveries', async () => {
    const { store } = bench.world;
    const { sandbox } = await bench.world.tenant();
    const { endpoint_id } = await bench.world.endpoint(sandbox, { event_types: ['custom.*'] });
    const { event_ids } = await store.recordEvents(sandbox, [customEvent(), customEvent()], null);
    await bench.restart();
    for (const event_id of event_ids) {
      const found = await bench.world.store.listDeliveries(
        sandbox,
        { ...NO_DELIVERY_FILTER, event_id },
        FIRST_PAGE,
      );
      expect(found.data.map((d) => [d.endpoint_id, d.status])).toEqual([[endpoint_id, 'pending']]);
    }
  });
}
