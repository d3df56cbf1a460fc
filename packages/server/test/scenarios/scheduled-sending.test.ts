/** Messages that are sent later, taken back, or too late to be sent, on the environment's clock. */

import type { MessageCancelled } from '@postrider/contract/schemas/message';
import { expect, it } from 'vitest';
import { mail, type Api } from '../kit/api.ts';
import { started } from '../kit/started.ts';
import { ALL_THERE, tally } from '../kit/tally.ts';

const kit = started();

async function in_s(api: Api, seconds: number): Promise<string> {
  const { now } = await api.get<{ now: string }>('/v1/sandbox/clock');
  return new Date(Date.parse(now) + seconds * 1000).toISOString();
}

async function typesOf(api: Api, message_id: string): Promise<string[]> {
  return (await api.events(`?message_id=${message_id}`)).map((event) => event.event_type);
}

it('a scheduled message is accepted at once and sent at its time, not before', async () => {
  const { sandbox } = await kit.server.project();
  const hook = kit.receiver.hook();
  await sandbox.createEndpoint({ url: hook.url });
  const send_at = await in_s(sandbox, 3_600);
  const { message_id } = await sandbox.send({ send_at });
  await sandbox.advance(3_590);
  expect(await typesOf(sandbox, message_id)).toEqual(['accepted']);
  expect((await sandbox.message(message_id)).send_at).toBe(send_at);
  await sandbox.advance(11);
  const log = await sandbox.events(`?message_id=${message_id}`);
  expect(log.map((event) => event.event_type)).toEqual(['accepted', 'delivered']);
  expect(Date.parse(log[1]?.timestamp ?? '')).toBeGreaterThanOrEqual(Date.parse(send_at));
  const told = await hook.untilEvents(2);
  expect(
    tally(
      log.map((event) => event.event_id),
      told.map((event) => event.event_id),
    ),
  ).toEqual(ALL_THERE);
});

it('messages scheduled in any order are sent in the order of their times', async () => {
  const { sandbox } = await kit.server.project();
  const order = [50, 10, 40, 20, 30];
  for (const seconds of order)
    await sandbox.send({
      send_at: await in_s(sandbox, seconds * 60),
      subject: String(seconds),
      tags: [String(seconds)],
    });
  await sandbox.advance(3_600);
  const delivered = await sandbox.events('?event_type=delivered');
  expect(delivered.map((event) => event.tags[0])).toEqual(['10', '20', '30', '40', '50']);
});

it('a time that has passed means at once', async () => {
  const { sandbox } = await kit.server.project();
  const { message_id } = await sandbox.send({ send_at: '2020-01-01T00:00:00+02:00' });
  await sandbox.advance(0);
  expect(await typesOf(sandbox, message_id)).toEqual(['accepted', 'delivered']);
});

it('a cancelled message is never sent, and each recipient is told of', async () => {
  const { sandbox } = await kit.server.project();
  const hook = kit.receiver.hook();
  await sandbox.createEndpoint({ url: hook.url, event_types: ['dropped', 'delivered'] });
  const to = ['a@example.net', 'b@example.net'];
  const { message_id } = await sandbox.send({ to, send_at: await in_s(sandbox, 600) });
  expect(await sandbox.post<MessageCancelled>(`/v1/messages/${message_id}/cancel`)).toEqual({
    message_id,
    cancelled: to,
  });
  const dropped = await hook.untilEvents(2);
  expect(dropped.map(({ event_type, recipient, data }) => [event_type, recipient, data])).toEqual(
    to.map((address) => ['dropped', address, { reason: 'cancelled', suppression: null }]),
  );
  await sandbox.advance(1_200);
  expect(hook.requests).toHaveLength(2);
  const message = await sandbox.message(message_id);
  expect(message.cancelled_at).toMatch(/Z$/);
  expect(message.recipients.map(({ status }) => status)).toEqual(['dropped', 'dropped']);
  const again = await sandbox.call('POST', `/v1/messages/${message_id}/cancel`);
  expect([again.status, again.body]).toMatchObject([409, { code: 'conflict' }]);
});

it('a message that has been sent cannot be cancelled', async () => {
  const { sandbox } = await kit.server.project();
  const { message_id } = await sandbox.send({});
  await sandbox.advance(0);
  const refused = await sandbox.call('POST', `/v1/messages/${message_id}/cancel`);
  expect([refused.status, refused.body]).toMatchObject([409, { code: 'conflict' }]);
  expect(await typesOf(sandbox, message_id)).toEqual(['accepted', 'delivered']);
});

it('a message that expires before it could be sent is dropped as expired', async () => {
  const { sandbox } = await kit.server.project();
  const { message_id } = await sandbox.send({ to: 'slow@sandbox.test', expires_at: await in_s(sandbox, 30) });
  await sandbox.advance(120);
  const log = await sandbox.events(`?message_id=${message_id}`);
  expect(log.map((event) => event.event_type)).toEqual(['accepted', 'dropped']);
  expect(log[1]?.data).toEqual({ reason: 'expired', suppression: null });
});

it('a message that has expired already is taken and dropped, never sent', async () => {
  const { sandbox } = await kit.server.project();
  const { message_id, recipients } = await sandbox.send({ expires_at: '2020-01-01T00:00:00Z' });
  expect(recipients).toEqual([{ address: 'delivered@sandbox.test', status: 'dropped', reason: 'expired' }]);
  await sandbox.advance(60);
  expect(await typesOf(sandbox, message_id)).toEqual(['dropped']);
});

it.each([
  ['send_at', '2026-13-01T00:00:00Z'],
  ['send_at', 'tomorrow'],
  ['send_at', '2126-01-01T00:00:00Z'],
  ['expires_at', '2026-01-01'],
])('%s %j is refused by name', async (name, value) => {
  const { sandbox } = await kit.server.project();
  const answer = await sandbox.call<{ errors: { path: string }[] }>('POST', '/v1/messages', {
    json: mail({ [name]: value }),
  });
  expect(answer.status).toBe(422);
  expect(answer.body.errors.map(({ path }) => path)).toEqual([`/${name}`]);
  expect(await sandbox.all('/v1/messages')).toEqual([]);
});
