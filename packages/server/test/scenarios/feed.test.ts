/** The lane as a pull API and its checkpoints: both agree with what was pushed. */

import type { CheckpointObject } from '@postrider/contract/schemas/feed';
import { describe, expect, it } from 'vitest';
import { provenBy, pull } from '../kit/feed.ts';
import { eventOf } from '../kit/receiver.ts';
import { emit } from '../kit/replays.ts';
import { started } from '../kit/started.ts';
import { waitFor } from '../kit/wait.ts';

const parts = started({ retention: { interval_seconds: 1, events_days: 2, dead_letters_days: 3 } });

describe('the feed', () => {
  it('gives what was pushed, in seq order, and what could not be pushed as well', async () => {
    const { sandbox: api } = await parts.server.project();
    const hook = parts.receiver.hook();
    // Some arrive, so that no breaker opens.
    const away = parts.receiver.hook((request) => ({ status: eventOf(request).seq % 5 === 0 ? 200 : 500 }));
    const event_types = ['custom.*'];
    const good = await api.createEndpoint({ url: hook.url, event_types });
    const bad = await api.createEndpoint({ url: away.url, event_types, retry_schedule: [] });
    const ids = await emit(api, 45);
    const pushed = await hook.untilEvents(45);
    expect(await pull(api, good.endpoint_id, 10)).toEqual(pushed);
    expect(await pull(api, good.endpoint_id, 100, 40)).toEqual(pushed.slice(40));
    await waitFor('dead letters', async () => (await api.deliveries('?status=failed')).length > 20);
    await api.post('/v1/deliveries/discard', { filter: { endpoint_id: bad.endpoint_id } });
    await api.post(`/v1/endpoints/${bad.endpoint_id}/disable`);
    ids.push(...(await emit(api, 5)));
    const pulled = await pull(api, bad.endpoint_id, 7);
    expect(pulled.map((event) => [event.seq, event.event_id])).toEqual(ids.map((id, n) => [n + 1, id]));
    const empty = await api.createEndpoint({ url: hook.url, event_types });
    expect(await pull(api, empty.endpoint_id, 10)).toEqual([]);
  });

  it('refuses a place that is none, and two of them', async () => {
    const { sandbox: api } = await parts.server.project();
    const { endpoint_id } = await api.createEndpoint({ url: parts.receiver.hook().url });
    for (const query of ['after=-1', 'after=x', 'cursor=1.5', 'after=1&cursor=1', 'before=1']) {
      const { status } = await api.call('GET', `/v1/endpoints/${endpoint_id}/feed?${query}`);
      expect([query, status]).toEqual([query, 422]);
    }
  });

  it('and the checkpoints prove that nothing is missing; past retention it says where it begins', async () => {
    const { sandbox: api } = await parts.server.project();
    const hook = parts.receiver.hook();
    const { endpoint_id } = await api.createEndpoint({ url: hook.url, event_types: ['custom.*'] });
    for (let hour = 0; hour < 4; hour++) {
      await emit(api, 25);
      await hook.untilEvents(25 * (hour + 1));
      await api.advance(3600);
    }
    await emit(api, 5);
    const pushed = await hook.untilEvents(105);
    const checkpoints = await provenBy(api, endpoint_id, pushed);
    expect(checkpoints.reduce((sum, one) => sum + one.count, 0)).toBe(105);
    expect(checkpoints.length).toBeGreaterThanOrEqual(5);
    expect(checkpoints.filter((one) => !one.complete)).toEqual([checkpoints.at(-1)]);

    await api.advance(3 * 86_400);
    const path = `/v1/endpoints/${endpoint_id}/feed`;
    const gone = await waitFor(
      'retention',
      async () => {
        const answer = await api.call<{ code: string; earliest_seq: number }>('GET', path);
        return answer.status === 410 && answer.body.earliest_seq === 106 ? answer : null;
      },
      30_000,
    );
    expect(gone.body.code).toBe('gone');
    expect(await pull(api, endpoint_id, 10, 105)).toEqual([]);
    await emit(api, 3);
    expect((await pull(api, endpoint_id, 10, 105)).map((event) => event.seq)).toEqual([106, 107, 108]);
    const later = await api.all<CheckpointObject>(`/v1/endpoints/${endpoint_id}/checkpoints`);
    expect(later.at(-1)).toMatchObject({ from_seq: 106, to_seq: 108, count: 3, complete: false });
  });
});
