/** The writer's columns as the notice that the process is given. */

import type { CommitNotice } from '../ports.ts';
import type { ChangeColumns } from './changes.ts';

export function toNotice(changes: ChangeColumns): CommitNotice {
  const events = changes.eventIds.map((event_id, i) => ({
    event_id,
    event_type: changes.eventTypes[i] as string,
    message_id: changes.messageIds[i] as string | null,
    envelope: changes.envelopes[i] as string,
  }));
  const lanes = new Map<number, CommitNotice['lanes'][number]>();
  for (let i = 0; i < changes.lanes.length; i++) {
    const lane = changes.lanes[i] as number;
    const event = changes.events[i] as number;
    let entry = lanes.get(lane);
    if (entry === undefined) {
      entry = { lane, items: [] };
      lanes.set(lane, entry);
    }
    entry.items.push({ seq: changes.seqs[i] as number, log: changes.logs[event] as number, event });
  }
  return {
    events,
    lanes: [...lanes.values()],
    released: changes.releasedLanes.map((lane, i) => {
      const event = changes.releasedEvents[i] as number;
      return { lane, seq: changes.releasedSeqs[i] as number, log: changes.logs[event] as number, event };
    }),
    waiting: changes.waiting,
    urgent: changes.urgent,
    dropped: changes.dropped,
    endpoints: changes.endpoints,
    logs: pairs(changes.logEnds, (env, log) => ({ env, log })),
    outgoing: pairs(changes.outgoing, (env, next_at) => ({ env, next_at })),
  };
}

function pairs<T>(flat: readonly number[], make: (a: number, b: number) => T): T[] {
  const made: T[] = [];
  for (let i = 0; i < flat.length; i += 2) made.push(make(flat[i] as number, flat[i + 1] as number));
  return made;
}
