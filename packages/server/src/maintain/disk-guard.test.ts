import { expect, it } from 'vitest';
import { silentLogger } from '../base/logger.ts';
import { DiskGuard } from './disk-guard.ts';

function guard(): { look: (free: number | Error) => Promise<void>; told: (string | null)[] } {
  const told: (string | null)[] = [];
  let next: number | Error = 0;
  const made = new DiskGuard({
    dir: '/nowhere',
    minFreeBytes: 1000,
    refuse: (reason) => told.push(reason),
    log: silentLogger,
    freeBytes: async () => {
      if (next instanceof Error) throw next;
      return next;
    },
  });
  return {
    told,
    look: async (free) => {
      next = free;
      await made.look();
    },
  };
}

it('refuses below the limit, once, and opens again with some room to spare', async () => {
  const { look, told } = guard();
  await look(1000);
  expect(told).toEqual([]);
  await look(999);
  await look(500);
  expect(told).toEqual([expect.stringContaining('999 bytes left')]);
  await look(1050);
  expect(told).toHaveLength(1);
  await look(1100);
  expect(told).toEqual([expect.anything(), null]);
});

it('changes nothing when the disk cannot be looked at', async () => {
  const { look, told } = guard();
  await look(10);
  await look(new Error('EIO'));
  expect(told).toHaveLength(1);
});
