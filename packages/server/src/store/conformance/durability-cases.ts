import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { customEvent, delivered, type World, type Bench } from './harness.ts';

export function durabilityCases(bench: Bench): void {
  it('keeps lanes and log gapless under many concurrent writers, across a restart', async () => {
    const { sandbox } = await bench.world.tenant();
    const { lane } = await bench.world.endpoint(sandbox, { event_types: ['*'] });
    await Promise.all(
      Array.from({ length: 200 }, () => bench.world.store.recordEvents(sandbox, [customEvent()], null)),
    );
    const told = bench.world.told().map((line) => Number(/:(\d+)/.exec(line)?.[1]));
    expect(told).toEqual(Array.from({ length: 200 }, (_, i) => i + 1));
    await settleFirst(bench.world, lane, 150);
    await bench.restart();
    const load = await bench.world.store.loadFresh(lane, 0, 1000);
    expect(load.deliveries.map((d) => d.seq)).toEqual(Array.from({ length: 50 }, (_, i) => i + 151));
    await bench.world.store.recordEvents(sandbox, [customEvent()], null);
    expect(bench.world.told()).toEqual([`${lane}:201 custom.order`]);
  });

  it('takes a backup while running that opens and holds what was committed', async () => {
    const { sandbox } = await bench.world.tenant();
    await bench.world.store.recordEvents(sandbox, [customEvent()], null);
    const dir = mkdtempSync(join(tmpdir(), 'postrider-backup-'));
    try {
      const writing = Promise.all(
        Array.from({ length: 20 }, () => bench.world.store.recordEvents(sandbox, [customEvent()], null)),
      );
      expect(await bench.world.store.backup(join(dir, 'copy.db'))).toBeGreaterThan(10_000);
      await writing;
      expect(readdirSync(dir)).toEqual(['copy.db']);
      await expect(bench.world.store.backup(join(dir, 'no', 'such', 'folder', 'copy.db'))).rejects.toThrow();
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it('says that it is well', async () => {
    expect(await bench.world.store.health()).toMatchObject({
      writable: true,
      last_error: null,
      commit_queue: 0,
    });
  });

  it('commits what is queued before it closes, and refuses work afterwards', async () => {
    const { sandbox } = await bench.world.tenant();
    const queued = Array.from({ length: 50 }, () =>
      bench.world.store.recordEvents(sandbox, [customEvent()], null),
    );
    const { store } = bench.world;
    await bench.restart();
    await Promise.all(queued);
    await expect(store.recordEvents(sandbox, [customEvent()], null)).rejects.toMatchObject({
      code: 'storage_unavailable',
    });
    expect(await bench.world.store.logEnd(sandbox)).toBe(50);
  });
}

async function settleFirst(world: World, lane: number, n: number): Promise<void> {
  await world.store.settle(Array.from({ length: n }, (_, i) => delivered(lane, i + 1)));
}
