import { describe, expect, it } from 'vitest';
import type { NewEvent } from '../domain/event.ts';
import type { Environment } from '../domain/tenancy.ts';
import type { Suppression } from '../store/ports.ts';
import { Suppressions, type SuppressionsStore } from './suppressions.ts';

const SANDBOX: Environment = { env: 2, project_id: 'prj_1', name: 'sandbox', clock_offset_ms: 0 };

class FakeStore implements SuppressionsStore {
  readonly list = new Map<string, Suppression>();
  readonly removed: NewEvent[] = [];
  readonly eventIds: string[] = [];

  async addSuppressions(
    env: number,
    items: Parameters<SuppressionsStore['addSuppressions']>[1],
    at: number,
  ): Promise<{ data: Suppression[]; replayed: boolean }> {
    for (const { address, reason, event_id } of items) {
      this.eventIds.push(event_id);
      const known = this.list.get(`${env} ${address}`);
      if (known === undefined) {
        this.list.set(`${env} ${address}`, { address, reason, event_id: null, created_at: at });
      }
    }
    return { data: items.map(({ address }) => this.list.get(`${env} ${address}`)!), replayed: false };
  }
  async removeSuppression(env: number, address: string, event: NewEvent): Promise<void> {
    this.list.delete(`${env} ${address}`);
    this.removed.push(event);
  }
  async getSuppression(env: number, address: string): Promise<Suppression | null> {
    return this.list.get(`${env} ${address}`) ?? null;
  }
  async listSuppressions(): Promise<{ data: Suppression[]; next_cursor: null }> {
    return { data: [...this.list.values()], next_cursor: null };
  }
}

function setUp() {
  const store = new FakeStore();
  return { store, list: new Suppressions({ store, clocks: { now: () => 5_000 } }) };
}

describe('suppressions', () => {
  it('are added with an event id each, at the time of the environment', async () => {
    const { store, list } = setUp();
    const { data } = await list.add(
      SANDBOX,
      [
        { address: 'a@example.com', reason: 'manual' },
        { address: 'b@example.com', reason: 'complaint' },
      ],
      null,
    );
    expect(data).toEqual([
      { address: 'a@example.com', reason: 'manual', event_id: null, created_at: 5_000 },
      { address: 'b@example.com', reason: 'complaint', event_id: null, created_at: 5_000 },
    ]);
    expect(new Set(store.eventIds).size).toBe(2);
    expect(store.eventIds.every((id) => id.startsWith('evt_'))).toBe(true);
  });

  it('are removed with an event that says what was there', async () => {
    const { store, list } = setUp();
    await list.add(SANDBOX, [{ address: 'a@example.com', reason: 'manual' }], null);
    await list.remove(SANDBOX, 'a@example.com');
    expect(store.list.size).toBe(0);
    expect(store.removed).toMatchObject([
      { event_type: 'suppression.removed', at: 5_000, message_id: null, recipient: 'a@example.com' },
    ]);
    expect(JSON.parse(store.removed[0]!.data)).toEqual({
      address: 'a@example.com',
      reason: 'manual',
      event_id: null,
    });
  });

  it('that are not there are not found', async () => {
    const { store, list } = setUp();
    await expect(list.get(SANDBOX, 'x@example.com')).rejects.toMatchObject({ code: 'not_found' });
    await expect(list.remove(SANDBOX, 'x@example.com')).rejects.toMatchObject({ code: 'not_found' });
    expect(store.removed).toEqual([]);
  });

  it('belong to one environment', async () => {
    const { list } = setUp();
    await list.add(SANDBOX, [{ address: 'a@example.com', reason: 'manual' }], null);
    await expect(list.get({ ...SANDBOX, env: 1, name: 'live' }, 'a@example.com')).rejects.toMatchObject({
      code: 'not_found',
    });
  });
});
