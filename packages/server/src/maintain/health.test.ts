import { tmpdir } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import type { StoreHealth } from '../store/ports.ts';
import { Health, type HealthOptions } from './health.ts';

const GOOD: StoreHealth = {
  writable: true,
  last_error: null,
  commit_queue: 3,
  wal_bytes: 10,
  database_bytes: 20,
};

const made: Health[] = [];
afterEach(() => {
  for (const health of made.splice(0)) health.stop();
});

function health(options: Partial<HealthOptions> & { state?: StoreHealth } = {}): Health {
  const one = new Health({
    store: { health: async () => options.state ?? GOOD },
    dataDir: tmpdir(),
    minFreeBytes: 100,
    maxCommitQueue: 1_000,
    freeBytes: async () => 5_000,
    loopDelay: { p99Ms: () => 12, stop() {} },
    ...options,
  });
  made.push(one);
  return one;
}

describe('health', () => {
  it('is ready when the store commits and there is room', async () => {
    expect(await health().readiness()).toEqual({ ready: true, reasons: [] });
  });

  it.each([
    ['store', { state: { ...GOOD, writable: false, last_error: 'SQLITE_FULL' } }, 'SQLITE_FULL'],
    ['queue', { state: { ...GOOD, commit_queue: 1_001 } }, '1001 commands wait'],
    ['disk', { freeBytes: async () => 99 }, '99 bytes left'],
    ['memory', { memory: () => 'The process holds 2 bytes of memory.' }, 'holds 2 bytes'],
    ['event loop', { loopDelay: { p99Ms: () => 2_001, stop() {} } }, 'late by 2001 ms'],
  ])('is not ready because of the %s, and says so', async (_name, options, words) => {
    const { ready, reasons } = await health(options).readiness();
    expect(ready).toBe(false);
    expect(reasons).toHaveLength(1);
    expect(reasons[0]).toContain(words);
  });

  it('is not ready when it cannot find out', async () => {
    const { ready, reasons } = await health({
      store: {
        health: async () => {
          throw new Error('closed');
        },
      },
    }).readiness();
    expect(ready).toBe(false);
    expect(reasons[0]).toContain('closed');
  });

  it('looks once for many that ask, and again when the facts are old', async () => {
    let looks = 0;
    let now = 0;
    const one = health({
      now: () => now,
      store: {
        health: async () => {
          looks++;
          return GOOD;
        },
      },
    });
    await Promise.all([one.readiness(), one.readiness(), one.facts()]);
    await one.readiness();
    expect(looks).toBe(1);
    now = 1_000;
    await one.readiness();
    expect(looks).toBe(2);
  });

  it('reads the real disk and the real event loop', async () => {
    const one = new Health({
      store: { health: async () => GOOD },
      dataDir: tmpdir(),
      minFreeBytes: 1,
      maxCommitQueue: 1,
      maxLoopDelayMs: 60_000,
    });
    made.push(one);
    const facts = await one.facts();
    expect(facts.disk_free_bytes).toBeGreaterThan(0);
    expect(facts.loop_delay_p99_ms).toBeGreaterThanOrEqual(0);
  });
});
