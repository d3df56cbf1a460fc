/** What a commit notice says, as deliveries for lanes. */

import type { DueDelivery, DueEvent } from '../domain/delivery.ts';
import type { CommitNotice } from '../store/ports.ts';

interface Item {
  seq: number;
  log: number;
  event: number;
}

export function dueDeliveries(items: readonly Item[], events: readonly DueEvent[]): DueDelivery[] {
  return items.map((item) => dueDelivery(item, events));
}

/** An event for this many lanes is for a crowd. */
const CROWD = 64;
const NOBODY = (): boolean => false;

/** Tells of a lane's items whether all of them are events that go to many lanes. */
export function crowded({ lanes, events }: CommitNotice): (items: readonly Item[]) => boolean {
  if (lanes.length < CROWD) return NOBODY;
  const counts = new Uint32Array(events.length);
  for (const { items } of lanes) for (const { event } of items) counts[event] = (counts[event] as number) + 1;
  return (items) => items.every(({ event }) => (counts[event] as number) >= CROWD);
}

/** By lane; those that no longer wait for an earlier one of their message. */
export function releasedDeliveries({ released, events }: CommitNotice): Map<number, DueDelivery[]> {
  const byLane = new Map<number, DueDelivery[]>();
  for (const item of released) {
    const delivery = dueDelivery(item, events);
    const others = byLane.get(item.lane);
    if (others === undefined) byLane.set(item.lane, [delivery]);
    else others.push(delivery);
  }
  return byLane;
}

function dueDelivery({ seq, log, event }: Item, events: readonly DueEvent[]): DueDelivery {
  return {
    seq,
    log,
    attempts: 0,
    base: 0,
    due_at: 0,
    replay_id: null,
    event: events[event] as DueEvent,
  };
}
