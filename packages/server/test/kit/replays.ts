/** Replays as scenarios begin and follow them. */

import type { EventsAccepted } from '@postrider/contract/schemas/event';
import type { ReplayAccepted, ReplayCreateBody, ReplayObject } from '@postrider/contract/schemas/replay';
import type { Api } from './api.ts';
import { waitFor } from './wait.ts';

/** Custom events, in the order of their ids. */
export async function emit(api: Api, count: number, event_type = 'custom.order'): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n += 500) {
    const events = Array.from({ length: Math.min(500, count - n) }, (_, i) => ({
      event_type,
      data: { n: n + i },
    }));
    const { data } = await api.post<EventsAccepted>('/v1/events', { events });
    ids.push(...data.map((one) => one.event_id));
  }
  return ids;
}

/** Begins a replay; what it finds is what a dry run found right before. */
export async function beginReplay(
  api: Api,
  body: ReplayCreateBody,
): Promise<ReplayAccepted & { replay_id: string }> {
  const dry = await api.post<ReplayAccepted>('/v1/replays', { ...body, dry_run: true });
  const begun = await api.post<ReplayAccepted>('/v1/replays', body);
  if (dry.status !== 'dry_run' || dry.replay_id !== null || dry.matched !== begun.matched)
    throw new Error(`a dry run found ${JSON.stringify(dry)}, the real one ${JSON.stringify(begun)}`);
  if (begun.replay_id === null) throw new Error('a replay without an id');
  return { ...begun, replay_id: begun.replay_id };
}

export function replayOf(api: Api, replay_id: string): Promise<ReplayObject> {
  return api.get(`/v1/replays/${replay_id}`);
}

/** Resolves once it runs no longer. */
export function replayEnd(api: Api, replay_id: string, within_ms?: number): Promise<ReplayObject> {
  const ended = async (): Promise<ReplayObject | null> => {
    const replay = await replayOf(api, replay_id);
    return replay.status === 'running' ? null : replay;
  };
  return waitFor('end of the replay', ended, within_ms);
}
