/** Each endpoint gets the events that its types, its filter and its dialect ask for, in that dialect, and no others. */

import type { Problem } from '@postrider/contract/errors';
import type { EventEnvelope } from '@postrider/contract/events';
import type { EndpointCreateBody } from '@postrider/contract/schemas/endpoint';

import { verifySendarix, verifyStandard } from '@postrider/contract/verify';
import { describe, expect, it } from 'vitest';
import type { Api } from '../kit/api.ts';
import type { Hook, Received } from '../kit/receiver.ts';
import { started } from '../kit/started.ts';
import { ALL_THERE, tally } from '../kit/tally.ts';
import { waitFor } from '../kit/wait.ts';

const kit = started();

type Wanted = (event: EventEnvelope) => boolean;
interface Target {
  hook: Hook;
  endpoint_id: string;
  secret: string;
}

async function target(api: Api, settings: Omit<EndpointCreateBody, 'url'>): Promise<Target> {
  const hook = kit.receiver.hook();
  const { endpoint_id, secret } = await api.createEndpoint({ url: hook.url, ...settings });
  return { hook, endpoint_id, secret };
}

/** Mail of every story, with tags and campaigns, and an application's own events. Resolves to everything that came of it. */
async function pour(api: Api): Promise<EventEnvelope[]> {
  const stories = ['delivered', 'bounce', 'blocked', 'mailbox-full', 'complaint', 'click', 'unsubscribe'];
  for (const [n, story] of stories.entries()) {
    await api.send({
      to: `${story}+${n}@sandbox.test`,
      tags: n % 2 === 0 ? ['vip', 'eu'] : ['eu'],
      metadata: { order: String(n) },
      ...(n < 3 ? { campaign_id: 'spring' } : {}),
    });
    await api.send({ to: `${story}+${n}@sandbox.test` });
  }
  const events = Array.from({ length: 20 }, (_, n) => ({
    event_type: 'custom.order',
    data: { n, items: [{ n }] },
  }));
  await api.post('/v1/events', { events });
  await api.advance(86_400);
  return api.events();
}

const jsonOf = (request: Received): Record<string, unknown> =>
  JSON.parse(request.body.toString()) as Record<string, unknown>;

/** What came of one endpoint at the receiver, by the ids in `idOf`, against its deliveries and the events it wants. */
async function expectExactly(
  api: Api,
  { hook, endpoint_id }: Target,
  events: EventEnvelope[],
  wanted: Wanted,
  idOf: (request: Received) => string = (request) => request.headers['webhook-id'] as string,
): Promise<void> {
  const expected = events.filter(wanted).map((event) => event.event_id);
  expect(expected.length).toBeGreaterThan(0);
  await hook.untilRequests(expected.length);
  const deliveries = await api.deliveries(`?endpoint_id=${endpoint_id}`);
  expect(
    tally(
      expected,
      deliveries.map((one) => one.event_id),
    ),
  ).toEqual(ALL_THERE);
  expect(tally(expected, hook.requests.map(idOf))).toEqual(ALL_THERE);
}

describe('filters', () => {
  const cases: [string, Omit<EndpointCreateBody, 'url'>, Wanted][] = [
    [
      'hard bounces',
      { filter: { 'data.bounce_type': 'hard' } },
      (event) => event.data['bounce_type'] === 'hard',
    ],
    ['a tag', { filter: { tags: 'vip' } }, (event) => event.tags.includes('vip')],
    [
      'a campaign, without opens',
      { filter: { campaign_id: 'spring', event_type: { $nin: ['open', 'click'] } } },
      (event) => event.campaign_id === 'spring' && !['open', 'click'].includes(event.event_type),
    ],
    [
      'final states or metadata',
      { filter: { $or: [{ 'state.terminal': true }, { 'metadata.order': { $gt: '4' } }] } },
      (event) => event.state?.terminal === true || Number(event.metadata['order'] ?? 0) > 4,
    ],
    [
      'its own events, by type and by an element',
      { event_types: ['custom.*'], filter: { 'data.items': { $elemMatch: { n: { $gte: 5, $lt: 12 } } } } },
      (event) =>
        event.event_type === 'custom.order' && Number(event.data['n']) >= 5 && Number(event.data['n']) < 12,
    ],
    [
      'everything but what has a campaign',
      { event_types: ['*'], filter: { campaign_id: null } },
      (event) => event.campaign_id === null,
    ],
  ];

  it('let through exactly what they say', async () => {
    const { sandbox } = await kit.server.project();
    const targets = await Promise.all(cases.map(([, settings]) => target(sandbox, settings)));
    const events = await pour(sandbox);
    for (const [index, [name, settings, wanted]] of cases.entries()) {
      const mail = (event: EventEnvelope): boolean =>
        settings.event_types !== undefined || event.message_id !== null;
      await expectExactly(
        sandbox,
        targets[index] as Target,
        events,
        (event) => mail(event) && wanted(event),
      ).catch((error: unknown) => expect.unreachable(`${name}: ${String(error)}`));
    }
  });

  it('are about events from then on when they change', async () => {
    const { sandbox } = await kit.server.project();
    const own = await target(sandbox, { event_types: ['custom.*'], filter: { 'data.n': 3 } });
    const send = async (): Promise<void> => {
      await sandbox.post('/v1/events', {
        events: [1, 2, 3].map((n) => ({ event_type: 'custom.a', data: { n } })),
      });
    };
    await send();
    await sandbox.ok('PATCH', `/v1/endpoints/${own.endpoint_id}`, { json: { filter: { 'data.n': 2 } } });
    await send();
    await sandbox.ok('PATCH', `/v1/endpoints/${own.endpoint_id}`, { json: { filter: null } });
    await send();
    const got = await own.hook.untilEvents(5);
    expect(got.map((event) => event.data['n'])).toEqual([3, 2, 1, 2, 3]);
    expect(await sandbox.deliveries(`?endpoint_id=${own.endpoint_id}`)).toHaveLength(5);
  });

  it('are refused with the place of what is wrong', async () => {
    const { sandbox } = await kit.server.project();
    const url = kit.receiver.hook().url;
    const bad: [object, string][] = [
      [{ $or: [{}, { 'data.x': { $regex: '^a' } }] }, '/filter/$or/1/data.x/$regex'],
      [{ $where: 'true' }, '/filter/$where'],
      [{ bounce_type: 'hard' }, '/filter/bounce_type'],
      [{ seq: { $gt: 5 } }, '/filter/seq'],
      [{ 'data.x': { $gt: null } }, '/filter/data.x/$gt'],
    ];
    for (const [filter, path] of bad) {
      const answer = await sandbox.call<Problem>('POST', '/v1/endpoints', { json: { url, filter } });
      expect(answer.status).toBe(422);
      expect(answer.body.errors?.map((error) => error.path)).toEqual([path]);
    }
    expect(await sandbox.all('/v1/endpoints')).toEqual([]);
  });
});

describe('dialects', () => {
  const isOf =
    (...types: string[]): Wanted =>
    (event) =>
      types.includes(event.event_type);
  const anyMail: Wanted = (event) => event.message_id !== null;

  async function expectSigned({ hook, secret }: Target): Promise<void> {
    for (const { headers, body } of hook.requests) {
      const verify = headers['x-sendarix-signature'] === undefined ? verifyStandard : verifySendarix;
      const signed = { body, headers: headers as Record<string, string> };
      expect(await verify({ ...signed, secrets: [secret] })).toMatchObject({ ok: true });
      expect(
        (await verify({ ...signed, body: Buffer.from(`${body.toString()} `), secrets: [secret] })).ok,
      ).toBe(false);
    }
  }

  it('each get what they have a name for, in their shape, signed', async () => {
    const { sandbox } = await kit.server.project();
    const [cloud, sentin, sendook, sendarix, more] = await Promise.all([
      target(sandbox, { dialect: 'cloudevents', event_types: ['*'] }),
      target(sandbox, { dialect: 'sentinmail' }),
      target(sandbox, { dialect: 'sendook' }),
      target(sandbox, { dialect: 'sendarix' }),
      target(sandbox, { dialect: 'sendarix', event_types: ['dropped', 'custom.*'] }),
    ]);
    const events = await pour(sandbox);
    expect(events.some(isOf('dropped')) && events.some(isOf('deferred')) && events.some(isOf('click'))).toBe(
      true,
    );

    await expectExactly(sandbox, cloud, events, () => true);
    await expectExactly(
      sandbox,
      sentin,
      events,
      isOf('delivered', 'open', 'click', 'soft_bounce', 'bounce', 'unsubscribe'),
    );
    await expectExactly(
      sandbox,
      sendook,
      events,
      isOf('accepted', 'delivered', 'soft_bounce', 'bounce', 'dropped', 'complaint'),
    );
    const eventId = (request: Received): string => jsonOf(request)['event_id'] as string;
    const sendarixMail: Wanted = (event) => anyMail(event) && !isOf('dropped', 'received')(event);
    await expectExactly(sandbox, sendarix, events, sendarixMail, eventId);
    await expectExactly(sandbox, more, events, isOf('dropped', 'custom.order'), eventId);
    for (const each of [cloud, sentin, sendook, sendarix, more]) await expectSigned(each);

    expectCloudEvents(cloud.hook, events);
    for (const request of sentin.hook.requests) {
      const { id, type, recipient } = jsonOf(request);
      expect(id).toBe(request.headers['webhook-id']);
      expect(['delivered', 'opened', 'clicked', 'bounced', 'unsubscribed']).toContain(type);
      expect(recipient).toMatch(/@sandbox\.test$/);
    }
    for (const request of sendook.hook.requests) {
      const { event, messageId, payload } = jsonOf(request) as {
        event: string;
        messageId: string;
        payload: object;
      };
      expect(event).toMatch(/^message\.(sent|delivered|bounced|rejected|complained)$/);
      expect(messageId).toMatch(/^[0-9a-f]{24}$/);
      expect(payload).toMatchObject({
        _id: messageId,
        id: messageId,
        status: event.slice('message.'.length),
      });
      expect(request.headers['content-type']).toBe('application/json');
    }
  });

  function expectCloudEvents(hook: Hook, events: EventEnvelope[]): void {
    const byId = new Map(events.map((event) => [event.event_id, event]));
    for (const request of hook.requests) {
      expect(request.headers['content-type']).toBe('application/cloudevents+json; charset=utf-8');
      const { data, ...attributes } = jsonOf(request);
      const event = byId.get(attributes['id'] as string) as EventEnvelope;
      expect(attributes).toMatchObject({
        specversion: '1.0',
        source: '/postrider/sandbox',
        type: `postrider.${event.event_type}`,
        time: event.timestamp,
        sequence: String((data as { seq: number }).seq).padStart(16, '0'),
      });
      expect(data).toEqual({ ...event, seq: expect.any(Number) });
    }
  }

  it('cloudevents come in batches of their own content type', async () => {
    const { sandbox } = await kit.server.project();
    const batch = { max_events: 20, max_wait_ms: 200 };
    const own = await target(sandbox, { dialect: 'cloudevents', event_types: ['custom.*'], batch });
    const sent = Array.from({ length: 50 }, (_, n) => ({ event_type: 'custom.a', data: { n } }));
    const { data } = await sandbox.post<{ data: { event_id: string }[] }>('/v1/events', { events: sent });
    const ids = (): string[] =>
      own.hook.requests.flatMap(({ body }) =>
        (JSON.parse(body.toString()) as { id: string }[]).map(({ id }) => id),
      );
    await waitFor('all events at the hook', () => ids().length >= sent.length);
    expect(
      tally(
        data.map((one) => one.event_id),
        ids(),
      ),
    ).toEqual(ALL_THERE);
    expect(own.hook.requests.length).toBeLessThan(sent.length);
    for (const { headers } of own.hook.requests) {
      expect(headers['content-type']).toBe('application/cloudevents-batch+json; charset=utf-8');
      expect(headers['webhook-id']).toMatch(/^bat_/);
    }
    await expectSigned(own);
    const patch = { json: { dialect: 'sentinmail', event_types: [] } };
    const refused = await sandbox.call<Problem>('PATCH', `/v1/endpoints/${own.endpoint_id}`, patch);
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: '/dialect' }] } });
  });

  it('are refused with types they cannot tell, and so are samples of such', async () => {
    const { sandbox } = await kit.server.project();
    const json = { url: kit.receiver.hook().url, dialect: 'sentinmail', event_types: ['bounce', 'deferred'] };
    const refused = await sandbox.call<Problem>('POST', '/v1/endpoints', { json });
    expect(refused).toMatchObject({ status: 422, body: { errors: [{ path: '/event_types/1' }] } });

    const { hook, endpoint_id } = await target(sandbox, { dialect: 'sentinmail' });
    const path = `/v1/endpoints/${endpoint_id}/test`;
    const sample = await sandbox.call<Problem>('POST', path, { json: { event_type: 'deferred' } });
    expect(sample).toMatchObject({ status: 422, body: { errors: [{ path: '/event_type' }] } });
    await sandbox.post(path, { event_type: 'bounce' });
    expect(hook.requests.map(jsonOf)).toMatchObject([{ type: 'bounced', test: true }]);
  });
});
