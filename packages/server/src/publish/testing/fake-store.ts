/** A store in memory that keeps the rules of `store/ports.ts` for lanes, for tests of the engine alone. */

import type { DueDelivery, DueEvent } from '../../domain/delivery.ts';
import type { Endpoint } from '../../domain/endpoint.ts';
import { PostriderError } from '../../domain/errors.ts';
import { isUrgent } from '../../domain/urgency.ts';
import type { CommitNotice, EndpointChange, LaneLoad, Settlement } from '../../store/ports.ts';
import type { PublisherStore } from '../publisher.ts';

interface StoredLane {
  endpoint: Endpoint;
  seq: number;
  /** `due_at` 0: waits for its first attempt. */
  pending: Map<number, DueDelivery>;
  live: boolean;
}

export class FakeStore implements PublisherStore {
  readonly lanes = new Map<number, StoredLane>();
  readonly settlements: Settlement[] = [];
  readonly calls = { loadFresh: 0, loadRetries: 0, parkLane: 0, settle: 0 };
  /** Largest number of deliveries that one load was asked for. */
  largestLoad = 0;
  listener: (notice: CommitNotice) => void = () => {};
  /** While set, every command fails like a full disk. */
  broken = false;
  /** What `hasBlocked` says. */
  blocked = false;
  readonly expired: number[] = [];
  /** Keeps no settlements: a bench would only measure their memory. */
  forgetful = false;

  addEndpoint(endpoint: Endpoint): void {
    this.lanes.set(endpoint.lane, { endpoint, seq: 0, pending: new Map(), live: false });
    this.tell({ endpoints: [{ ...endpoint, deleted: false }] });
  }

  deleteEndpoint(number: number): void {
    const lane = this.#lane(number);
    this.lanes.delete(number);
    this.tell({ endpoints: [{ ...lane.endpoint, deleted: true }] });
  }

  /** One transaction that gives each of `events` to each of `lanes`. */
  commit(events: DueEvent[], lanes: number[]): void {
    const notice: Partial<CommitNotice> & Pick<CommitNotice, 'lanes' | 'waiting'> = {
      events,
      lanes: [],
      waiting: [],
    };
    const urgent: number[] = [];
    for (const number of lanes) {
      const lane = this.#lane(number);
      const items = events.map((event, index) => {
        const seq = ++lane.seq;
        lane.pending.set(seq, { seq, log: seq, attempts: 0, base: 0, due_at: 0, replay_id: null, event });
        return { seq, log: seq, event: index };
      });
      if (lane.live) notice.lanes.push({ lane: number, items });
      else notice.waiting.push(number);
      if (!lane.live && events.some(({ event_type }) => isUrgent(event_type))) urgent.push(number);
    }
    notice.urgent = urgent;
    this.tell(notice);
  }

  /** A dead letter put back, or a retry made due. */
  putBack(number: number, delivery: DueDelivery, due_at: number): void {
    this.#lane(number).pending.set(delivery.seq, { ...delivery, due_at });
    this.tell({ waiting: [number] });
  }

  pendingCount(number: number): number {
    return this.#lane(number).pending.size;
  }

  async allEndpoints(): Promise<{ endpoint: Endpoint; pending: number }[]> {
    return [...this.lanes.values()].map(({ endpoint, pending }) => ({ endpoint, pending: pending.size }));
  }

  async loadFresh(number: number, after: number, limit: number): Promise<LaneLoad> {
    this.calls.loadFresh++;
    this.largestLoad = Math.max(this.largestLoad, limit);
    await this.#turn();
    return this.#page(number, after, limit, ({ due_at }) => due_at === 0, true);
  }

  async loadInOrder(number: number, after: number, limit: number): Promise<LaneLoad> {
    this.calls.loadFresh++;
    await this.#turn();
    return this.#page(number, after, limit, () => true, true);
  }

  async loadUrgent(number: number, after: number, limit: number): Promise<LaneLoad> {
    await this.#turn();
    const pending = [...this.#lane(number).pending.values()];
    const isFree = ({ seq, event }: DueDelivery): boolean =>
      event.message_id === null ||
      !pending.some((other) => other.seq < seq && other.event.message_id === event.message_id);
    const fits = (row: DueDelivery): boolean =>
      row.due_at === 0 && isUrgent(row.event.event_type) && isFree(row);
    return this.#page(number, after, limit, fits, false);
  }

  async loadHead(number: number): Promise<DueDelivery | null> {
    await this.#turn();
    return this.#page(number, 0, 1, () => true, false).deliveries[0] ?? null;
  }

  async hasBlocked(): Promise<boolean> {
    return this.blocked;
  }

  async hastenLane(number: number, now: number, limit: number): Promise<number> {
    await this.#turn();
    const { pending } = this.#lane(number);
    const later = [...pending.values()].filter(({ due_at }) => due_at > now).slice(0, limit);
    for (const row of later) pending.set(row.seq, { ...row, due_at: now });
    return later.length;
  }

  async expireHeld(number: number, before: number, limit: number): Promise<number> {
    await this.#turn();
    const { pending } = this.#lane(number);
    const old = [...pending.values()].filter(({ event }) => timeOf(event) <= before).slice(0, limit);
    for (const { seq } of old) pending.delete(seq);
    this.expired.push(...old.map(({ seq }) => seq));
    return old.length;
  }

  /** Rows of a lane in `seq` order. */
  #page(
    number: number,
    after: number,
    limit: number,
    fits: (row: DueDelivery) => boolean,
    turnsLive: boolean,
  ): LaneLoad {
    const lane = this.#lane(number);
    const rows = [...lane.pending.values()].filter((row) => row.seq > after && fits(row));
    rows.sort((a, b) => a.seq - b.seq);
    const end = rows.length < limit;
    if (end && turnsLive) lane.live = true;
    return { deliveries: rows.slice(0, limit).map((row) => ({ ...row })), end };
  }

  async loadRetries(number: number, now: number, limit: number): Promise<LaneLoad> {
    this.calls.loadRetries++;
    await this.#turn();
    const due = [...this.#lane(number).pending.values()].filter((row) => row.due_at > 0 && row.due_at <= now);
    due.sort((a, b) => a.due_at - b.due_at || a.seq - b.seq);
    return { deliveries: due.slice(0, limit).map((row) => ({ ...row })), end: due.length < limit };
  }

  async nextRetryAt(number: number, after: number): Promise<number | null> {
    await this.#turn();
    const times = [...this.#lane(number).pending.values()]
      .map((row) => row.due_at)
      .filter((at) => at > 0 && at > after);
    return times.length === 0 ? null : Math.min(...times);
  }

  parkLane(number: number): void {
    this.calls.parkLane++;
    const lane = this.lanes.get(number);
    // Takes effect with the next transaction, like the real one.
    if (lane !== undefined) setImmediate(() => (lane.live = false));
  }

  async settle(settlements: Settlement[]): Promise<void> {
    this.calls.settle++;
    await this.#turn();
    for (const settlement of settlements) this.#settleOne(settlement);
  }

  async updateEndpoint(_env: number, endpoint_id: string, change: EndpointChange): Promise<Endpoint> {
    await this.#turn();
    const lane = [...this.lanes.values()].find(({ endpoint }) => endpoint.endpoint_id === endpoint_id);
    if (lane === undefined) throw new PostriderError('not_found', endpoint_id);
    const { events: _events, ...rest } = change;
    lane.endpoint = { ...lane.endpoint, ...rest };
    this.tell({ endpoints: [{ ...lane.endpoint, deleted: false }] });
    return lane.endpoint;
  }

  #settleOne(settlement: Settlement): void {
    const row = this.lanes.get(settlement.lane)?.pending;
    const pending = row?.get(settlement.seq);
    if (row === undefined || pending === undefined) return;
    if (!this.forgetful) this.settlements.push(settlement);
    const { attempt } = settlement.attempt;
    if (settlement.verdict === 'probed') {
      if (attempt > pending.attempts)
        row.set(settlement.seq, {
          ...pending,
          attempts: attempt,
          base: pending.base + attempt - pending.attempts,
        });
    } else if (settlement.verdict === 'retry') {
      row.set(settlement.seq, {
        ...pending,
        attempts: attempt,
        due_at: Math.max(1, settlement.next_at ?? 1),
      });
    } else {
      row.delete(settlement.seq);
    }
  }

  async #turn(): Promise<void> {
    await new Promise(setImmediate);
    if (this.broken) throw new PostriderError('storage_unavailable', 'disk full', { retryAfterSeconds: 1 });
  }

  #lane(number: number): StoredLane {
    const lane = this.lanes.get(number);
    if (lane === undefined) throw new PostriderError('not_found', `lane ${number}`);
    return lane;
  }

  tell(part: Partial<CommitNotice>): void {
    this.listener({
      events: [],
      lanes: [],
      released: [],
      waiting: [],
      urgent: [],
      dropped: [],
      endpoints: [],
      logs: [],
      outgoing: [],
      ...part,
    });
  }
}

function timeOf({ envelope }: DueEvent): number {
  return Date.parse((JSON.parse(envelope) as { timestamp: string }).timestamp);
}
