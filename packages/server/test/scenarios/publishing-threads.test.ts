/** Publishing spread over threads does what one thread does: every event, retries on the moved clock, breakers, orders. */

import { expect, it } from 'vitest';
import { started } from '../kit/started.ts';
import { waitFor } from '../kit/wait.ts';

const kit = started({ publish: { threads: 3 }, log: { level: 'silent' } });
const ENDPOINTS = 7;
const EVENTS = 60;

function customEvents(count: number): { events: { event_type: string; data: object }[] } {
  return {
    events: Array.from({ length: count }, (_, n) => ({ event_type: 'custom.order.paid', data: { n } })),
  };
}

it('every event reaches every endpoint once, whichever thread its lane is in', async () => {
  const { sandbox } = await kit.server.project();
  const hooks = Array.from({ length: ENDPOINTS }, () => kit.receiver.hook());
  for (const { url } of hooks) await sandbox.createEndpoint({ url, event_types: ['custom.*'] });
  await sandbox.post('/v1/events', customEvents(EVENTS));
  for (const hook of hooks) {
    const events = await hook.untilEvents(EVENTS);
    expect(new Set(events.map(({ seq }) => seq)).size).toBe(EVENTS);
  }
  await waitFor('everything settled', async () => (await sandbox.deliveries('?status=pending')).length === 0);
  for (const hook of hooks) expect(hook.requests).toHaveLength(EVENTS);
});

it('retries, breakers and strict orders follow the moved clock', async () => {
  const { sandbox } = await kit.server.project();
  const answer = { status: 503 };
  const hooks = Array.from({ length: ENDPOINTS }, () => kit.receiver.hook(answer));
  const ids: string[] = [];
  for (const { url } of hooks) {
    const { endpoint_id } = await sandbox.createEndpoint({
      url,
      event_types: ['custom.*'],
      ordering: 'strict',
    });
    ids.push(endpoint_id);
  }
  await sandbox.post('/v1/events', customEvents(EVENTS));
  await sandbox.advance(2 * 3600);
  for (const id of ids) {
    const stats = await sandbox.get<{ breaker: string; pending: number }>(`/v1/endpoints/${id}/stats`);
    expect(stats).toMatchObject({ breaker: 'open', pending: EVENTS });
  }
  answer.status = 200;
  for (const hook of hooks) hook.requests.length = 0;
  await sandbox.advance(301);
  for (const hook of hooks) {
    const events = await hook.untilEvents(EVENTS);
    expect(events.map(({ seq }) => seq)).toEqual(Array.from({ length: EVENTS }, (_, n) => n + 1));
  }
});
