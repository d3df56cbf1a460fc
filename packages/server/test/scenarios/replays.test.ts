/** Events sent again: to an endpoint that lost its data, to one that was away, to one that is new. */

import type { DeliveryObject } from '@postrider/contract/schemas/delivery';
import { describe, expect, it } from 'vitest';
import type { Api } from '../kit/api.ts';
import { eventOf, type Hook, type Received } from '../kit/receiver.ts';
import { beginReplay, emit, replayEnd, replayOf } from '../kit/replays.ts';
import { started } from '../kit/started.ts';
import { waitFor } from '../kit/wait.ts';

const parts = started({ publish: { max_replays: 2 } });

async function sandboxWith(
  hook: Hook,
  settings: object = {},
): Promise<{ api: Api; endpoint_id: string; secret: string }> {
  const { sandbox } = await parts.server.project();
  const body = { url: hook.url, event_types: ['custom.*'], retry_schedule: [], ...settings };
  const { endpoint_id, secret } = await sandbox.createEndpoint(body);
  return { api: sandbox, endpoint_id, secret };
}

const replayed = (hook: Hook): Received[] =>
  hook.requests.filter((request) => request.headers['postrider-replay'] !== undefined);
const shown = (requests: readonly Received[]): string[] =>
  requests
    .map(eventOf)
    .sort((a, b) => a.seq - b.seq)
    .map((event) => `${event.seq} ${event.event_id}`);

describe('a replay', () => {
  it('sends everything again to an endpoint that lost its data, as it was, and says so', async () => {
    const hook = parts.receiver.hook();
    const { api, endpoint_id, secret } = await sandboxWith(hook);
    const ids = await emit(api, 600);
    await hook.untilEvents(600);
    const first = shown(hook.requests);
    expect(first).toEqual(ids.map((id, n) => `${n + 1} ${id}`));

    const { replay_id, matched } = await beginReplay(api, { endpoint_id });
    expect(matched).toBe(600);
    expect(await replayEnd(api, replay_id)).toMatchObject({
      endpoint_id,
      status: 'completed',
      matched: 600,
      queued: 600,
      skipped: 0,
      delivered: 600,
      failed: 0,
      discarded: 0,
      error: null,
    });
    expect(shown(replayed(hook))).toEqual(first);
    for (const request of replayed(hook))
      expect([request.headers['postrider-replay'], request.headers['postrider-attempt']]).toEqual([
        replay_id,
        '2',
      ]);
    hook.verifyAll(secret);
    const list = await api.get<{ data: { replay_id: string }[] }>('/v1/replays');
    expect(list.data.map((one) => one.replay_id)).toEqual([replay_id]);
  });

  it('sends what the query says and nothing else, to this endpoint alone', async () => {
    const [hook, other] = [parts.receiver.hook(), parts.receiver.hook()];
    const { api, endpoint_id } = await sandboxWith(hook, { filter: { 'data.n': { $lt: 3 } } });
    await api.createEndpoint({ url: other.url, event_types: ['custom.*'] });
    await emit(api, 5, 'custom.a');
    await emit(api, 5, 'custom.b');
    await Promise.all([hook.untilEvents(6), other.untilEvents(10)]);
    const { replay_id, matched } = await beginReplay(api, { endpoint_id, event_types: ['custom.b'] });
    expect(matched).toBe(3);
    await replayEnd(api, replay_id);
    expect(replayed(hook).map((request) => eventOf(request).event_type)).toEqual(Array(3).fill('custom.b'));
    expect(other.requests).toHaveLength(10);
  });

  it('brings a new endpoint what happened before it was there, and what it has goes on from there', async () => {
    const [hook, late] = [parts.receiver.hook(), parts.receiver.hook()];
    const { api } = await sandboxWith(hook);
    const old = await emit(api, 20);
    const { endpoint_id } = await api.createEndpoint({ url: late.url, event_types: ['custom.*'] });
    const fresh = await emit(api, 3);
    await late.untilEvents(3);
    const { replay_id, matched } = await beginReplay(api, {
      endpoint_id,
      before: new Date(Date.now() + 60_000).toISOString(),
    });
    expect(matched).toBe(23);
    expect(await replayEnd(api, replay_id)).toMatchObject({ queued: 23, delivered: 23 });
    const last = await emit(api, 1);
    await late.untilEvents(27);
    expect(shown(late.requests.filter((request) => request.headers['postrider-attempt'] === '1'))).toEqual(
      [...fresh, ...old, ...last].map((id, n) => `${n + 1} ${id}`),
    );
    const listed = await api.all<DeliveryObject>(`/v1/deliveries?endpoint_id=${endpoint_id}`, 7);
    expect(listed.map((one) => one.seq)).toEqual(Array.from({ length: 24 }, (_, n) => 24 - n));
  });

  it('sends dead letters again when asked for those', async () => {
    const hook = parts.receiver.hook((request) => ({
      status: eventOf(request).seq % 3 === 0 && request.headers['postrider-attempt'] === '1' ? 500 : 200,
    }));
    const { api, endpoint_id } = await sandboxWith(hook);
    await emit(api, 30);
    await waitFor('10 dead letters', async () => (await api.deliveries('?status=failed')).length === 10);
    const { replay_id, matched } = await beginReplay(api, { endpoint_id, status: 'failed' });
    expect(matched).toBe(10);
    expect(await replayEnd(api, replay_id)).toMatchObject({ status: 'completed', delivered: 10 });
    expect(replayed(hook).map((request) => eventOf(request).seq % 3)).toEqual(Array(10).fill(0));
    expect(await api.deliveries('?status=failed')).toEqual([]);
  });

  it('keeps its rate', async () => {
    const hook = parts.receiver.hook();
    const { api, endpoint_id } = await sandboxWith(hook);
    await emit(api, 60);
    await hook.untilEvents(60);
    const { replay_id } = await beginReplay(api, { endpoint_id, rate: 40 });
    await replayEnd(api, replay_id);
    const times = replayed(hook).map((request) => request.at);
    expect(times).toHaveLength(60);
    // 60 at 40 a second are 1.5 s, less what may come at once; much more would be as wrong.
    const took = Math.max(...times) - Math.min(...times);
    expect(took).toBeGreaterThan(1_100);
    expect(took).toBeLessThan(6_000);
    for (const from of times)
      expect(times.filter((at) => at >= from && at < from + 500).length).toBeLessThanOrEqual(40);
  });

  it('is cancelled: nothing more is sent, and what had not arrived is what it was', async () => {
    const hook = parts.receiver.hook();
    // Fewer at once than open a breaker.
    const { api, endpoint_id } = await sandboxWith(hook, { max_in_flight: 8 });
    await emit(api, 50);
    await hook.untilEvents(50);
    hook.behave((request) =>
      request.headers['postrider-replay'] !== undefined && eventOf(request).seq > 5
        ? 'hang'
        : { status: 200 },
    );
    const { replay_id } = await beginReplay(api, { endpoint_id });
    await waitFor('five that arrived', async () => (await replayOf(api, replay_id)).delivered === 5);
    const cancelled = await api.post(`/v1/replays/${replay_id}/cancel`);
    expect(cancelled).toMatchObject({ status: 'cancelled' });
    await waitFor(
      'the queue to be empty',
      async () => (await api.deliveries('?status=pending')).length === 0,
    );
    expect(await replayOf(api, replay_id)).toMatchObject({ queued: 5, delivered: 5, failed: 0 });
    const all = await api.deliveries();
    expect(all.map((one) => one.status)).toEqual(Array(50).fill('delivered'));
    expect(all.filter((one) => one.attempts_made === 2)).toHaveLength(5);
    const again = await api.call('POST', `/v1/replays/${replay_id}/cancel`);
    expect([again.status, (again.body as { code: string }).code]).toEqual([409, 'conflict']);
  });

  it('keeps the order within each message', async () => {
    const hook = parts.receiver.hook();
    const { api, endpoint_id } = await sandboxWith(hook, {
      event_types: ['accepted', 'delivered', 'open', 'click'],
      ordering: 'message',
    });
    for (let n = 0; n < 15; n++) await api.send({ to: `click+${n}@sandbox.test` });
    await hook.untilEvents(60);
    hook.behave(() => ({ status: 200, delay_ms: Math.floor(Math.random() * 20) }));
    const { replay_id } = await beginReplay(api, { endpoint_id });
    expect(await replayEnd(api, replay_id)).toMatchObject({ queued: 60, delivered: 60 });
    const ways = new Map<string, string[]>();
    for (const request of replayed(hook)) {
      const { message_id, event_type } = eventOf(request);
      ways.set(message_id ?? '', [...(ways.get(message_id ?? '') ?? []), event_type]);
    }
    expect(ways.size).toBe(15);
    expect([...ways.values()]).toEqual([...ways].map(() => ['accepted', 'delivered', 'open', 'click']));
  });

  it('fails when its endpoint is deleted, and others have room again', async () => {
    const hook = parts.receiver.hook();
    const { api, endpoint_id } = await sandboxWith(hook);
    const kept = await api.createEndpoint({ url: hook.url, event_types: ['custom.*'] });
    await emit(api, 20);
    await hook.untilEvents(40);
    const body = { rate: 1 };
    const first = await beginReplay(api, { ...body, endpoint_id });
    await beginReplay(api, { ...body, endpoint_id: kept.endpoint_id });
    const third = await api.call('POST', '/v1/replays', { json: { endpoint_id: kept.endpoint_id } });
    expect([third.status, third.text]).toEqual([409, expect.stringContaining('publish.max_replays')]);
    await api.ok('DELETE', `/v1/endpoints/${endpoint_id}`);
    expect(await replayEnd(api, first.replay_id)).toMatchObject({
      status: 'failed',
      error: 'The endpoint was deleted.',
    });
    expect((await beginReplay(api, { endpoint_id: kept.endpoint_id })).matched).toBe(20);
  });

  it('is refused by name when it makes no sense', async () => {
    const { api, endpoint_id } = await sandboxWith(parts.receiver.hook());
    const refused = async (json: object): Promise<string> => {
      const { status, text } = await api.call('POST', '/v1/replays', { json });
      return `${status} ${text}`;
    };
    expect(await refused({})).toMatch(/^422 .*endpoint_id/);
    expect(await refused({ endpoint_id: 'end_01kq2x3m5p7r9t1v3x5z7b9d1f' })).toMatch(/^404 /);
    expect(await refused({ endpoint_id, event_types: ['bounced'] })).toMatch(/^422 .*event_types\/0/);
    expect(await refused({ endpoint_id, limit: 3 })).toMatch(/^422 .*limit/);
    expect(await refused({ endpoint_id, rate: 0 })).toMatch(/^422 .*rate/);
    const times = { after: '2026-04-20T00:00:00Z', before: '2026-04-19T00:00:00Z' };
    expect(await refused({ endpoint_id, ...times })).toMatch(/^422 .*before/);
  });
});

describe('many deliveries at once', () => {
  it('are put back or given up by a filter, and say how many it were', async () => {
    // Some arrive, so that no breaker opens.
    const hook = parts.receiver.hook((request) => ({ status: eventOf(request).seq % 5 === 0 ? 200 : 500 }));
    const { api, endpoint_id } = await sandboxWith(hook);
    await emit(api, 375, 'custom.a');
    await emit(api, 125, 'custom.b');
    const failed = async (count: number): Promise<unknown> =>
      waitFor(`${count} dead letters`, async () => {
        const stats = await api.get<{ failed: number }>(`/v1/endpoints/${endpoint_id}/stats`);
        return stats.failed === count;
      });
    await failed(400);
    const few = { filter: { endpoint_id, event_types: ['custom.b'] } };
    expect(await api.post('/v1/deliveries/discard', few)).toEqual({ matched: 100, more: false });
    expect(await api.post('/v1/deliveries/discard', few)).toEqual({ matched: 0, more: false });
    await failed(300);
    hook.behave({ status: 200 });
    const all = { filter: {}, all: true };
    expect(await api.post('/v1/deliveries/retry', all)).toEqual({ matched: 300, more: false });
    await hook.untilEvents(100 + 300);
    await failed(0);
  });

  it('are not all of them by mistake', async () => {
    const { api } = await sandboxWith(parts.receiver.hook());
    const refused = async (path: string, json: object): Promise<string> => {
      const { status, text } = await api.call('POST', path, { json });
      return `${status} ${text}`;
    };
    for (const path of ['/v1/deliveries/retry', '/v1/deliveries/discard']) {
      expect(await refused(path, { filter: {} })).toMatch(/^422 .*"all\\": true/);
      expect(await refused(path, {})).toMatch(/^422 .*filter/);
      expect(await refused(path, { filter: { event_types: ['opened'] } })).toMatch(/^422 .*event_types\/0/);
    }
    expect(await refused('/v1/deliveries/retry', { filter: { status: 'pending' } })).toMatch(/^422 .*status/);
  });
});
