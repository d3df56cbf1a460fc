/** A store in memory that keeps the rules of `store/ports.ts` for lanes, for tests of the engine alone. */

import type { DueDelivery, DueEvent } from '../../domain/delivery.ts';
import type { Endpoint } from '../../domain/endpoint.ts';
import { PostriderError } from '../../domain/errors.ts';
import type { CommitNotice, EndpointChange, LaneLoad, Settlement } from '../../store/ports.ts';
import type { PublisherStore } from '../publisher.ts';

interface Row extends DueDelivery {
  /** 0: waits for its first attempt. */
  next_at: number;
}

interface StoredLane {
  endpoint: Endpoint;
  seq: number;
  pending: Map<number, Row>;
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
  /** Keeps no settlements: a bench would only measure their memory. */
  forgetful = false;

  addEndpoint(endpoint: Endpoint): void {
    this.lanes.set(endpoint.lane, { endpoint, seq: 0, pending: new Map(), live: false });
    this.#tell({ endpoints: [{ ...endpoint, deleted: false }] });
  }

  deleteEndpoint(number: number): void {
    const lane = this.#lane(number);
    this.lanes.delete(number);
    this.#tell({ endpoints: [{ ...lane.endpoint, deleted: true }] });
  }

  /** One transaction that gives each of `events` to each of `lanes`. */
  commit(events: DueEvent[], lanes: number[]): void {
    const notice: Partial<CommitNotice> & Pick<CommitNotice, 'lanes' | 'waiting'> = {
      events,
      lanes: [],
      waiting: [],
    };
    for (const number of lanes) {
      const lane = this.#lane(number);
      const items = events.map((event, index) => {
        const seq = ++lane.seq;
        lane.pending.set(seq, { seq, log: seq, attempts: 0, base: 0, event, next_at: 0 });
        return { seq, log: seq, event: index };
      });
      if (lane.live) notice.lanes.push({ lane: number, items });
      else notice.waiting.push(number);
    }
    this.#tell(notice);
  }

  /** A dead letter put back, or a retry made due. */
  putBack(number: number, delivery: DueDelivery, next_at: number): void {
    this.#lane(number).pending.set(delivery.seq, { ...delivery, next_at });
    this.#tell({ waiting: [number] });
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
    const lane = this.#lane(number);
    const deliveries: DueDelivery[] = [];
    for (const row of lane.pending.values()) {
      if (row.seq <= after || row.next_at > 0) continue;
      if (deliveries.length === limit) return { deliveries, end: false };
      deliveries.push({ ...row });
    }
    deliveries.sort((a, b) => a.seq - b.seq);
    lane.live = true;
    return { deliveries, end: true };
  }

  async loadRetries(number: number, now: number, limit: number): Promise<LaneLoad> {
    this.calls.loadRetries++;
    await this.#turn();
    const due = [...this.#lane(number).pending.values()].filter(
      (row) => row.next_at > 0 && row.next_at <= now,
    );
    due.sort((a, b) => a.next_at - b.next_at || a.seq - b.seq);
    return { deliveries: due.slice(0, limit).map((row) => ({ ...row })), end: due.length < limit };
  }

  async nextRetryAt(number: number, after: number): Promise<number | null> {
    await this.#turn();
    const times = [...this.#lane(number).pending.values()]
      .map((row) => row.next_at)
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
    this.#tell({ endpoints: [{ ...lane.endpoint, deleted: false }] });
    return lane.endpoint;
  }

  #settleOne(settlement: Settlement): void {
    const row = this.lanes.get(settlement.lane)?.pending;
    const pending = row?.get(settlement.seq);
    if (row === undefined || pending === undefined) return;
    if (!this.forgetful) this.settlements.push(settlement);
    if (settlement.verdict === 'retry') {
      row.set(settlement.seq, {
        ...pending,
        attempts: settlement.attempt.attempt,
        next_at: Math.max(1, settlement.next_at ?? 1),
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

  #tell(part: Partial<CommitNotice>): void {
    this.listener({ events: [], lanes: [], waiting: [], endpoints: [], logs: [], outgoing: [], ...part });
  }
}
