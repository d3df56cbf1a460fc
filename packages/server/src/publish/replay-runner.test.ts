import { afterEach, describe, expect, it } from 'vitest';
import type { Logger } from '../base/logger.ts';
import { silentLogger } from '../base/logger.ts';
import { PostriderError } from '../domain/errors.ts';
import type { Replay, ReplaySlice, ReplayStatus } from '../store/ports.ts';
import { ReplayRunner, type ReplayRunStore } from './replay-runner.ts';

/** One replay of a log whose every position matches. Its lane settles what the test tells it to. */
class FakeStore implements ReplayRunStore {
  replay: Replay;
  queuedItems: number[] = [];
  mostPending = 0;
  failures = 0;
  gone = false;
  /** Called after each queueing, with what is pending then. */
  onQueued: (pending: number) => void = () => {};

  constructor(events: number, fields: Partial<Replay> = {}) {
    const query = {
      status: 'all' as const,
      event_types: null,
      after: null,
      before: null,
      recipient: null,
      message_id: null,
      campaign_id: null,
      rate: null,
    };
    const counts = { queued: 0, skipped: 0, delivered: 0, failed: 0, discarded: 0, position: 0 };
    const times = { created_at: 0, updated_at: 0, finished_at: null };
    const ids = { replay_id: 'rpl_1', env: 1, lane: 1, endpoint_id: 'end_1' };
    const rest = { status: 'running' as const, error: null, matched: events, end: events };
    this.replay = { ...ids, ...rest, ...counts, ...times, query, ...fields };
  }
  get pending(): number {
    const { queued, delivered, failed, discarded } = this.replay;
    return queued - delivered - failed - discarded;
  }
  deliver(count = this.pending): void {
    this.replay = { ...this.replay, delivered: this.replay.delivered + count };
  }
  async unfinishedReplays(): Promise<Replay[]> {
    return [this.replay];
  }
  async getReplay(): Promise<Replay> {
    if (this.failures-- > 0) throw new PostriderError('storage_unavailable', 'busy');
    return this.replay;
  }
  async findReplayable(
    _env: number,
    _lane: number,
    _query: unknown,
    after: number,
    end: number,
    limit: number,
  ): Promise<ReplaySlice> {
    if (this.gone) throw new PostriderError('not_found', 'There is no endpoint.');
    const through = Math.min(end, after + limit);
    return { items: Array.from({ length: through - after }, (_, n) => after + n + 1), through };
  }
  async queueReplay(_id: string, from: number, { items, through }: ReplaySlice): Promise<Replay> {
    if (this.replay.status !== 'running' || from !== this.replay.position) return this.replay;
    this.queuedItems.push(...items);
    this.replay = { ...this.replay, queued: this.replay.queued + items.length, position: through };
    this.mostPending = Math.max(this.mostPending, this.pending);
    this.onQueued(this.pending);
    return this.replay;
  }
  async endReplay(_id: string, status: ReplayStatus, error: string | null): Promise<Replay> {
    if (this.replay.status === 'running') this.replay = { ...this.replay, status, error };
    return this.replay;
  }
  async withdrawReplay(_id: string, limit: number): Promise<number> {
    const count = Math.min(limit, this.pending);
    this.replay = { ...this.replay, queued: this.replay.queued - count };
    return count;
  }
}

async function until(what: string, fact: () => boolean): Promise<void> {
  for (let look = 0; look < 1_000; look++) {
    if (fact()) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error(`there was no ${what}`);
}

const runners: ReplayRunner[] = [];
afterEach(() => Promise.all(runners.splice(0).map((runner) => runner.stop())));

async function run(store: FakeStore, log: Logger = silentLogger): Promise<ReplayRunner> {
  const runner = new ReplayRunner({ store, log });
  runners.push(runner);
  await runner.start();
  return runner;
}

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i + 1);

describe('the replay runner', () => {
  it('keeps no more than 2,000 deliveries in the lane, and goes on when there is room', async () => {
    const store = new FakeStore(7_000);
    await run(store);
    await until('full lane', () => store.pending === 2_000);
    store.onQueued = (pending) => {
      if (pending > 1_750) setImmediate(() => store.deliver(500));
    };
    store.deliver(500);
    await until('end of the log', () => store.replay.position === 7_000);
    expect(store.mostPending).toBe(2_000);
    expect(store.queuedItems).toEqual(upTo(7_000));
    expect(store.replay.status).toBe('running');
    store.deliver();
    await until('completion', () => store.replay.status === 'completed');
  });

  it('goes on from the position that it finds', async () => {
    const store = new FakeStore(500, { position: 300, queued: 300, delivered: 300 });
    store.onQueued = (pending) => store.deliver(pending);
    await run(store);
    await until('completion', () => store.replay.status === 'completed');
    expect(store.queuedItems).toEqual(upTo(500).slice(300));
  });

  it('takes a cancelled one back to the last delivery', async () => {
    const store = new FakeStore(3_000);
    const runner = await run(store);
    await until('full lane', () => store.pending === 2_000);
    await store.endReplay('rpl_1', 'cancelled', null);
    // It waits for room, ever longer: a cancel does not.
    const begun = performance.now();
    runner.take(store.replay);
    await until('empty lane', () => store.pending === 0);
    expect(performance.now() - begun).toBeLessThan(1_000);
    expect(store.queuedItems).toHaveLength(2_000);
  });

  it('fails with its endpoint, and outlives a store that cannot answer', async () => {
    const warned: string[] = [];
    const store = new FakeStore(100);
    store.failures = 2;
    store.gone = true;
    await run(store, { ...silentLogger, warn: (_fields, message) => warned.push(message) });
    await until('failure', () => store.replay.status === 'failed');
    expect(store.replay.error).toContain('deleted');
    expect(warned).toEqual(['replay waits for the store', 'replay waits for the store']);
  });

  it('outlives whatever goes wrong in it, and is taken again', async () => {
    const logged: string[] = [];
    const store = new FakeStore(100);
    store.onQueued = (pending) => store.deliver(pending);
    store.failures = 1;
    const broken = (): never => {
      throw new Error('no log');
    };
    const error = (_fields: unknown, message: string): unknown => logged.push(message);
    const runner = await run(store, { ...silentLogger, warn: broken, error });
    await until('end of the run', () => logged.length === 1);
    await runner.stop();
    expect(logged).toEqual(['replay stands still until it is taken again']);
    await run(store);
    await until('completion', () => store.replay.status === 'completed');
  });

  it('stops at once, whatever it waits for', async () => {
    const store = new FakeStore(100, { query: { ...new FakeStore(0).replay.query, rate: 0.01 } });
    const runner = await run(store);
    await until('first event', () => store.queuedItems.length === 1);
    const begun = performance.now();
    await runner.stop();
    expect(performance.now() - begun).toBeLessThan(500);
    runner.take(store.replay);
    expect(store.queuedItems).toEqual([1]);
  });
});
