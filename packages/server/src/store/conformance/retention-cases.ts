import { expect, it } from 'vitest';
import {
  customEvent,
  deadLettered,
  delivered,
  FIRST_PAGE,
  newMessage,
  NO_EVENT_FILTER,
  purgeAll,
  sealLanes,
  type World,
  type Bench,
} from './harness.ts';

/** As maintenance does it: what is in the lanes is covered by checkpoints before. */
async function retain(world: World, env: number, before: number, dead = 0): Promise<void> {
  await sealLanes(world, env);
  await purgeAll(world, env, before, dead);
}

export function retentionCases(bench: Bench): void {
  it('purges old events and settled deliveries, never pending ones nor their events', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const { lane } = await world.endpoint(sandbox, { event_types: ['*'] });
    for (let i = 0; i < 8; i++)
      await world.store.recordEvents(sandbox, [customEvent('custom.a', { at: 1000 + i })], null);
    await world.store.settle([1, 2, 3, 5].map((seq) => delivered(lane, seq, { at: 1000 + seq })));
    await world.store.settle([deadLettered(lane, 4)]);
    await retain(world, sandbox, 1006);
    const left = await world.store.eventsAfter(sandbox, 0, 100);
    // 4 is a dead letter, 6 to 8 are pending.
    expect(left.map((e) => e.log)).toEqual([4, 6, 7, 8]);
    expect((await world.store.loadFresh(lane, 0, 10)).deliveries.map((d) => d.seq)).toEqual([6, 7, 8]);
    expect(await world.store.getDelivery(sandbox, lane, 1)).toBeNull();
    await retain(world, sandbox, 1006, Number.MAX_SAFE_INTEGER);
    await retain(world, sandbox, 1006, Number.MAX_SAFE_INTEGER);
    expect((await world.store.eventsAfter(sandbox, 0, 100)).map((e) => e.log)).toEqual([6, 7, 8]);
  });

  it('comes to an end however much has to stay, of several kinds and lanes', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    for (let kept = 1; kept <= 7; kept++) {
      const type = `custom.kept${kept}`;
      const { lane } = await world.endpoint(sandbox, { event_types: [type] });
      const events = [...Array<string>(kept).fill(type), 'custom.nobody', 'custom.nobody'];
      await world.store.recordEvents(
        sandbox,
        events.map((name) => customEvent(name, { at: 1000 })),
        null,
      );
      await world.store.settle(Array.from({ length: kept }, (_, n) => deadLettered(lane, n + 1)));
      await retain(world, sandbox, 5000);
      await retain(world, sandbox, 5000);
    }
    const left = (await world.store.eventsAfter(sandbox, 0, 100)).map(
      ({ envelope }) => (JSON.parse(envelope) as { event_type: string }).event_type,
    );
    expect(left.filter((type) => type !== 'custom.nobody')).toHaveLength(1 + 2 + 3 + 4 + 5 + 6 + 7);
    // The newest event stays whoever wants it.
    expect(left.filter((type) => type === 'custom.nobody')).toHaveLength(1);
  });

  it('goes on with the log where it was, even when every event is old', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    await world.store.recordEvents(
      sandbox,
      [customEvent('custom.a', { at: 1 }), customEvent('custom.a', { at: 2 })],
      null,
    );
    await retain(world, sandbox, 1000);
    await bench.restart();
    await bench.world.store.recordEvents(sandbox, [customEvent()], null);
    expect(await bench.world.store.logEnd(sandbox)).toBe(3);
  });

  it('purges MIME before events, and neither while a recipient is on its way', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const waiting = newMessage(sandbox, ['a@x.test'], { created_at: 1000, send_at: Date.now() + 60_000 });
    const done = newMessage(sandbox, ['b@x.test'], { created_at: 1001 });
    await world.store.acceptMessage(waiting, null);
    await world.store.acceptMessage(done, null);
    const [item] = await world.store.claimOutgoing(sandbox, Date.now(), 1);
    await world.store.recordOutcomes([
      { env: sandbox, outgoing: item?.outgoing ?? -1, events: [], next_at: null, attempted: true },
    ]);
    const policy = { events_before: 0, dead_letters_before: 0, raw_before: 5000 };
    while ((await world.store.purge(sandbox, policy, 3)) > 0);
    expect(await world.store.rawMessage(sandbox, waiting.message_id)).not.toBeNull();
    expect(await world.store.rawMessage(sandbox, done.message_id)).toBeNull();
    expect(await world.store.getMessage(sandbox, done.message_id)).not.toBeNull();
    await world.store.recordEvents(sandbox, [customEvent()], null);
    await retain(world, sandbox, 5000);
    await retain(world, sandbox, 5000);
    expect(await world.store.getMessage(sandbox, done.message_id)).toBeNull();
    expect(await world.store.getMessage(sandbox, waiting.message_id)).not.toBeNull();
    expect(
      (
        await world.store.listEvents(
          sandbox,
          { ...NO_EVENT_FILTER, message_id: waiting.message_id },
          FIRST_PAGE,
        )
      ).data,
    ).toHaveLength(0);
  });

  it('forgets idempotency records past their day', async () => {
    const { world } = bench;
    const { sandbox } = await world.tenant();
    const once = { key: 'k', fingerprint: 'f', now: 1000 };
    await world.store.recordEvents(sandbox, [customEvent()], once);
    expect(await world.store.purgeIdempotency(1000, 10)).toBe(0);
    expect(await world.store.purgeIdempotency(1001, 10)).toBe(1);
    expect((await world.store.recordEvents(sandbox, [customEvent()], once)).replayed).toBe(false);
  });
}
