/** An application's own events take the same way as all others: stored, filtered, pushed, listed. */

import type { Problem } from '@postrider/contract/errors';
import type { EventsAccepted } from '@postrider/contract/schemas/event';
import { expect, it } from 'vitest';
import { started } from '../kit/started.ts';
import { ALL_THERE, tally } from '../kit/tally.ts';

const kit = started();

it('1,000 at once arrive once each, in order, at the endpoints that want them and no others', async () => {
  const { sandbox } = await kit.server.project();
  const [all, some, mails] = [kit.receiver.hook(), kit.receiver.hook(), kit.receiver.hook()];
  await sandbox.createEndpoint({ url: all.url, event_types: ['custom.*'] });
  await sandbox.createEndpoint({ url: some.url, event_types: ['custom.order.*'] });
  await sandbox.createEndpoint({ url: mails.url });
  const events = Array.from({ length: 1_000 }, (_, n) => ({
    event_type: n % 4 === 0 ? 'custom.order.paid' : 'custom.orders',
    data: { n },
  }));
  const { data } = await sandbox.post<EventsAccepted>('/v1/events', { events });
  const ids = data.map((one) => one.event_id);
  const told = await all.untilEvents(1_000, 30_000);
  expect(
    tally(
      ids,
      told.map((event) => event.event_id),
    ),
  ).toEqual(ALL_THERE);
  expect(told.map((event) => event.data['n'])).toEqual(events.map(({ data }) => data.n));
  const paid = await some.untilEvents(250);
  expect(paid.map((event) => event.data['n'])).toEqual(Array.from({ length: 250 }, (_, index) => index * 4));
  await sandbox.advance(0);
  expect(some.requests).toHaveLength(250);
  expect(mails.requests).toHaveLength(0);
  expect((await sandbox.events('?event_type=custom.order.paid')).map((event) => event.data['n'])).toEqual(
    paid.map((event) => event.data['n']),
  );
}, 60_000);

it('an event about a message shows its state and labels, and moves no state', async () => {
  const { sandbox } = await kit.server.project();
  const { message_id } = await sandbox.send({
    tags: ['welcome'],
    metadata: { user: '7' },
    campaign_id: 'c1',
  });
  await sandbox.advance(0);
  const before = await sandbox.message(message_id);
  const { data } = await sandbox.post<EventsAccepted>('/v1/events', {
    event_type: 'custom.read_aloud',
    message_id,
    recipient: 'delivered@sandbox.test',
  });
  const event = await sandbox.get(`/v1/events/${data[0]?.event_id}`);
  expect(event).toMatchObject({
    event_type: 'custom.read_aloud',
    message_id,
    tags: ['welcome'],
    metadata: { user: '7' },
    state: { status: 'delivered', previous: 'accepted' },
    data: {},
  });
  expect(await sandbox.message(message_id)).toEqual(before);
});

it.each([
  ['a type of ours', { event_type: 'delivered' }, ['/event_type']],
  ['no type', { data: {} }, ['/event_type']],
  ['an empty segment', { event_type: 'custom..a' }, ['/event_type']],
  ['an unknown field', { event_type: 'custom.a', colour: 'red' }, ['/colour']],
  ['data that is a list', { event_type: 'custom.a', data: [] }, ['/data']],
  ['data past its limit', { event_type: 'custom.a', data: { a: 'x'.repeat(70_000) } }, ['/data']],
  [
    'a bad one among good ones',
    { events: [{ event_type: 'custom.a' }, { event_type: 'a' }] },
    ['/events/1/event_type'],
  ],
])('%s is refused by name, and nothing is kept', async (_name, json, paths) => {
  const { sandbox } = await kit.server.project();
  const answer = await sandbox.call<Problem>('POST', '/v1/events', { json });
  expect([answer.status, answer.body.code]).toEqual([422, 'validation_failed']);
  expect(answer.body.errors.map((error) => error.path)).toEqual(paths);
  expect(await sandbox.events()).toEqual([]);
});

it('an event about a message that is not there is refused', async () => {
  const { sandbox } = await kit.server.project();
  const message_id = `msg_${'0'.repeat(26)}`;
  const answer = await sandbox.call('POST', '/v1/events', { json: { event_type: 'custom.a', message_id } });
  expect(answer.status).toBe(404);
  expect(await sandbox.events()).toEqual([]);
});

it('a batch that names an unknown message at its end stores nothing of it', async () => {
  const { sandbox } = await kit.server.project();
  const events: object[] = Array.from({ length: 150 }, () => ({ event_type: 'custom.a', data: {} }));
  events.push({ event_type: 'custom.a', data: {}, message_id: 'msg_00000000000000000000000000' });
  const refused = await sandbox.call('POST', '/v1/events', { json: { events } });
  expect(refused.status).toBe(404);
  expect(await sandbox.events('?event_type=custom.*')).toEqual([]);
});
