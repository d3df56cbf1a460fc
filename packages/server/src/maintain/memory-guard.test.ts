import { constants, PerformanceObserver, type PerformanceNodeEntry } from 'node:perf_hooks';
import { expect, it, vi } from 'vitest';
import { silentLogger } from '../base/logger.ts';
import { MemoryGuard, type MemoryGuardOptions } from './memory-guard.ts';

const { NODE_PERFORMANCE_GC_MAJOR: GC_MAJOR, NODE_PERFORMANCE_GC_FLAGS_FORCED: GC_FORCED } = constants;

function guard(options: Partial<MemoryGuardOptions> = {}) {
  const told: (string | null)[] = [];
  let use = { rss: 0, heap_used: 0, heap_limit: 10_000 };
  const made = new MemoryGuard({
    maxBytes: 1000,
    containerBytes: 0,
    refuse: (reason) => told.push(reason),
    log: silentLogger,
    measure: () => use,
    ...options,
  });
  return {
    told,
    made,
    look: (rss: number, heap_used = 0) => {
      use = { ...use, rss, heap_used };
      made.look();
    },
  };
}

it('refuses above the limit, once, and opens again with some room to spare', () => {
  const { look, told, made } = guard();
  look(1000);
  expect(told).toEqual([]);
  look(1001);
  look(5000);
  expect(told).toEqual(['The process holds 1001 bytes of memory; limits.memory_bytes allows 1000.']);
  expect(made.refusal).toBe(told[0]);
  look(901);
  expect(told).toHaveLength(1);
  look(900);
  expect(told).toEqual([expect.anything(), null]);
  expect(made.refusal).toBeNull();
});

it('keeps away from the limit of its container, whatever the settings say', () => {
  const { look, told } = guard({ maxBytes: 0, containerBytes: 2000 });
  look(1800);
  expect(told).toEqual([]);
  look(1801);
  expect(told).toEqual([expect.stringContaining('container may use are 1800')]);
});

it('keeps away from the end of the heap', () => {
  const { look, told } = guard({ maxBytes: 0 });
  look(1e12, 8500);
  expect(told).toEqual([]);
  look(0, 8501);
  expect(told).toEqual(['The JavaScript heap holds 8501 of 10000 bytes.']);
  look(0, 7651);
  expect(told).toHaveLength(1);
  look(0, 7650);
  expect(told).toHaveLength(2);
});

it('collects garbage now and then while it refuses, and only then', () => {
  let collected = 0;
  const { look } = guard({ collect: () => collected++ });
  for (let i = 0; i < 100; i++) look(10);
  expect(collected).toBe(0);
  for (let i = 0; i < 91; i++) look(2000);
  expect(collected).toBe(3);
});

it('really collects', async () => {
  const forced: boolean[] = [];
  const observer = new PerformanceObserver((list) => {
    for (const { detail } of list.getEntries() as PerformanceNodeEntry[]) {
      const { kind, flags } = detail as { kind: number; flags: number };
      forced.push(kind === GC_MAJOR && (flags & GC_FORCED) !== 0);
    }
  });
  observer.observe({ entryTypes: ['gc'] });
  const { look } = guard();
  for (let i = 0; i < 31; i++) look(2000);
  await vi.waitFor(() => expect(forced).toContain(true));
  observer.disconnect();
});

it('measures this process', () => {
  const told: (string | null)[] = [];
  const one = new MemoryGuard({ maxBytes: 1, refuse: (reason) => told.push(reason), log: silentLogger });
  one.start();
  one.stop();
  expect(told).toEqual([expect.stringContaining('limits.memory_bytes allows 1.')]);
  const roomy = new MemoryGuard({ maxBytes: 1e12, refuse: (reason) => told.push(reason), log: silentLogger });
  roomy.look();
  expect(roomy.refusal).toBeNull();
});
