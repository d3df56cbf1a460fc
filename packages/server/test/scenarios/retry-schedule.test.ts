/** Six attempts at 0 s, 30 s, 5 min, 30 min, 2 h and 5 h after one another within ±10 %, then the dead letter and its way back. */

import type { DeliveryDetail } from '@postrider/contract/schemas/delivery';
import type { EventsAccepted } from '@postrider/contract/schemas/event';
import { expect, it } from 'vitest';
import type { Api } from '../kit/api.ts';
import { eventOf, type Hook } from '../kit/receiver.ts';
import { started } from '../kit/started.ts';
import { waitFor } from '../kit/wait.ts';

const SCHEDULE_S = [30, 300, 1_800, 7_200, 18_000];
const HOUR_S = 3_600;

const kit = started({}, ['endpoint disabled']);

/** A failing hook with one event due at it, and a second one that hears of operations. */
async function failing(hook: Hook): Promise<{ sandbox: Api; operations: Hook; endpoint_id: string }> {
  const { sandbox } = await kit.server.project();
  const operations = kit.receiver.hook();
  await sandbox.createEndpoint({ url: operations.url, event_types: ['delivery.failed', 'endpoint.*'] });
  const { endpoint_id } = await sandbox.createEndpoint({ url: hook.url, event_types: ['accepted', '*'] });
  return { sandbox, operations, endpoint_id };
}

async function onlyDelivery(sandbox: Api, endpoint_id: string): Promise<DeliveryDetail> {
  const [delivery, ...others] = await sandbox.deliveries(`?endpoint_id=${endpoint_id}`);
  expect(others).toEqual([]);
  return sandbox.delivery(delivery?.delivery_id ?? '');
}

function gaps_s(delivery: DeliveryDetail): number[] {
  const times = delivery.attempts.map((attempt) => Date.parse(attempt.at));
  return times.slice(1).map((time, index) => (time - (times[index] as number)) / 1000);
}

function expectSchedule(gaps: number[], schedule: number[]): void {
  expect(gaps).toHaveLength(schedule.length);
  for (const [index, wait] of schedule.entries()) {
    // The attempt itself takes some of the environment's time too: half a second at most here.
    expect(gaps[index]).toBeGreaterThanOrEqual(wait * 0.9);
    expect(gaps[index]).toBeLessThanOrEqual(wait * 1.1 + 0.5);
  }
}

it('six attempts by the default schedule, the dead letter, delivery.failed, and a retry that succeeds', async () => {
  const hook = kit.receiver.hook({ status: 500, body: 'not today' });
  const { sandbox, operations, endpoint_id } = await failing(hook);
  const accepted = await sandbox.post<EventsAccepted>('/v1/events', { event_type: 'custom.order.paid' });
  const event_id = accepted.data[0]?.event_id;

  await sandbox.advance(9 * HOUR_S);
  const dead = await onlyDelivery(sandbox, endpoint_id);
  expect(dead).toMatchObject({
    event_id,
    status: 'failed',
    attempts_made: 6,
    last_status: 500,
    next_attempt_at: null,
    seq: 1,
  });
  expect(Date.parse(dead.settled_at ?? '')).toBeGreaterThanOrEqual(
    Date.parse(dead.attempts.at(-1)?.at ?? ''),
  );
  expectSchedule(gaps_s(dead), SCHEDULE_S);
  expect(
    dead.attempts.map(({ attempt, status, response_excerpt }) => [attempt, status, response_excerpt]),
  ).toEqual([1, 2, 3, 4, 5, 6].map((attempt) => [attempt, 500, 'not today']));
  expect(hook.requests.map((request) => request.headers['postrider-attempt'])).toEqual([
    '1',
    '2',
    '3',
    '4',
    '5',
    '6',
  ]);
  for (const request of hook.requests) expect(eventOf(request)).toMatchObject({ event_id, seq: 1 });

  const [failed] = await operations.untilEvents(1);
  expect(failed).toMatchObject({
    event_type: 'delivery.failed',
    data: { delivery_id: dead.delivery_id, endpoint_id, event_id, attempts: 6, last_status: 500 },
  });
  // Nothing more comes by itself, however long one waits, and the failing endpoint is not told of its own failure.
  await sandbox.advance(49 * HOUR_S);
  expect(hook.requests).toHaveLength(6);
  expect(operations.requests).toHaveLength(1);
  expect((await sandbox.deliveries('?status=failed')).map((one) => one.delivery_id)).toEqual([
    dead.delivery_id,
  ]);

  hook.behave({ status: 200 });
  await sandbox.post(`/v1/deliveries/${dead.delivery_id}/retry`);
  const settled = await waitFor('success of the retry', async () => {
    const now = await sandbox.delivery(dead.delivery_id);
    return now.status === 'delivered' && now;
  });
  expect(settled).toMatchObject({ attempts_made: 7, seq: 1, last_status: 200 });
  expect(hook.events).toMatchObject([{ event_id, seq: 1 }]);
  expect(await sandbox.deliveries('?status=failed')).toEqual([]);
});

it('a dead letter that is retried and fails again runs the whole schedule anew', async () => {
  const hook = kit.receiver.hook({ status: 503 });
  const { sandbox, operations, endpoint_id } = await failing(hook);
  await sandbox.post('/v1/events', { event_type: 'custom.a' });
  await sandbox.advance(9 * HOUR_S);
  const dead = await onlyDelivery(sandbox, endpoint_id);
  await sandbox.post(`/v1/deliveries/${dead.delivery_id}/retry`);
  await sandbox.advance(9 * HOUR_S);
  const again = await onlyDelivery(sandbox, endpoint_id);
  expect(again).toMatchObject({ status: 'failed', attempts_made: 12 });
  expectSchedule(gaps_s(again).slice(6), SCHEDULE_S);
  await operations.untilEvents(2);
});

it('an endpoint has a schedule of its own', async () => {
  const { sandbox } = await kit.server.project();
  const hook = kit.receiver.hook((_request, number) => ({ status: number < 3 ? 404 : 204 }));
  const { endpoint_id } = await sandbox.createEndpoint({
    url: hook.url,
    event_types: ['custom.*'],
    retry_schedule: [10, 60],
  });
  await sandbox.post('/v1/events', { event_type: 'custom.a' });
  await sandbox.advance(120);
  const delivery = await onlyDelivery(sandbox, endpoint_id);
  expect(delivery).toMatchObject({ status: 'delivered', attempts_made: 3 });
  expectSchedule(gaps_s(delivery), [10, 60]);
});

it.each([
  ['a reset connection', 'reset', 0],
  ['a connection that ends within the head', 'close_early', 0],
  ['a redirect, which is not followed', { status: 302, headers: { location: '/elsewhere' } }, 302],
  ['an endpoint that never answers', 'hang', 0],
] as const)('%s is a failure and retried', async (_name, behaviour, status) => {
  const { sandbox } = await kit.server.project();
  const hook = kit.receiver.hook((_request, number) => (number === 1 ? behaviour : { status: 200 }));
  const { endpoint_id } = await sandbox.createEndpoint({
    url: hook.url,
    event_types: ['custom.*'],
    timeout_ms: 1_000,
  });
  await sandbox.post('/v1/events', { event_type: 'custom.a' });
  await hook.untilRequests(1);
  await sandbox.advance(40);
  const delivery = await onlyDelivery(sandbox, endpoint_id);
  expect(delivery).toMatchObject({ status: 'delivered', attempts_made: 2 });
  expect(delivery.attempts[0]).toMatchObject({ status, error: expect.any(String) });
  expect(hook.requests).toHaveLength(2);
});

it('a 2xx head decides, however long the body drips', async () => {
  const { sandbox } = await kit.server.project();
  const hook = kit.receiver.hook('drip');
  const { endpoint_id } = await sandbox.createEndpoint({ url: hook.url, event_types: ['custom.*'] });
  await sandbox.post('/v1/events', { event_type: 'custom.a' });
  await hook.untilRequests(1);
  await sandbox.advance(0);
  expect(await onlyDelivery(sandbox, endpoint_id)).toMatchObject({ status: 'delivered', attempts_made: 1 });
});

it('410 disables the endpoint, says so elsewhere, and what is held drains when it is enabled', async () => {
  const hook = kit.receiver.hook({ status: 410 });
  const { sandbox, operations, endpoint_id } = await failing(hook);
  await sandbox.post('/v1/events', { event_type: 'custom.a' });
  const [disabled] = await operations.untilEvents(1);
  expect(disabled).toMatchObject({ event_type: 'endpoint.disabled', data: { endpoint_id } });
  await sandbox.post('/v1/events', { event_type: 'custom.b' });
  await sandbox.advance(49 * HOUR_S);
  expect(hook.requests).toHaveLength(1);
  const held = await sandbox.deliveries(`?endpoint_id=${endpoint_id}`);
  expect(held.map((one) => one.status)).toEqual(['held', 'held']);

  hook.behave({ status: 200 });
  await sandbox.post(`/v1/endpoints/${endpoint_id}/enable`);
  await sandbox.advance(60);
  const events = await hook.untilEvents(2);
  expect(events.map((event) => event.event_type)).toEqual(['custom.a', 'custom.b']);
});
