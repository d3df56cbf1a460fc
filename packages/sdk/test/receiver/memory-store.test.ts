import { expect, it } from 'vitest';
import { memoryStore } from '../../src/receiver/memory-store.ts';
import { job } from './kit.ts';
import { storeSuite } from './store-suite.ts';

storeSuite('memory', async () => memoryStore());

it('refuses more unfinished jobs than it was given room for', async () => {
  const store = memoryStore({ maxJobs: 2 });
  await store.enqueue([job(), job()], 1_000);
  await expect(store.enqueue([job()], 1_000)).rejects.toThrow(/holds 2 unfinished jobs/);
});
