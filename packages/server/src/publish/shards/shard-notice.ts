/** What of a commit notice concerns one of several threads. Lanes belong to threads by their number. */

import type { DueEvent } from '../../domain/delivery.ts';
import type { CommitNotice } from '../../store/ports.ts';

export function shardOf(lane: number, shards: number): number {
  return lane % shards;
}

/** One for each thread; null where there is nothing to tell. Each thread gets the bodies of its own events alone. */
export function splitNotice(notice: CommitNotice, shards: number): (CommitNotice | null)[] {
  return Array.from({ length: shards }, (_, shard) =>
    partOf(notice, (lane) => shardOf(lane, shards) === shard),
  );
}

function partOf(notice: CommitNotice, isOurs: (lane: number) => boolean): CommitNotice | null {
  const events = new Selection(notice.events);
  const lanes = notice.lanes
    .filter(({ lane }) => isOurs(lane))
    .map(({ lane, items }) => ({
      lane,
      items: items.map((item) => ({ ...item, event: events.indexOf(item.event) })),
    }));
  const released = notice.released
    .filter(({ lane }) => isOurs(lane))
    .map((item) => ({ ...item, event: events.indexOf(item.event) }));
  const waiting = notice.waiting.filter(isOurs);
  const urgent = notice.urgent.filter(isOurs);
  const dropped = notice.dropped.filter(isOurs);
  const endpoints = notice.endpoints.filter(({ lane }) => isOurs(lane));
  const told = [lanes, released, waiting, urgent, dropped, endpoints];
  const quiet = told.every((part) => part.length === 0);
  if (quiet) return null;
  const ours = { events: events.chosen, lanes, released, waiting, urgent, dropped, endpoints };
  return { ...ours, logs: [], outgoing: [] };
}

/** Some of the events, under new numbers. */
class Selection {
  readonly chosen: DueEvent[] = [];
  readonly #all: readonly DueEvent[];
  readonly #numbers = new Map<number, number>();

  constructor(all: readonly DueEvent[]) {
    this.#all = all;
  }

  indexOf(event: number): number {
    let number = this.#numbers.get(event);
    if (number === undefined) {
      number = this.chosen.push(this.#all[event] as DueEvent) - 1;
      this.#numbers.set(event, number);
    }
    return number;
  }
}
