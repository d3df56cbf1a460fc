import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { EnvironmentClocks } from '../base/clock.ts';
import { silentLogger } from '../base/logger.ts';
import type { Environment } from '../domain/tenancy.ts';
import { ClockAdvance, type ClockParticipant } from './clock-advance.ts';

const WALL = 1_000_000;
const SANDBOX: Environment = { env: 2, project_id: 'prj_1', name: 'sandbox', clock_offset_ms: 0 };

class FakeStore {
  /** Offset on disk. */
  offset = 0;
  readonly moves: number[] = [];

  async advanceClock(env: number, by_ms: number): Promise<Environment> {
    this.offset += by_ms;
    this.moves.push(by_ms);
    return { ...SANDBOX, env, clock_offset_ms: this.offset };
  }
}

/** Work at moments of the environment's clock; doing it takes a few turns of the event loop. */
class Worker implements ClockParticipant {
  readonly done: { due: number; at: number }[] = [];
  readonly #clocks: EnvironmentClocks;
  readonly #due: number[];
  /** Work that follows from work, after a wait. */
  follow: (due: number) => number | null = () => null;
  #busy = false;

  constructor(clocks: EnvironmentClocks, due: readonly number[]) {
    this.#clocks = clocks;
    this.#due = [...due];
  }

  add(due: number): void {
    this.#due.push(due);
  }

  #ready(env: number): number[] {
    return this.#due.filter((due) => due <= this.#clocks.now(env)).sort((a, b) => a - b);
  }

  isIdle(env: number): boolean {
    return !this.#busy && this.#ready(env).length === 0;
  }

  async idle(env: number): Promise<void> {
    for (let [due] = this.#ready(env); due !== undefined; [due] = this.#ready(env)) {
      this.#busy = true;
      this.#due.splice(this.#due.indexOf(due), 1);
      await new Promise((resolve) => setImmediate(resolve));
      this.done.push({ due, at: this.#clocks.now(env) });
      const next = this.follow(due);
      if (next !== null) this.#due.push(next);
      this.#busy = false;
    }
  }

  async nextDueAt(): Promise<number | null> {
    return this.#due.length === 0 ? null : Math.min(...this.#due);
  }
}

function setUp(limitMs?: number) {
  const clocks = new EnvironmentClocks({ now: () => WALL });
  const store = new FakeStore();
  const participants: ClockParticipant[] = [];
  const clock = new ClockAdvance({
    store,
    clocks,
    participants,
    log: silentLogger,
    ...(limitMs === undefined ? {} : { limitMs }),
  });
  return { clocks, store, participants, clock };
}

describe('advancing the clock', () => {
  it('moves an idle sandbox by exactly what was asked, on disk and in memory', async () => {
    const { clock, store } = setUp();
    expect(await clock.advance(SANDBOX, 3600)).toEqual({
      now: new Date(WALL + 3_600_000).toISOString(),
      offset_ms: 3_600_000,
      advanced_seconds: 3600,
      steps: 0,
    });
    expect(store.offset).toBe(3_600_000);
    expect(clock.now(2)).toBe(WALL + 3_600_000);
    expect(await clock.advance(SANDBOX, 0)).toMatchObject({ offset_ms: 3_600_000 });
  });

  it('stops at every due moment, also at those that come up on the way', async () => {
    const { clock, clocks, participants } = setUp();
    const worker = new Worker(clocks, [WALL + 30_000]);
    worker.follow = (due) => (due < WALL + 400_000 ? due + 300_000 : null);
    participants.push(worker);
    const { steps } = await clock.advance(SANDBOX, 3600);
    expect(worker.done).toEqual([30_000, 330_000, 630_000].map((ms) => ({ due: WALL + ms, at: WALL + ms })));
    expect(steps).toBe(3);
  });

  it('settles what is due already before it moves', async () => {
    const { clock, clocks, participants } = setUp();
    const worker = new Worker(clocks, [WALL - 5, WALL]);
    participants.push(worker);
    await clock.advance(SANDBOX, 10);
    expect(worker.done.map(({ at }) => at)).toEqual([WALL, WALL]);
  });

  it('leaves what is due later, and plays what is due at the very end', async () => {
    const { clock, clocks, participants } = setUp();
    const worker = new Worker(clocks, [WALL + 10_000, WALL + 10_001]);
    participants.push(worker);
    await clock.advance(SANDBOX, 10);
    expect(worker.done.map(({ due }) => due)).toEqual([WALL + 10_000]);
  });

  it('lets one participant finish what another hands it', async () => {
    const { clock, clocks, participants } = setUp();
    const publisher = new Worker(clocks, []);
    const deliverer = new Worker(clocks, [WALL + 1_000]);
    deliverer.follow = (due) => {
      publisher.add(due);
      return null;
    };
    participants.push(publisher, deliverer);
    await clock.advance(SANDBOX, 2);
    expect(publisher.done).toEqual([{ due: WALL + 1_000, at: WALL + 1_000 }]);
  });

  it('plays calls for one environment one after the other', async () => {
    const { clock, clocks, participants, store } = setUp();
    participants.push(new Worker(clocks, [WALL + 5_000, WALL + 15_000]));
    const results = await Promise.all([clock.advance(SANDBOX, 10), clock.advance(SANDBOX, 10)]);
    expect(results.map(({ offset_ms }) => offset_ms)).toEqual([10_000, 20_000]);
    expect(store.offset).toBe(20_000);
  });

  it('refuses more calls than may wait', async () => {
    const { clock } = setUp();
    const results = await Promise.allSettled(
      Array.from({ length: 20 }, async () => clock.advance(SANDBOX, 1)),
    );
    const refused = results.filter((one) => one.status === 'rejected');
    expect(refused.length).toBe(4);
    expect(refused[0]).toMatchObject({ reason: { code: 'too_many_requests', retryAfterSeconds: 1 } });
    expect(await clock.advance(SANDBOX, 1)).toMatchObject({ offset_ms: 17_000 });
  });

  it('refuses the live environment and times that make no sense', async () => {
    const { clock, store } = setUp();
    await expect(clock.advance({ ...SANDBOX, name: 'live' }, 1)).rejects.toMatchObject({ code: 'not_found' });
    for (const seconds of [-1, Number.NaN, Number.POSITIVE_INFINITY, 1e12]) {
      await expect(clock.advance(SANDBOX, seconds)).rejects.toMatchObject({
        code: 'validation_failed',
        errors: [{ path: '/seconds' }],
      });
    }
    expect(store.moves).toEqual([]);
  });

  it('stops on the way when what is due does not settle, and says how far it came', async () => {
    const { clock, clocks, participants } = setUp(50);
    const stuck: ClockParticipant = {
      isIdle: () => clocks.now(2) < WALL + 4_000,
      idle: async () => (clocks.now(2) < WALL + 4_000 ? undefined : new Promise(() => {})),
      nextDueAt: async () => (clocks.now(2) < WALL + 4_000 ? WALL + 4_000 : null),
    };
    participants.push(stuck);
    await expect(clock.advance(SANDBOX, 10)).rejects.toMatchObject({
      code: 'conflict',
      message: expect.stringContaining('Advance by the 6 seconds'),
    });
    expect(clock.offset(2)).toBe(4_000);
  });

  it('moves on when something due is taken up by nobody', async () => {
    const { clock, participants } = setUp();
    participants.push({ isIdle: () => true, idle: async () => {}, nextDueAt: async () => WALL - 1 });
    expect(await clock.advance(SANDBOX, 10)).toMatchObject({ offset_ms: 10_000 });
  });

  it('passes on a store that cannot commit, with the clock where it was', async () => {
    const { clock, store } = setUp();
    store.advanceClock = async () => {
      throw new Error('disk full');
    };
    await expect(clock.advance(SANDBOX, 10)).rejects.toThrow('disk full');
    expect(clock.offset(2)).toBe(0);
  });

  it('plays any set of moments once each, in order, at its own time', async () => {
    const moments = fc.array(fc.integer({ min: 0, max: 20_000 }), { maxLength: 20 });
    await fc.assert(
      fc.asyncProperty(moments, moments, fc.integer({ min: 0, max: 25 }), async (a, b, seconds) => {
        const { clock, clocks, participants } = setUp();
        const workers = [a, b].map(
          (due) =>
            new Worker(
              clocks,
              due.map((ms) => WALL + ms),
            ),
        );
        participants.push(...workers);
        const { offset_ms } = await clock.advance(SANDBOX, seconds);
        expect(offset_ms).toBe(seconds * 1000);
        [a, b].forEach((due, index) => {
          const expected = due
            .filter((ms) => ms <= seconds * 1000)
            .sort((x, y) => x - y)
            .map((ms) => ({ due: WALL + ms, at: WALL + ms }));
          expect(workers[index]?.done).toEqual(expected);
        });
      }),
      { numRuns: 100 },
    );
  });
});
