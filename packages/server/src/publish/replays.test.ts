import { expect, it } from 'vitest';
import type { Endpoint } from '../domain/endpoint.ts';
import type { Environment } from '../domain/tenancy.ts';
import type { ReplaySlice } from '../store/ports.ts';
import { Replays, type ReplayServiceStore } from './replays.ts';

const environment = (env: number): Environment => ({
  env,
  project_id: 'prj_1',
  name: 'sandbox',
  clock_offset_ms: 0,
});

it('counts for one environment while another has as many counts under way as it may', async () => {
  const { promise, resolve } = Promise.withResolvers<ReplaySlice>();
  const store = {
    getEndpoint: async (env: number) => ({ lane: env }) as Endpoint,
    replayEnd: async () => 5,
    findReplayable: async () => promise,
  } as Partial<ReplayServiceStore> as ReplayServiceStore;
  const clocks = { now: () => 0, wallNow: () => 0 } as never;
  const replays = new Replays({ store, clocks, runner: { take: () => {} }, maxRunning: 1 });
  const count = (env: number) =>
    replays.create(environment(env), { endpoint_id: 'end_1', dry_run: true }, null);
  const counts = Array.from({ length: 4 }, () => count(1));
  await expect(count(1)).rejects.toMatchObject({ code: 'too_many_requests' });
  counts.push(count(2));
  resolve({ items: [3, 4], through: 5 });
  for (const answer of await Promise.all(counts)) expect(answer).toMatchObject({ matched: 2 });
});
