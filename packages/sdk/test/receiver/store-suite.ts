/** What every store has to do, asked of each of them. */

import { factsOf } from '@postrider/contract/state';
import { describe, expect, it } from 'vitest';
import type { ReceiverStore, TakeOptions } from '../../src/receiver/store.ts';
import { event, job } from './kit.ts';

const TAKE: TakeOptions = {
  limit: 10,
  now: 2_000,
  leaseUntil: 9_000,
  consumers: ['default'],
  ordered: false,
};

/** `empty` gives a store with nothing in it. */
export function storeSuite(name: string, empty: () => Promise<ReceiverStore>): void {
  describe(`${name}: the queue`, () => {
    it('takes what is new once, whoever brings it again', async () => {
      const store = await empty();
      const [a, b] = [job(), job()];
      expect(await store.enqueue([a, b, a], 1_000)).toEqual([a, b]);
      expect(await store.enqueue([a], 1_000)).toEqual([]);
      const both = await Promise.all([store.enqueue([b], 1_000), store.enqueue([b], 1_000)]);
      expect(both).toEqual([[], []]);
      const taken = await store.take(TAKE);
      expect(taken).toEqual([
        { ...a, attempt: 1 },
        { ...b, attempt: 1 },
      ]);
      expect(await store.take(TAKE)).toEqual([]);
      for (const one of taken) expect(await store.done(one, 3_000, null)).toBe(true);
      expect(await store.enqueue([a, b], 4_000)).toEqual([]);
      expect(await store.counts()).toEqual({ ready: 0, taken: 0, dead: 0 });
    });

    it('queues one of many concurrent duplicates', async () => {
      const store = await empty();
      const jobs = Array.from({ length: 20 }, () => job());
      const answers = await Promise.all(
        Array.from({ length: 8 }, (_, at) => store.enqueue(at % 2 ? jobs : jobs.toReversed(), 1_000)),
      );
      expect(answers.flat()).toHaveLength(20);
    });

    it('gives a lease to another when it has run out, and keeps the other’s result', async () => {
      const store = await empty();
      await store.enqueue([job()], 1_000);
      const [first] = await store.take(TAKE);
      expect(await store.take({ ...TAKE, now: 8_999 })).toEqual([]);
      const [second] = await store.take({ ...TAKE, now: 9_000, leaseUntil: 20_000 });
      expect(second).toMatchObject({ id: first?.id, attempt: 2 });
      expect(await store.done(first!, 9_500, null)).toBe(false);
      expect(await store.retryLater(first!, 9_500, 'late')).toBe(false);
      expect(await store.deadLetter(first!, 9_500, 'late')).toBe(false);
      expect(await store.done(second!, 9_600, null)).toBe(true);
    });

    it('takes again what is to be retried, when it is due', async () => {
      const store = await empty();
      await store.enqueue([job()], 1_000);
      const [one] = await store.take(TAKE);
      expect(await store.retryLater(one!, 5_000, 'busy')).toBe(true);
      expect(await store.take({ ...TAKE, now: 4_999 })).toEqual([]);
      expect(await store.take({ ...TAKE, now: 5_000 })).toMatchObject([{ attempt: 2 }]);
    });

    it('keeps dead letters, pages them, queues them again, discards them', async () => {
      const store = await empty();
      const jobs = [job(), job(), job()];
      await store.enqueue(jobs, 1_000);
      for (const one of await store.take(TAKE)) await store.deadLetter(one, 3_000, 'no such order');
      await store.keepUnusable({ id: 'req_1/0', reason: 'unknown_shape', raw: '{"a":1}' }, 4_000);
      await store.keepUnusable({ id: 'req_1/0', reason: 'unknown_shape', raw: '{"a":1}' }, 5_000);
      const all = await store.deadLetters();
      expect(all).toHaveLength(4);
      expect(all[0]).toEqual({
        id: 'req_1/0',
        consumer: '',
        reason: 'unknown_shape',
        attempts: 0,
        at: 4_000,
        event: null,
        raw: '{"a":1}',
      });
      const pages = [];
      for (let after = all[0]; after !== undefined;) {
        pages.push(after);
        [after] = await store.deadLetters({ limit: 1, after });
      }
      expect(pages).toEqual(all);
      expect(await store.deadLetters({ consumer: 'default' })).toHaveLength(3);
      expect(await store.redrive(all.slice(0, 2), 6_000)).toBe(1);
      expect(await store.take({ ...TAKE, now: 6_000 })).toMatchObject([{ id: all[1]?.id, attempt: 1 }]);
      expect(await store.discard(all.slice(2))).toBe(2);
      expect(await store.counts()).toEqual({ ready: 0, taken: 1, dead: 1 });
    });

    it('holds back what follows an unfinished one of the same message, when asked', async () => {
      const store = await empty();
      const [a1, a2, b1] = [job({ orderKey: 'a' }), job({ orderKey: 'a' }), job({ orderKey: 'b' })];
      await store.enqueue([a1, a2, b1], 1_000);
      const ordered = { ...TAKE, ordered: true };
      const taken = await store.take(ordered);
      expect(taken.map(({ id }) => id)).toEqual([a1.id, b1.id]);
      await store.retryLater(taken[0]!, 5_000, 'busy');
      expect(await store.take(ordered)).toEqual([]);
      const [again] = await store.take({ ...ordered, now: 5_000 });
      await store.deadLetter(again!, 5_100, 'gone');
      expect((await store.take({ ...ordered, now: 5_200 })).map(({ id }) => id)).toEqual([a2.id]);
    });

    it('keeps consumers apart', async () => {
      const store = await empty();
      const one = job();
      expect(await store.enqueue([one, { ...one, consumer: 'billing' }], 1_000)).toHaveLength(2);
      expect(await store.take({ ...TAKE, consumers: ['billing'] })).toMatchObject([{ consumer: 'billing' }]);
      expect(await store.take(TAKE)).toMatchObject([{ consumer: 'default' }]);
    });

    it('lets a guard pass once, and with its jobs or not at all', async () => {
      const store = await empty();
      expect(await store.enqueue([job()], 1_000, 'token')).toHaveLength(1);
      expect(await store.enqueue([job()], 1_000, 'token')).toEqual([]);
    });

    it('joins facts when a job is done', async () => {
      const store = await empty();
      const key = { consumer: 'default', messageId: 'msg', recipient: 'ann@example.com' };
      expect(await store.facts(key)).toBe(0);
      const facts = [event({ event_type: 'delivered' }), event({ event_type: 'open' })].map(factsOf);
      await store.enqueue([job(), job()], 1_000);
      for (const [at, one] of (await store.take(TAKE)).entries())
        await store.done(one, 3_000, { key, facts: facts[at]! });
      expect(await store.facts(key)).toBe(facts[0]! | facts[1]!);
      expect(await store.facts({ ...key, recipient: 'bob@example.com' })).toBe(0);
    });

    it('knows the seqs of a lane, done ones too, and what was noted of it', async () => {
      const store = await empty();
      await store.enqueue(
        [7, 3, 5, 3].map((seq) => job({}, { seq })),
        1_000,
      );
      for (const one of await store.take(TAKE)) await store.done(one, 1_500, null);
      expect(await store.seqs('lane', { from: 1, to: 9, limit: 9 })).toEqual([3, 5, 7]);
      expect(await store.seqs('lane', { from: 4, to: 9, limit: 1 })).toEqual([5]);
      expect(await store.seqs('other', { from: 1, to: 9, limit: 9 })).toEqual([]);
      expect(await store.lane('lane')).toBeNull();
      await store.setLane('lane', 'one');
      await store.setLane('lane', 'two');
      expect(await store.lane('lane')).toBe('two');
    });

    it('forgets what is settled and old, never what is unfinished', async () => {
      const store = await empty();
      const jobs = [job(), job(), job()];
      await store.enqueue(jobs, 1_000, 'token');
      const [done, dead] = await store.take({ ...TAKE, limit: 2 });
      await store.done(done!, 1_000, {
        key: { consumer: 'default', messageId: 'm', recipient: '' },
        facts: 1,
      });
      await store.deadLetter(dead!, 1_000, 'gone');
      expect(await store.prune({ done: 1_000, dead: 1_000, states: 1_000 })).toBe(0);
      expect(await store.prune({ done: 1_001, dead: 1_001, states: 1_001 })).toBe(4);
      expect(await store.counts()).toEqual({ ready: 1, taken: 0, dead: 0 });
      expect(await store.enqueue(jobs, 2_000, 'token')).toHaveLength(2);
    });
  });
}
