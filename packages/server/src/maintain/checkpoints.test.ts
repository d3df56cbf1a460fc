import { createHash } from 'node:crypto';
import { checkpointDigest } from '@postrider/contract/checkpoint';
import { describe, expect, it } from 'vitest';
import type { Endpoint } from '../domain/endpoint.ts';
import type { Environment } from '../domain/tenancy.ts';
import type { Checkpoint } from '../store/ports.ts';
import { Checkpoints, type CheckpointStore } from './checkpoints.ts';

const HOUR = 3_600_000;
const SANDBOX: Environment = { env: 1, project_id: 'prj_1', name: 'sandbox', clock_offset_ms: 0 };
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** One lane whose rows are an array; `purged` of them are gone. */
class FakeStore implements CheckpointStore {
  rows: { seq: number; at: number; event_id: string }[] = [];
  purged = 0;
  sealed: Checkpoint[] = [];
  reads = 0;

  add(hours: readonly number[]): void {
    for (const hour of hours) {
      const seq = this.rows.length + 1;
      this.rows.push({ seq, at: Math.round(hour * HOUR), event_id: `evt_${seq}` });
    }
  }
  digest(from: number, to: number): string {
    return checkpointDigest(
      this.rows.slice(from - 1, to).map((row) => row.event_id),
      sha256,
    );
  }
  async getEndpoint(_env: number, id: string): Promise<Endpoint | null> {
    return id === 'end_1' ? ({ lane: 7 } as Endpoint) : null;
  }
  async lanesOf(): Promise<number[]> {
    return [7];
  }
  async readLane(_lane: number, after: number, limit: number) {
    this.reads++;
    const items = this.rows.filter(({ seq }) => seq > Math.max(after, this.purged) && seq <= after + limit);
    return { items, last_seq: this.rows.length, purged_through: this.purged };
  }
  async lastCheckpoint(): Promise<Checkpoint | null> {
    return this.sealed.at(-1) ?? null;
  }
  async listCheckpoints(_lane: number, after: number, limit: number): Promise<Checkpoint[]> {
    return this.sealed.filter(({ from_seq }) => from_seq > after).slice(0, limit);
  }
  async addCheckpoints(_lane: number, checkpoints: readonly Checkpoint[]): Promise<void> {
    this.sealed.push(...checkpoints);
  }
}

function setUp(hours: readonly number[]) {
  const store = new FakeStore();
  store.add(hours);
  const clock = { hour: 100 };
  const checkpoints = new Checkpoints({ store, clocks: { now: () => clock.hour * HOUR } });
  const runs = async (limit = 50): Promise<string[]> => {
    const seen: string[] = [];
    let after = 0;
    for (;;) {
      const page = await checkpoints.list(SANDBOX, 'end_1', { after, limit });
      for (const { from_seq, to_seq, count, hour, complete, digest } of page.data) {
        expect([count, digest]).toEqual([to_seq - from_seq + 1, store.digest(from_seq, to_seq)]);
        seen.push(`${from_seq}-${to_seq} ${Date.parse(hour) / HOUR}${complete ? '' : ' growing'}`);
      }
      if (page.next_cursor === null) return seen;
      after = Number(page.next_cursor);
    }
  };
  return { store, clock, checkpoints, runs };
}

describe('checkpoints', () => {
  it('end with the hour of the newest event so far, and the last one grows until its hour is over', async () => {
    const { store, clock, runs } = setUp([10.2, 10.9, 11.1, 10.95, 11.5, 14]);
    clock.hour = 14.5;
    expect(await runs()).toEqual(['1-2 10', '3-5 11', '6-6 14 growing']);
    expect(store.sealed.map((one) => one.to_seq)).toEqual([2, 5]);
    store.add([14.2]);
    clock.hour = 15.01;
    expect(await runs()).toEqual(['1-2 10', '3-5 11', '6-7 14 growing']);
    clock.hour = 15.2;
    expect(await runs()).toEqual(['1-2 10', '3-5 11', '6-7 14']);
    // What was late goes on after the last one, which stays as it was.
    store.add([14.9]);
    expect(await runs()).toEqual(['1-2 10', '3-5 11', '6-7 14', '8-8 14']);
  });

  it('are the same however often the lane is looked at, and in pages of any size', async () => {
    const hours = Array.from({ length: 2_500 }, (_, n) => 10 + n / 700);
    const [once, often] = [setUp(hours), setUp([])];
    for (let n = 0; n < hours.length; n += 300) {
      often.store.add(hours.slice(n, n + 300));
      often.clock.hour = hours[Math.min(n + 299, hours.length - 1)] ?? 0;
      await often.checkpoints.seal(1);
    }
    once.clock.hour = often.clock.hour = 13.6;
    const all = await once.runs();
    expect(all).toHaveLength(4);
    expect(await often.runs()).toEqual(all);
    for (const limit of [1, 2, 3, 4]) expect(await often.runs(limit)).toEqual(all);
  });

  it('hold no more than 100,000 events', async () => {
    const { clock, runs } = setUp(Array.from({ length: 200_010 }, () => 10.5));
    clock.hour = 10.6;
    expect(await runs()).toEqual(['1-100000 10', '100001-200000 10', '200001-200010 10 growing']);
  });

  it('begin after what is gone where nothing was sealed before it went', async () => {
    const { store, runs } = setUp([10, 10, 10, 11]);
    store.purged = 2;
    expect(await runs()).toEqual(['3-3 10', '4-4 11']);
  });

  it('cost a lane whose hour is not over one row', async () => {
    const { store, clock, checkpoints } = setUp(Array.from({ length: 5_000 }, () => 10.5));
    clock.hour = 10.9;
    await checkpoints.seal(1);
    expect([store.reads, store.sealed]).toEqual([1, []]);
    clock.hour = 11.2;
    await checkpoints.seal(1);
    expect(store.sealed.map((one) => one.to_seq)).toEqual([5_000]);
  });

  it('are put together once for all who ask at the same time, and anew for the next', async () => {
    const { store, checkpoints } = setUp(Array.from({ length: 5_000 }, () => 99.5));
    const ask = () => checkpoints.list(SANDBOX, 'end_1', { after: 0, limit: 5 });
    const once = (await ask(), store.reads);
    const answers = await Promise.all(Array.from({ length: 30 }, ask));
    expect(store.reads).toBe(2 * once);
    for (const { data } of answers) expect(data).toEqual(answers[0]?.data);
    store.add([99.6]);
    expect((await ask()).data).toMatchObject([{ to_seq: 5_001, digest: store.digest(1, 5_001) }]);
    store.readLane = async () => Promise.reject(new Error('busy'));
    await expect(ask()).rejects.toThrow('busy');
    delete (store as { readLane?: unknown }).readLane;
    expect((await ask()).data).toHaveLength(1);
  });

  it('are of no other environment’s endpoint', async () => {
    const { checkpoints } = setUp([]);
    const page = { after: 0, limit: 1 };
    await expect(checkpoints.list(SANDBOX, 'end_2', page)).rejects.toMatchObject({ code: 'not_found' });
    expect(await checkpoints.list(SANDBOX, 'end_1', page)).toEqual({ data: [], next_cursor: null });
  });
});
