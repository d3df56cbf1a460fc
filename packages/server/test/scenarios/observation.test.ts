/** Figures, log lines and health say what really happened. */

import { expect, it } from 'vitest';
import type { Api } from '../kit/api.ts';
import { eventOf } from '../kit/receiver.ts';
import { started } from '../kit/started.ts';
import { waitFor } from '../kit/wait.ts';

const kit = started();

/** Every sample of `/metrics`, by name and labels as they are written. */
async function figures(api: Api): Promise<Map<string, number>> {
  const { text, headers } = await api.call('GET', '/metrics');
  expect(headers.get('content-type')).toMatch(/^text\/plain; version=0\.0\.4/);
  const samples = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    samples.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

function sum(samples: Map<string, number>, name: string): number {
  let total = 0;
  for (const [key, value] of samples) if (key === name || key.startsWith(`${name}{`)) total += value;
  return total;
}

it('attempts are counted by outcome, as many as arrived, and each has one line in the log', async () => {
  const { sandbox } = await kit.server.project();
  const good = kit.receiver.hook();
  const bad = kit.receiver.hook((_request, number) => ({ status: number % 2 === 1 ? 500 : 200 }));
  await sandbox.createEndpoint({ url: good.url, event_types: ['custom.*'] });
  const failing = await sandbox.createEndpoint({
    url: bad.url,
    event_types: ['custom.*'],
    max_in_flight: 1,
    retry_schedule: [1],
  });
  const before = await figures(sandbox);
  const events = Array.from({ length: 10 }, () => ({ event_type: 'custom.a' }));
  await sandbox.post('/v1/events', { events });
  await sandbox.advance(10);

  const after = await figures(sandbox);
  const arrived = good.requests.length + bad.requests.length;
  expect(arrived).toBeGreaterThan(20);
  const more = (name: string): number => sum(after, name) - sum(before, name);
  expect(more('postrider_delivery_attempts_total')).toBe(arrived);
  expect(more('postrider_delivery_attempt_seconds_count')).toBe(arrived);
  expect(more('postrider_delivery_lag_seconds_count')).toBe(20);
  const delivered = 'postrider_delivery_attempts_total{outcome="delivered"}';
  expect((after.get(delivered) ?? 0) - (before.get(delivered) ?? 0)).toBe(
    [...good.requests, ...bad.requests].filter((request) => request.acknowledged).length,
  );

  const lines = kit.server.lines.filter(({ fields }) => fields['event'] === 'delivery.attempt');
  expect(lines).toHaveLength(arrived);
  const first = lines.find(({ fields }) => fields['endpoint_id'] === failing.endpoint_id);
  expect(first?.fields).toMatchObject({
    event_id: eventOf(bad.requests[0] as (typeof bad.requests)[0]).event_id,
    event_type: 'custom.a',
    seq: 1,
    attempt: 1,
    status: 500,
    verdict: 'retry',
    latency_ms: expect.any(Number),
    next_at: expect.any(Number),
  });
  expect(JSON.stringify(kit.server.lines)).not.toMatch(/whsec_|pr_(test|live|admin)_[A-Za-z0-9_-]{20}/);
});

it('the queue is as deep as what waits, and empty when nothing does', async () => {
  const { sandbox } = await kit.server.project();
  const hook = kit.receiver.hook({ status: 500 });
  const depth = async (): Promise<number> => sum(await figures(sandbox), 'postrider_deliveries_pending');
  const empty = await depth();
  await sandbox.createEndpoint({ url: hook.url, event_types: ['custom.*'] });
  await sandbox.post('/v1/events', { events: Array.from({ length: 7 }, () => ({ event_type: 'custom.a' })) });
  await hook.untilRequests(7);
  await waitFor('a queue of seven', async () => (await depth()) === empty + 7);
  hook.behave({ status: 200 });
  await sandbox.advance(60);
  expect(await depth()).toBe(empty);
});

it('commits and the event loop are measured', async () => {
  const { sandbox } = await kit.server.project();
  const before = sum(await figures(sandbox), 'postrider_commit_seconds_count');
  await sandbox.send({});
  const after = await figures(sandbox);
  expect(sum(after, 'postrider_commit_seconds_count')).toBeGreaterThan(before);
  expect(after.has('nodejs_eventloop_lag_p99_seconds')).toBe(true);
});

it('alive and ready are two questions', async () => {
  const { sandbox } = await kit.server.project();
  expect((await sandbox.call('GET', '/healthz')).body).toEqual({ status: 'ok' });
  const ready = await sandbox.call('GET', '/readyz');
  expect([ready.status, ready.body]).toEqual([200, { status: 'ready', reasons: [] }]);
});
