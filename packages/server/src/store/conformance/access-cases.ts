import { expect, it } from 'vitest';
import { newId } from '../../base/ids.ts';
import { FIRST_PAGE, type Bench } from './harness.ts';

export function accessCases(bench: Bench): void {
  it('makes a project with a live and a sandbox environment, and refuses a taken name', async () => {
    const { store } = bench.world;
    const made = await store.createProject({ project_id: newId('prj'), name: 'shop', created_at: 5 }, null);
    expect(made.environments.map((e) => e.name)).toEqual(['live', 'sandbox']);
    await expect(
      store.createProject({ project_id: newId('prj'), name: 'shop', created_at: 6 }, null),
    ).rejects.toMatchObject({ code: 'conflict' });
    expect((await store.listProjects()).map((p) => p.name)).toEqual(['shop']);
    expect(await store.listEnvironments()).toHaveLength(2);
  });

  it('finds a key by its hash until it is revoked, and only in its environment', async () => {
    const { store } = bench.world;
    const { live, sandbox } = await bench.world.tenant();
    const key = {
      key_id: newId('key'),
      env: live,
      name: 'ci',
      scopes: ['send' as const],
      prefix: 'pr_live_ab',
      hash: 'h1',
      sealed: null,
      created_at: 1,
    };
    await store.createApiKey(key, null);
    expect(await store.findApiKey('h1')).toMatchObject({ key_id: key.key_id, env: live, scopes: ['send'] });
    expect(await store.findApiKey('h2')).toBeNull();
    expect((await store.listApiKeys(sandbox, FIRST_PAGE)).data).toEqual([]);
    await expect(store.revokeApiKey(sandbox, key.key_id, 9)).rejects.toMatchObject({ code: 'not_found' });
    expect(await store.revokeApiKey(live, key.key_id, 9)).toMatchObject({ revoked_at: 9 });
    expect(await store.findApiKey('h1')).toMatchObject({ revoked_at: 9 });
  });

  it('answers a repeated creating call with the first answer, and another body with a conflict', async () => {
    const { store } = bench.world;
    const { live } = await bench.world.tenant();
    const key = (id: string) => ({
      key_id: id,
      env: live,
      name: 'n',
      scopes: [],
      prefix: 'p',
      hash: id,
      sealed: 'sealed-key',
      created_at: 1,
    });
    const once = { key: 'k', fingerprint: 'f', now: Date.now() };
    const first = await store.createApiKey(key(newId('key')), once);
    const second = await store.createApiKey(key(newId('key')), once);
    expect(first.replayed).toBe(false);
    expect(second).toEqual({ ...first, replayed: true });
    await expect(store.createApiKey(key(newId('key')), { ...once, fingerprint: 'g' })).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
    expect((await store.listApiKeys(live, FIRST_PAGE)).data).toHaveLength(1);
    const dayLater = { ...once, fingerprint: 'g', now: once.now + 24 * 3_600_000 };
    expect((await store.createApiKey(key(newId('key')), dayLater)).replayed).toBe(false);
  });

  it('moves an environment’s clock and keeps the offset', async () => {
    const { sandbox, live } = await bench.world.tenant();
    await bench.world.store.advanceClock(sandbox, 60_000);
    await bench.restart();
    const environments = await bench.world.store.listEnvironments();
    expect(environments.find((e) => e.env === sandbox)?.clock_offset_ms).toBe(60_000);
    expect(environments.find((e) => e.env === live)?.clock_offset_ms).toBe(0);
  });

  it('changes and deletes endpoints of its own environment only, and tells of it', async () => {
    const { store } = bench.world;
    const { live, sandbox } = await bench.world.tenant();
    const { endpoint_id, lane } = await bench.world.endpoint(live);
    await expect(store.updateEndpoint(sandbox, endpoint_id, { updated_at: 2 })).rejects.toMatchObject({
      code: 'not_found',
    });
    await expect(store.deleteEndpoint(sandbox, endpoint_id, 2)).rejects.toMatchObject({ code: 'not_found' });
    expect(await store.getEndpoint(sandbox, endpoint_id)).toBeNull();
    const changed = await store.updateEndpoint(live, endpoint_id, { max_in_flight: 9, updated_at: 3 });
    expect(changed).toMatchObject({ max_in_flight: 9, url: 'https://app.example/hooks', updated_at: 3 });
    await store.deleteEndpoint(live, endpoint_id, 4);
    expect(await store.getEndpoint(live, endpoint_id)).toBeNull();
    expect((await store.listEndpoints(live, FIRST_PAGE)).data).toEqual([]);
    const told = bench.world.notices.flatMap((n) => n.endpoints).filter((e) => e.lane === lane);
    expect(told.map((e) => [e.max_in_flight, e.deleted])).toEqual([
      [4, false],
      [9, false],
      [9, true],
    ]);
    const next = await bench.world.endpoint(live);
    expect(next.lane).toBeGreaterThan(lane);
  });
}
