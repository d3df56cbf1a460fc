/** Endpoints in use: tested, disabled and enabled, changed, deleted; their deliveries with every attempt. */

import type { DeliveryObject } from '@postrider/contract/schemas/delivery';
import type { EndpointObject, EndpointTestAnswer } from '@postrider/contract/schemas/endpoint';
import { describe, expect, it } from 'vitest';
import type { Api } from '../kit/api.ts';
import { eventOf, type Hook } from '../kit/receiver.ts';
import { started } from '../kit/started.ts';
import { ALL_THERE, tally } from '../kit/tally.ts';
import { waitFor } from '../kit/wait.ts';

const kit = started();

async function custom(api: Api, count: number): Promise<string[]> {
  const events = Array.from({ length: count }, () => ({ event_type: 'custom.a' }));
  const { data } = await api.post<{ data: { event_id: string }[] }>('/v1/events', { events });
  return data.map((one) => one.event_id);
}

describe('the test call', () => {
  async function test(hook: Hook, body?: object): Promise<EndpointTestAnswer> {
    const { sandbox } = await kit.server.project();
    const { endpoint_id, secret } = await sandbox.createEndpoint({ url: hook.url, timeout_ms: 1_000 });
    const answer = await sandbox.post<EndpointTestAnswer>(`/v1/endpoints/${endpoint_id}/test`, body);
    hook.verifyAll(secret);
    expect(await sandbox.events()).toEqual([]);
    expect(await sandbox.deliveries()).toEqual([]);
    return answer;
  }

  it('sends a sample that says that it is one, signed, and shows what was answered', async () => {
    const hook = kit.receiver.hook({ status: 201, body: 'well received' });
    const answer = await test(hook, { event_type: 'bounce' });
    expect(answer).toMatchObject({ delivered: true, status: 201, response_body: 'well received' });
    expect(answer.latency_ms).toBeGreaterThan(0);
    expect(hook.requests.map(eventOf)).toMatchObject([
      { event_type: 'bounce', test: true, environment: 'sandbox' },
    ]);
  });

  it('is delivered when nothing else is said, and not retried', async () => {
    const hook = kit.receiver.hook({ status: 500, body: 'no' });
    expect(await test(hook)).toMatchObject({ delivered: false, status: 500, response_body: 'no' });
    expect(hook.requests.map(eventOf)).toMatchObject([{ event_type: 'delivered', test: true }]);
  });

  it('says what went wrong when no answer came', async () => {
    const answer = await test(kit.receiver.hook('hang'));
    expect(answer).toMatchObject({ delivered: false, status: null, response_body: null });
    expect(answer.error).toMatch(/time/i);
  });
});

describe('a disabled endpoint', () => {
  it('holds its deliveries, and drains them in order when it is enabled', async () => {
    const { sandbox } = await kit.server.project();
    const hook = kit.receiver.hook();
    const other = kit.receiver.hook();
    const { endpoint_id } = await sandbox.createEndpoint({
      url: hook.url,
      event_types: ['custom.*'],
      max_in_flight: 1,
    });
    await sandbox.createEndpoint({ url: other.url, event_types: ['endpoint.*'] });
    const before = await custom(sandbox, 3);
    await hook.untilEvents(3);

    const disabled = await sandbox.post<EndpointObject>(`/v1/endpoints/${endpoint_id}/disable`);
    expect(disabled).toMatchObject({ status: 'disabled', disabled_reason: expect.any(String) });
    expect(await other.untilEvents(1)).toMatchObject([
      { event_type: 'endpoint.disabled', data: { endpoint_id } },
    ]);
    const meanwhile = await custom(sandbox, 300);
    await sandbox.advance(86_400);
    expect(hook.requests).toHaveLength(3);
    const held = await sandbox.deliveries(`?endpoint_id=${endpoint_id}&status=held`);
    expect(
      tally(
        meanwhile,
        held.map((one) => one.event_id),
      ),
    ).toEqual(ALL_THERE);

    expect(await sandbox.post<EndpointObject>(`/v1/endpoints/${endpoint_id}/enable`)).toMatchObject({
      status: 'enabled',
      disabled_reason: null,
    });
    await hook.untilEvents(303);
    // By arrival: one at a time, so nothing can overtake.
    expect(hook.requests.map((request) => eventOf(request).seq)).toEqual(
      Array.from({ length: 303 }, (_, n) => n + 1),
    );
    expect(hook.requests.map((request) => eventOf(request).event_id)).toEqual([...before, ...meanwhile]);
    await waitFor('an empty list', async () => (await sandbox.deliveries('?status=pending')).length === 0);
  });

  it('enabled without backfill discards what was held and goes on with what is new', async () => {
    const { sandbox } = await kit.server.project();
    const hook = kit.receiver.hook();
    const { endpoint_id } = await sandbox.createEndpoint({ url: hook.url, event_types: ['custom.*'] });
    await sandbox.post(`/v1/endpoints/${endpoint_id}/disable`);
    const held = await custom(sandbox, 20);
    await sandbox.post(`/v1/endpoints/${endpoint_id}/enable`, { backfill: false });
    const after = await custom(sandbox, 5);
    const told = await hook.untilEvents(5);
    expect(told.map((event) => event.event_id)).toEqual(after);
    expect(told.map((event) => event.seq)).toEqual([21, 22, 23, 24, 25]);
    const discarded = await sandbox.deliveries('?status=discarded');
    expect(
      tally(
        held,
        discarded.map((one) => one.event_id),
      ),
    ).toEqual(ALL_THERE);
  });
});

describe('a changed endpoint', () => {
  it('gets what comes next at its new address, with its new headers and events', async () => {
    const { sandbox } = await kit.server.project();
    const [old, next] = [kit.receiver.hook(), kit.receiver.hook()];
    const { endpoint_id, secret } = await sandbox.createEndpoint({ url: old.url, event_types: ['custom.*'] });
    await custom(sandbox, 1);
    await old.untilEvents(1);
    const patched = await sandbox.ok<EndpointObject>('PATCH', `/v1/endpoints/${endpoint_id}`, {
      json: { url: next.url, headers: { 'X-Team': 'b' }, event_types: ['custom.b'], description: 'moved' },
    });
    expect(patched).toMatchObject({ url: next.url, description: 'moved', event_types: ['custom.b'] });
    await custom(sandbox, 1);
    await sandbox.post('/v1/events', { event_type: 'custom.b' });
    const [event] = await next.untilEvents(1);
    expect(event).toMatchObject({ event_type: 'custom.b', seq: 2 });
    expect(next.requests[0]?.headers['x-team']).toBe('b');
    next.verifyAll(secret);
    await sandbox.advance(0);
    expect([old.requests.length, next.requests.length]).toEqual([1, 1]);
  });

  it.each([
    [{ url: 'ftp://example.com/' }, '/url'],
    [{ url: 'http://example.com/' }, '/url'],
    [{ url: 'https://user:pass@example.com/' }, '/url'],
    [{ url: 'https://10.0.0.1/' }, '/url'],
    [{ url: 'https://169.254.169.254/latest/meta-data' }, '/url'],
    [{ url: 'https://[::ffff:10.0.0.1]/' }, '/url'],
    [{ url: 'https://example.com/', retry_schedule: [-1] }, '/retry_schedule/0'],
    [{ url: 'https://example.com/', headers: { 'Webhook-Id': 'mine' } }, '/headers/Webhook-Id'],
    [{ url: 'https://example.com/', colour: 'red' }, '/colour'],
  ])('%j is refused by name', async (json, path) => {
    const { sandbox } = await kit.server.project();
    const answer = await sandbox.call<{ errors: { path: string }[] }>('POST', '/v1/endpoints', { json });
    expect(answer.status).toBe(422);
    expect(answer.body.errors.map((error) => error.path)).toEqual([path]);
    expect(await sandbox.all('/v1/endpoints')).toEqual([]);
  });
});

describe('deliveries', () => {
  it('are listed with their attempts, by endpoint, event, message and state', async () => {
    const { sandbox } = await kit.server.project();
    const good = kit.receiver.hook();
    const bad = kit.receiver.hook({ status: 503, body: 'x'.repeat(5_000) });
    const one = await sandbox.createEndpoint({ url: good.url });
    const two = await sandbox.createEndpoint({ url: bad.url, retry_schedule: [60] });
    const { message_id } = await sandbox.send({});
    await good.untilEvents(2);
    await sandbox.advance(70);

    const all = await sandbox.deliveries(`?message_id=${message_id}`);
    const key = ({ endpoint_id, event_type, status }: DeliveryObject): string =>
      `${endpoint_id} ${event_type} ${status}`;
    expect(all.map(key).toSorted()).toEqual(
      [
        `${one.endpoint_id} accepted delivered`,
        `${one.endpoint_id} delivered delivered`,
        `${two.endpoint_id} accepted failed`,
        `${two.endpoint_id} delivered failed`,
      ].toSorted(),
    );
    const failed = await sandbox.deliveries(`?status=failed&endpoint_id=${two.endpoint_id}`);
    expect(failed).toHaveLength(2);
    expect(await sandbox.deliveries(`?status=failed&endpoint_id=${one.endpoint_id}`)).toEqual([]);
    expect(await sandbox.deliveries(`?event_id=${failed[0]?.event_id}`)).toHaveLength(2);
    expect((await sandbox.all<DeliveryObject>('/v1/deliveries', 1)).map(key).toSorted()).toEqual(
      all.map(key).toSorted(),
    );

    const detail = await sandbox.delivery(failed[0]?.delivery_id ?? '');
    expect(detail.attempts).toMatchObject([
      { attempt: 1, status: 503, error: expect.any(String) },
      { attempt: 2, status: 503, error: expect.any(String) },
    ]);
    for (const attempt of detail.attempts) {
      expect(attempt.response_excerpt).toBe('x'.repeat(1_024));
      expect(attempt.latency_ms).toBeGreaterThan(0);
    }
    const stats = await sandbox.get(`/v1/endpoints/${two.endpoint_id}/stats`);
    expect(stats).toMatchObject({ pending: 0, in_flight: 0, failed: 2, success_rate_1h: 0 });
  });

  it('a discarded dead letter is gone from the list and cannot be retried', async () => {
    const { sandbox } = await kit.server.project();
    const hook = kit.receiver.hook({ status: 500 });
    await sandbox.createEndpoint({ url: hook.url, event_types: ['custom.*'], retry_schedule: [] });
    await custom(sandbox, 1);
    const [dead] = await waitFor('the dead letter', async () => {
      const failed = await sandbox.deliveries('?status=failed');
      return failed.length > 0 && failed;
    });
    const id = dead?.delivery_id ?? '';
    expect(await sandbox.post(`/v1/deliveries/${id}/discard`)).toMatchObject({ status: 'discarded' });
    expect(await sandbox.deliveries('?status=failed')).toEqual([]);
    for (const action of ['retry', 'discard'])
      expect((await sandbox.call('POST', `/v1/deliveries/${id}/${action}`)).status).toBe(409);
    await sandbox.advance(3_600);
    expect(hook.requests).toHaveLength(1);
  });

  it('of a deleted endpoint are not attempted any more', async () => {
    const { sandbox } = await kit.server.project();
    const hook = kit.receiver.hook({ status: 500 });
    const { endpoint_id } = await sandbox.createEndpoint({ url: hook.url, event_types: ['custom.*'] });
    await custom(sandbox, 1);
    await hook.untilRequests(1);
    await sandbox.ok('DELETE', `/v1/endpoints/${endpoint_id}`);
    await sandbox.advance(86_400);
    await custom(sandbox, 1);
    await sandbox.advance(86_400);
    expect(hook.requests).toHaveLength(1);
    expect((await sandbox.call('GET', `/v1/endpoints/${endpoint_id}`)).status).toBe(404);
  });
});

it('endpoints do not wait for one another: one that hangs holds nobody up', async () => {
  const { sandbox } = await kit.server.project();
  const healthy = kit.receiver.hook();
  for (let n = 0; n < 20; n++)
    await sandbox.createEndpoint({
      url: kit.receiver.hook('hang').url,
      event_types: ['custom.*'],
      retry_schedule: [],
    });
  await sandbox.createEndpoint({ url: healthy.url, event_types: ['custom.*'] });
  const sent = await custom(sandbox, 200);
  const told = await healthy.untilEvents(200, 5_000);
  expect(
    tally(
      sent,
      told.map((event) => event.event_id),
    ),
  ).toEqual(ALL_THERE);
  for (const endpoint of await sandbox.all<EndpointObject>('/v1/endpoints'))
    await sandbox.ok('DELETE', `/v1/endpoints/${endpoint.endpoint_id}`);
});
