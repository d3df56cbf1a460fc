import { describe, expect, it } from 'vitest';
import type { Logger } from '../base/logger.ts';
import { silentLogger } from '../base/logger.ts';
import type { Environment } from '../domain/tenancy.ts';
import type { RetentionPolicy } from '../store/ports.ts';
import { Retention, type RetentionStore } from './retention.ts';

const DAY = 86_400_000;
const NOW = 1_000 * DAY;
const SETTINGS = {
  events_days: 30,
  dead_letters_days: 90,
  raw_days: 7,
  idempotency_hours: 24,
  interval_seconds: 300,
};

function environment(env: number): Environment {
  return { env, project_id: 'prj_1', name: 'sandbox', clock_offset_ms: 0 };
}

class FakeStore implements RetentionStore {
  readonly policies = new Map<number, RetentionPolicy>();
  idempotencyBefore = 0;
  left = new Map([
    [1, 25],
    [2, 5],
  ]);
  idempotencyLeft = 12;
  readonly limits = new Set<number>();
  /** What happened to the environments, in order, without repetitions. */
  readonly steps: string[] = [];
  fail = 0;

  async listEnvironments(): Promise<Environment[]> {
    return [environment(1), environment(2)];
  }
  step(what: string): void {
    if (this.steps.at(-1) !== what) this.steps.push(what);
  }
  async purge(env: number, policy: RetentionPolicy, limit: number): Promise<number> {
    if (this.fail-- > 0) throw new Error('busy');
    this.step(`purge ${env}`);
    this.limits.add(limit);
    this.policies.set(env, policy);
    const count = Math.min(limit, this.left.get(env) ?? 0);
    this.left.set(env, (this.left.get(env) ?? 0) - count);
    return count;
  }
  async purgeIdempotency(before: number, limit: number): Promise<number> {
    this.idempotencyBefore = before;
    const count = Math.min(limit, this.idempotencyLeft);
    this.idempotencyLeft -= count;
    return count;
  }
}

function setUp(wait?: (ms: number, signal: AbortSignal) => Promise<unknown>, log: Logger = silentLogger) {
  const store = new FakeStore();
  const waits: number[] = [];
  const clocks = { now: (env: number) => NOW + (env === 2 ? 40 * DAY : 0), wallNow: () => NOW };
  const retention = new Retention({
    store,
    clocks,
    settings: SETTINGS,
    log,
    seal: async (env) => store.step(`seal ${env}`),
    chunk: 10,
    wait:
      wait ??
      (async (ms) => {
        waits.push(ms);
      }),
  });
  return { store, waits, retention };
}

describe('retention', () => {
  it('cuts off on the clock of each environment', async () => {
    const { store, retention } = setUp();
    await retention.sweep();
    expect(store.policies.get(1)).toEqual({
      events_before: NOW - 30 * DAY,
      dead_letters_before: NOW - 90 * DAY,
      raw_before: NOW - 7 * DAY,
    });
    expect(store.policies.get(2)).toEqual({
      events_before: NOW + 10 * DAY,
      dead_letters_before: NOW - 50 * DAY,
      raw_before: NOW + 33 * DAY,
    });
    expect(store.idempotencyBefore).toBe(NOW - DAY);
  });

  it('seals the checkpoints of an environment before it deletes anything there', async () => {
    const { store, retention } = setUp();
    await retention.sweep();
    expect(store.steps).toEqual(['seal 1', 'purge 1', 'seal 2', 'purge 2']);
  });

  it('deletes all of it, in small steps with pauses', async () => {
    const { store, waits, retention } = setUp();
    expect(await retention.sweep()).toBe(25 + 5 + 12);
    expect([...store.left.values(), store.idempotencyLeft]).toEqual([0, 0, 0]);
    expect([...store.limits]).toEqual([10]);
    expect(waits.length).toBe(3 + 1 + 2);
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(20);
  });

  it('goes on with the other environments when one fails, and says so at the end', async () => {
    const { store, retention } = setUp();
    store.fail = 1;
    await expect(retention.sweep()).rejects.toThrow('environments 1; 17 rows');
    expect([...store.left.values(), store.idempotencyLeft]).toEqual([25, 0, 0]);
  });

  it('goes on at the next interval after a round that failed', async () => {
    const errors: string[] = [];
    const done = Promise.withResolvers<void>();
    let intervals = 0;
    const { store, retention } = setUp(
      async (ms, signal) => {
        if (ms !== 300_000) return;
        if (++intervals === 3) {
          done.resolve();
          await new Promise((_resolve, reject) =>
            signal.addEventListener('abort', () => reject(signal.reason as Error)),
          );
        }
      },
      { ...silentLogger, error: (_fields, message) => errors.push(message) },
    );
    store.fail = 1;
    retention.start();
    await done.promise;
    expect(errors).toEqual(['retention of an environment failed', 'retention round failed']);
    expect([...store.left.values()]).toEqual([0, 0]);
    await retention.stop();
  });

  it('stops in the middle of a round, and while it waits for the next one', async () => {
    const { store, retention } = setUp(async (ms) => {
      if (ms !== 300_000) void retention.stop();
    });
    retention.start();
    await retention.stop();
    expect(store.left.get(1)).toBeGreaterThan(0);

    const real = new Retention({
      store,
      clocks: { now: () => NOW, wallNow: () => NOW },
      settings: SETTINGS,
      log: silentLogger,
      seal: async () => {},
    });
    real.start();
    await real.stop();
  });
});
