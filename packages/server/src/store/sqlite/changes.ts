/** What the commands of one transaction changed, gathered for the commit notice. */

import type { Endpoint } from '../../domain/endpoint.ts';

/** Columns instead of objects: this crosses a thread once per commit, and a column costs a fraction. */
export interface ChangeColumns {
  eventIds: string[];
  eventTypes: string[];
  messageIds: (string | null)[];
  envelopes: string[];
  logs: number[];
  /** Per delivery of a live lane: lane, seq, index of the event. */
  lanes: number[];
  seqs: number[];
  events: number[];
  /** Per delivery of a live lane that no longer waits for its message: lane, seq, index of the event. */
  releasedLanes: number[];
  releasedSeqs: number[];
  releasedEvents: number[];
  waiting: number[];
  urgent: number[];
  dropped: number[];
  endpoints: (Endpoint & { deleted: boolean })[];
  /** Pairs env, position. */
  logEnds: number[];
  /** Pairs env, earliest next_at. */
  outgoing: number[];
}

/** The changes of one command; merged into the transaction's when the command's savepoint is released. */
export class Changes {
  readonly columns: ChangeColumns = {
    eventIds: [],
    eventTypes: [],
    messageIds: [],
    envelopes: [],
    logs: [],
    lanes: [],
    seqs: [],
    events: [],
    releasedLanes: [],
    releasedSeqs: [],
    releasedEvents: [],
    waiting: [],
    urgent: [],
    dropped: [],
    endpoints: [],
    logEnds: [],
    outgoing: [],
  };
  readonly #waiting = new Set<number>();
  readonly #urgent = new Set<number>();
  readonly #dropped = new Set<number>();
  readonly #logEnds = new Map<number, number>();
  readonly #outgoing = new Map<number, number>();

  /** Returns the index by which deliveries refer to the event. */
  event(eventId: string, eventType: string, messageId: string | null, envelope: string, log: number): number {
    const c = this.columns;
    c.eventIds.push(eventId);
    c.eventTypes.push(eventType);
    c.messageIds.push(messageId);
    c.envelopes.push(envelope);
    c.logs.push(log);
    return c.eventIds.length - 1;
  }

  delivery(lane: number, seq: number, event: number): void {
    const c = this.columns;
    c.lanes.push(lane);
    c.seqs.push(seq);
    c.events.push(event);
  }

  release(lane: number, seq: number, event: number): void {
    const c = this.columns;
    c.releasedLanes.push(lane);
    c.releasedSeqs.push(seq);
    c.releasedEvents.push(event);
  }

  laneWaiting(lane: number, urgent = false): void {
    this.#waiting.add(lane);
    if (urgent) this.#urgent.add(lane);
  }

  laneDropped(lane: number): void {
    this.#dropped.add(lane);
  }

  endpoint(endpoint: Endpoint, deleted: boolean): void {
    this.columns.endpoints.push({ ...endpoint, deleted });
  }

  logEnd(env: number, position: number): void {
    this.#logEnds.set(env, position);
  }

  queued(env: number, nextAt: number): void {
    const earliest = this.#outgoing.get(env);
    if (earliest === undefined || nextAt < earliest) this.#outgoing.set(env, nextAt);
  }

  mergeInto(target: Changes): void {
    const from = this.columns;
    const to = target.columns;
    const offset = to.eventIds.length;
    append(to.eventIds, from.eventIds);
    append(to.eventTypes, from.eventTypes);
    append(to.messageIds, from.messageIds);
    append(to.envelopes, from.envelopes);
    append(to.logs, from.logs);
    append(to.lanes, from.lanes);
    append(to.seqs, from.seqs);
    for (const event of from.events) to.events.push(event + offset);
    append(to.releasedLanes, from.releasedLanes);
    append(to.releasedSeqs, from.releasedSeqs);
    for (const event of from.releasedEvents) to.releasedEvents.push(event + offset);
    append(to.endpoints, from.endpoints);
    for (const lane of this.#waiting) target.laneWaiting(lane, this.#urgent.has(lane));
    for (const lane of this.#dropped) target.laneDropped(lane);
    for (const [env, position] of this.#logEnds) target.logEnd(env, position);
    for (const [env, at] of this.#outgoing) target.queued(env, at);
  }

  /** Null when nothing changed that anybody is told of. */
  finish(): ChangeColumns | null {
    const c = this.columns;
    c.waiting.push(...this.#waiting);
    c.urgent.push(...this.#urgent);
    c.dropped.push(...this.#dropped);
    for (const pair of this.#logEnds) c.logEnds.push(...pair);
    for (const pair of this.#outgoing) c.outgoing.push(...pair);
    const quiet =
      c.lanes.length === 0 &&
      c.releasedLanes.length === 0 &&
      c.waiting.length === 0 &&
      c.dropped.length === 0 &&
      c.endpoints.length === 0 &&
      c.logEnds.length === 0 &&
      c.outgoing.length === 0;
    return quiet ? null : c;
  }
}

function append<T>(to: T[], from: readonly T[]): void {
  for (const item of from) to.push(item);
}
