import { expect, it } from 'vitest';
import { newId } from '../../base/ids.ts';
import {
  FIRST_PAGE,
  NO_EVENT_FILTER,
  NO_MESSAGE_FILTER,
  mailEvent,
  newMessage,
  type Bench,
} from './harness.ts';

export function messageCases(bench: Bench): void {
  it('accepts a message: events, states, queue and MIME in one commit', async () => {
    const { store } = bench.world;
    const { sandbox } = await bench.world.tenant();
    const message = newMessage(sandbox, ['a@x.test', 'b@x.test']);
    const result = await store.acceptMessage(message, null);
    expect(result.recipients).toEqual([
      { address: 'a@x.test', status: 'accepted' },
      { address: 'b@x.test', status: 'accepted' },
    ]);
    const view = await store.getMessage(sandbox, message.message_id);
    expect(view?.recipients[1]?.state).toEqual({ status: 'accepted', previous: null, terminal: false });
    expect(Buffer.from((await store.rawMessage(sandbox, message.message_id)) ?? []).toString()).toContain(
      'Subject: hello',
    );
    const events = await store.listEvents(
      sandbox,
      { ...NO_EVENT_FILTER, message_id: message.message_id },
      FIRST_PAGE,
    );
    expect(events.data.map((e) => [e.event_type, e.recipient, e.tags, e.campaign_id])).toEqual([
      ['accepted', 'b@x.test', ['t1'], 'camp'],
      ['accepted', 'a@x.test', ['t1'], 'camp'],
    ]);
    expect(await store.claimOutgoing(sandbox, Date.now(), 10)).toHaveLength(2);
  });

  it('drops suppressed recipients, whatever their case, in place of accepting them', async () => {
    const { store } = bench.world;
    const { sandbox, live } = await bench.world.tenant();
    await store.addSuppressions(
      sandbox,
      [{ address: 'Gone@x.test', reason: 'manual', event_id: newId('evt') }],
      7,
      null,
    );
    const { recipients } = await store.acceptMessage(newMessage(sandbox, ['GONE@x.test', 'ok@x.test']), null);
    expect(recipients).toEqual([
      { address: 'GONE@x.test', status: 'dropped', reason: 'suppressed' },
      { address: 'ok@x.test', status: 'accepted' },
    ]);
    const types = (await store.listEvents(sandbox, NO_EVENT_FILTER, FIRST_PAGE)).data.map(
      (e) => e.event_type,
    );
    expect(types).toEqual(['accepted', 'dropped', 'suppression.added']);
    const elsewhere = await store.acceptMessage(newMessage(live, ['gone@x.test']), null);
    expect(elsewhere.recipients[0]?.status).toBe('accepted');
  });

  it('hands a recipient to one taker, again after its next_at, never after its end', async () => {
    const { store } = bench.world;
    const { sandbox } = await bench.world.tenant();
    const message = newMessage(sandbox, ['a@x.test']);
    await store.acceptMessage(message, null);
    const now = Date.now();
    const [item] = await store.claimOutgoing(sandbox, now, 10);
    expect(await store.claimOutgoing(sandbox, now, 10)).toEqual([]);
    expect(await store.nextOutgoingAt(sandbox)).toBeNull();
    const outgoing = item?.outgoing ?? -1;
    await store.recordOutcomes([
      {
        env: sandbox,
        outgoing,
        events: [mailEvent('deferred', message.message_id, 'a@x.test')],
        next_at: now + 1000,
        attempted: true,
      },
    ]);
    expect(await store.claimOutgoing(sandbox, now + 999, 10)).toEqual([]);
    expect(await store.nextOutgoingAt(sandbox)).toBe(now + 1000);
    expect(await store.claimOutgoing(sandbox, now + 1000, 10)).toMatchObject([{ outgoing, attempts: 1 }]);
    await store.recordOutcomes([
      {
        env: sandbox,
        outgoing,
        events: [mailEvent('delivered', message.message_id, 'a@x.test')],
        next_at: null,
        attempted: true,
      },
    ]);
    await bench.restart();
    expect(await bench.world.store.claimOutgoing(sandbox, now + 10_000, 10)).toEqual([]);
    const view = await bench.world.store.getMessage(sandbox, message.message_id);
    expect(view?.recipients[0]?.state).toEqual({
      status: 'delivered',
      previous: 'deferred',
      terminal: false,
    });
  });

  it('suppresses by the event that says so, once, and drops the next message to it', async () => {
    const { store } = bench.world;
    const { sandbox } = await bench.world.tenant();
    const message = newMessage(sandbox, ['a@x.test', 'b@x.test']);
    await store.acceptMessage(message, null);
    const [a, b] = await store.claimOutgoing(sandbox, Date.now(), 10);
    const bounce = mailEvent('bounce', message.message_id, 'a@x.test', { suppressed: true });
    const blocked = mailEvent('bounce', message.message_id, 'b@x.test', { suppressed: false });
    const complaint = mailEvent('complaint', message.message_id, 'a@x.test');
    await store.recordOutcomes([
      {
        env: sandbox,
        outgoing: a?.outgoing ?? -1,
        events: [bounce, complaint],
        next_at: null,
        attempted: true,
      },
      { env: sandbox, outgoing: b?.outgoing ?? -1, events: [blocked], next_at: null, attempted: true },
    ]);
    expect(await store.getSuppression(sandbox, 'a@x.test')).toMatchObject({
      reason: 'bounce',
      event_id: bounce.event_id,
    });
    expect(await store.getSuppression(sandbox, 'b@x.test')).toBeNull();
    const added = await store.listEvents(
      sandbox,
      { ...NO_EVENT_FILTER, event_type: ['suppression.added'] },
      FIRST_PAGE,
    );
    expect(added.data).toHaveLength(1);
    expect(added.data[0]?.state).toBeNull();
  });

  it('cancels what waits and leaves what a transport holds', async () => {
    const { store } = bench.world;
    const { sandbox, live } = await bench.world.tenant();
    const later = Date.now() + 60_000;
    const scheduled = newMessage(sandbox, ['a@x.test', 'b@x.test'], { send_at: later });
    await store.acceptMessage(scheduled, null);
    await expect(store.cancelMessage(live, scheduled.message_id, 1)).rejects.toMatchObject({
      code: 'not_found',
    });
    expect(await store.cancelMessage(sandbox, scheduled.message_id, Date.now())).toEqual({
      cancelled: ['a@x.test', 'b@x.test'],
    });
    await expect(store.cancelMessage(sandbox, scheduled.message_id, 1)).rejects.toMatchObject({
      code: 'conflict',
    });
    expect(await store.claimOutgoing(sandbox, later + 1, 10)).toEqual([]);
    const held = newMessage(sandbox, ['c@x.test']);
    await store.acceptMessage(held, null);
    await store.claimOutgoing(sandbox, Date.now(), 10);
    await expect(store.cancelMessage(sandbox, held.message_id, 1)).rejects.toMatchObject({
      code: 'conflict',
    });
  });

  it('keeps a repeated message from being sent twice', async () => {
    const { store } = bench.world;
    const { sandbox } = await bench.world.tenant();
    const once = { key: 'm', fingerprint: 'f', now: Date.now() };
    const first = await store.acceptMessage(newMessage(sandbox, ['a@x.test']), once);
    const second = await store.acceptMessage(newMessage(sandbox, ['a@x.test']), once);
    expect(second).toEqual({ ...first, replayed: true });
    expect(await store.claimOutgoing(sandbox, Date.now(), 10)).toHaveLength(1);
  });

  it('lists messages by recipient, status, tag, campaign, text and time, page by page', async () => {
    const { store } = bench.world;
    const { sandbox, live } = await bench.world.tenant();
    const ids: string[] = [];
    for (let i = 0; i < 5; i++) {
      const message = newMessage(sandbox, [`r${i}@x.test`], {
        subject: `100% of ${i}`,
        created_at: 1000 + i,
        tags: [`t${i}`],
      });
      ids.unshift(message.message_id);
      await store.acceptMessage(message, null);
    }
    await store.acceptMessage(newMessage(live, ['r1@x.test']), null);
    const first = await store.listMessages(sandbox, NO_MESSAGE_FILTER, { limit: 2, cursor: null });
    const second = await store.listMessages(sandbox, NO_MESSAGE_FILTER, {
      limit: 3,
      cursor: first.next_cursor,
    });
    expect([...first.data, ...second.data].map((m) => m.message.message_id)).toEqual(ids);
    expect(second.next_cursor).toBeNull();
    const by = async (filter: object): Promise<number> =>
      (await store.listMessages(sandbox, { ...NO_MESSAGE_FILTER, ...filter }, FIRST_PAGE)).data.length;
    expect(await by({ recipient: 'r1@x.test' })).toBe(1);
    expect(await by({ status: 'accepted' })).toBe(5);
    expect(await by({ status: 'delivered' })).toBe(0);
    expect(await by({ tag: 't3' })).toBe(1);
    expect(await by({ campaign_id: 'camp' })).toBe(5);
    expect(await by({ q: '100% OF 4' })).toBe(1);
    expect(await by({ q: '1000' })).toBe(0);
    expect(await by({ after: 1003 })).toBe(2);
    expect(await by({ before: 1003 })).toBe(3);
    await expect(
      store.listMessages(sandbox, NO_MESSAGE_FILTER, { limit: 2, cursor: 'rubbish' }),
    ).rejects.toMatchObject({
      code: 'validation_failed',
    });
  });
}
