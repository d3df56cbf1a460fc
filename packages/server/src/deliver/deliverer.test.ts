import * as fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { EnvironmentClocks } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import { PostriderError } from '../domain/errors.ts';
import type { OutgoingRecipient } from '../domain/message.ts';
import type { Outcome } from '../domain/outcome.ts';
import { Deliverer } from './deliverer.ts';
import { FakeOutgoing } from './testing/fake-outgoing.ts';
import type { Transport } from './transport.ts';

const OK: Outcome = { kind: 'delivered', smtp_response: '250 OK', server: 'mx.test' };

interface Kept {
  recipient: string;
  attempt: number;
  outcome: Outcome;
  at: number;
}

/** A deliverer over fakes on a clock that only the test moves. */
class World {
  readonly clocks = new EnvironmentClocks({ now: () => 1_000_000 });
  readonly kept: Kept[] = [];
  /** The next so many outcomes are not taken by the store. */
  failRecords = 0;
  recordError: Error = new Error('disk full');
  transport: Transport | null;
  readonly store: FakeOutgoing;
  readonly deliverer: Deliverer;

  constructor(store: FakeOutgoing, send: Transport['send'], concurrency = 8) {
    this.store = store;
    this.transport = { name: 'fake', send };
    this.deliverer = new Deliverer({
      store,
      clocks: this.clocks,
      pick: () => this.transport,
      record: async (item, attempt, outcome) => this.#record(item, attempt, outcome),
      concurrency,
      log: silentLogger,
    });
    worlds.push(this);
  }

  async #record(item: OutgoingRecipient, attempt: number, outcome: Outcome) {
    await Promise.resolve();
    if (this.failRecords-- > 0) throw this.recordError;
    const at = this.clocks.now(item.env);
    const wait =
      outcome.kind === 'later'
        ? outcome.after_ms
        : outcome.kind === 'deferred'
          ? (outcome.retry_after_ms ?? 0)
          : null;
    const next_at = wait === null ? null : at + wait;
    this.store.finish(item.outgoing, next_at, outcome.kind !== 'later' || outcome.counts);
    this.kept.push({ recipient: item.recipient, attempt, outcome, at });
    return { next_at };
  }

  kinds(): string[] {
    return this.kept.map(({ recipient, attempt, outcome }) => `${recipient} ${attempt} ${outcome.kind}`);
  }
}

const worlds: World[] = [];
afterEach(async () => {
  for (const { deliverer } of worlds.splice(0)) await deliverer.stop(0);
});

describe('deliverer', () => {
  it('picks up at the start what is pending, in every environment', async () => {
    const store = new FakeOutgoing([1, 2]);
    for (let n = 0; n < 30; n++) store.add(1 + (n % 2), `r${n}`);
    const world = new World(store, async () => OK);
    await world.deliverer.start();
    await world.deliverer.idle(1);
    await world.deliverer.idle(2);
    expect(world.kept.map(({ recipient }) => recipient).sort()).toEqual(
      Array.from({ length: 30 }, (_, n) => `r${n}`).sort(),
    );
    expect(store.rows.size).toBe(0);
  });

  it('holds no more than its concurrency, in all', async () => {
    const store = new FakeOutgoing([1, 2, 3]);
    for (let n = 0; n < 300; n++) store.add(1 + (n % 3), `r${n}`);
    const world = new World(store, async () => OK, 7);
    await world.deliverer.start();
    for (const env of [1, 2, 3]) await world.deliverer.idle(env);
    expect(world.kept).toHaveLength(300);
    expect(store.mostHeld).toBeLessThanOrEqual(7);
    expect(world.deliverer.inFlight).toBe(0);
  });

  it('gives each environment its turn while one has more than enough', async () => {
    const store = new FakeOutgoing([1, 2]);
    for (let n = 0; n < 200; n++) store.add(1, 'many');
    for (let n = 0; n < 5; n++) store.add(2, 'few');
    const world = new World(store, async () => OK, 4);
    await world.deliverer.start();
    await world.deliverer.idle(1);
    await world.deliverer.idle(2);
    const lastFew = world.kept.map(({ recipient }) => recipient).lastIndexOf('few');
    expect(lastFew).toBeLessThan(50);
  });

  it('waits for the environment clock, then goes on by itself', async () => {
    const store = new FakeOutgoing([1]);
    const world = new World(store, async () => OK);
    await world.deliverer.start();
    store.add(1, 'soon', { next_at: 1_060_000 });
    world.deliverer.onQueued(1, 1_060_000);
    await world.deliverer.idle(1);
    expect(world.kept).toEqual([]);
    expect(await world.deliverer.nextDueAt(1)).toBe(1_060_000);
    expect(world.deliverer.isIdle(1)).toBe(true);
    world.clocks.setOffset(1, 60_000);
    expect(world.deliverer.isIdle(1)).toBe(false);
    await world.deliverer.idle(1);
    expect(world.kinds()).toEqual(['soon 1 delivered']);
  });

  it('counts attempts and comes back after a deferral without a notice', async () => {
    const store = new FakeOutgoing([1]);
    store.add(1, 'r');
    const world = new World(store, async (_item, attempt) =>
      attempt < 3
        ? {
            kind: 'deferred',
            smtp_code: 451,
            enhanced_code: '4.3.0',
            smtp_message: 'later',
            retry_after_ms: 1000,
          }
        : OK,
    );
    await world.deliverer.start();
    for (const offset of [0, 1000, 2000]) {
      world.clocks.setOffset(1, offset);
      await world.deliverer.idle(1);
    }
    expect(world.kinds()).toEqual(['r 1 deferred', 'r 2 deferred', 'r 3 delivered']);
  });

  it('drops what has expired and sends nothing of it', async () => {
    const store = new FakeOutgoing([1]);
    store.add(1, 'old', { expires_at: 1_000_000 });
    store.add(1, 'good', { expires_at: 1_000_001 });
    const sent: string[] = [];
    const world = new World(store, async (item) => {
      sent.push(item.recipient);
      return OK;
    });
    await world.deliverer.start();
    await world.deliverer.idle(1);
    expect(sent).toEqual(['good']);
    expect(world.kept.find(({ recipient }) => recipient === 'old')?.outcome).toEqual({
      kind: 'dropped',
      reason: 'expired',
    });
  });

  it('treats a transport that throws as a temporary failure', async () => {
    const store = new FakeOutgoing([1]);
    store.add(1, 'r');
    const world = new World(store, async (_item, attempt) => {
      if (attempt === 1) throw new TypeError('bug');
      return OK;
    });
    await world.deliverer.start();
    await world.deliverer.idle(1);
    expect(world.kinds()).toEqual(['r 1 deferred', 'r 2 delivered']);
    expect(world.kept[0]?.outcome).toMatchObject({ enhanced_code: '4.3.0', smtp_code: null });
  });

  it('keeps a recipient queued while it has no transport', async () => {
    const store = new FakeOutgoing([1]);
    store.add(1, 'r');
    const world = new World(store, async () => OK);
    const { transport } = world;
    world.transport = null;
    await world.deliverer.start();
    await world.deliverer.idle(1);
    expect(world.kinds()).toEqual(['r 1 later']);
    expect(store.rows.size).toBe(1);
    world.transport = transport;
    world.clocks.setOffset(1, 60_000);
    await world.deliverer.idle(1);
    expect(world.kinds()).toEqual(['r 1 later', 'r 1 delivered']);
  });

  it('records again what the store did not take, without sending again', async () => {
    const store = new FakeOutgoing([1]);
    store.add(1, 'r');
    let sent = 0;
    const world = new World(store, async () => {
      sent++;
      return OK;
    });
    world.failRecords = 2;
    await world.deliverer.start();
    await world.deliverer.idle(1);
    expect(world.kinds()).toEqual(['r 1 delivered']);
    expect(sent).toBe(1);
  });

  it('lets go of a recipient that the store does not know any more', async () => {
    const store = new FakeOutgoing([1]);
    const row = store.add(1, 'r');
    const world = new World(store, async () => OK);
    world.failRecords = 1;
    world.recordError = new PostriderError('not_found', 'no such message');
    await world.deliverer.start();
    store.rows.delete(row.outgoing);
    await world.deliverer.idle(1);
    expect(world.deliverer.inFlight).toBe(0);
  });

  it('claims again after the store failed', async () => {
    const store = new FakeOutgoing([1]);
    store.add(1, 'r');
    store.failClaims = 2;
    const world = new World(store, async () => OK);
    await world.deliverer.start();
    expect(world.deliverer.isIdle(1)).toBe(false);
    await world.deliverer.idle(1);
    expect(world.kinds()).toEqual(['r 1 delivered']);
    expect(store.claims).toBeGreaterThanOrEqual(3);
  });

  it('takes up an environment made after the start', async () => {
    const store = new FakeOutgoing([1]);
    const world = new World(store, async () => OK);
    await world.deliverer.start();
    store.environments.push({ ...store.environments[0]!, env: 9 });
    store.add(9, 'new');
    world.deliverer.onQueued(9, 0);
    await world.deliverer.idle(9);
    expect(world.kinds()).toEqual(['new 1 delivered']);
  });

  it('stops after what is in flight, and leaves the rest for the next process', async () => {
    const store = new FakeOutgoing([1]);
    for (let n = 0; n < 20; n++) store.add(1, `r${n}`);
    const gate = Promise.withResolvers<void>();
    const world = new World(
      store,
      async () => {
        await gate.promise;
        return OK;
      },
      4,
    );
    await world.deliverer.start();
    await untilTrue(() => world.deliverer.inFlight === 4);
    const stopped = world.deliverer.stop();
    gate.resolve();
    await stopped;
    expect(world.kept).toHaveLength(4);
    expect([...store.rows.values()].every((row) => !row.held)).toBe(true);
    const next = new World(store, async () => OK);
    await next.deliverer.start();
    await next.deliverer.idle(1);
    expect(next.kept).toHaveLength(16);
  });

  it('gives up after the grace when the store takes nothing', async () => {
    const store = new FakeOutgoing([1]);
    store.add(1, 'r');
    const world = new World(store, async () => OK);
    world.failRecords = Number.POSITIVE_INFINITY;
    await world.deliverer.start();
    await untilTrue(() => world.deliverer.inFlight === 1);
    await world.deliverer.stop(1);
    expect(world.kept).toEqual([]);
    expect(store.rows.size).toBe(1);
  });

  it('ends every recipient exactly once, whatever fails on the way', async () => {
    const plan = fc.array(
      fc.record({
        env: fc.integer({ min: 1, max: 3 }),
        deferrals: fc.integer({ min: 0, max: 3 }),
        throws: fc.boolean(),
        due: fc.integer({ min: 0, max: 5 }),
      }),
      { maxLength: 40 },
    );
    await fc.assert(
      fc.asyncProperty(plan, fc.integer({ min: 1, max: 9 }), async (items, concurrency) => {
        const store = new FakeOutgoing([1, 2, 3]);
        const world = new World(
          store,
          async (item, attempt) => {
            const { deferrals, throws } = items[Number(item.recipient)]!;
            if (attempt > deferrals) return OK;
            if (throws) throw new Error('fault');
            return {
              kind: 'deferred',
              smtp_code: 451,
              enhanced_code: null,
              smtp_message: '',
              retry_after_ms: 1000,
            };
          },
          concurrency,
        );
        await world.deliverer.start();
        items.forEach(({ env, due }, index) => {
          const next_at = 1_000_000 + due * 1000;
          store.add(env, String(index), { next_at });
          world.deliverer.onQueued(env, next_at);
        });
        for (let second = 0; second <= 8; second++) {
          for (const env of [1, 2, 3]) {
            world.clocks.setOffset(env, second * 1000);
            await world.deliverer.idle(env);
          }
        }
        const done = world.kept.filter(({ outcome }) => outcome.kind === 'delivered');
        expect(done.map(({ recipient }) => Number(recipient)).sort((a, b) => a - b)).toEqual(
          items.map((_, index) => index),
        );
        expect(
          done.every(({ recipient, attempt }) => attempt === items[Number(recipient)]!.deferrals + 1),
        ).toBe(true);
        expect(store.mostHeld).toBeLessThanOrEqual(concurrency);
        await world.deliverer.stop(0);
      }),
      { numRuns: 60 },
    );
  });
});

async function untilTrue(ready: () => boolean): Promise<void> {
  while (!ready()) await new Promise((resolve) => setImmediate(resolve));
}
