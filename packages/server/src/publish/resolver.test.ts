import type { LookupAddress } from 'node:dns';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { lookupThreads, Resolver, type Answered, type ResolverOptions } from './resolver.ts';

const PUBLIC: LookupAddress[] = [{ address: '93.184.216.34', family: 4 }];

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** A machine's look-up that answers when the test says so. */
function world(options: ResolverOptions = {}) {
  const asked: string[] = [];
  const open = new Map<string, Answered>();
  const told: Record<string, (string | null)[]> = {};
  const resolver = new Resolver({
    threads: 8,
    lookup: (hostname, done) => {
      asked.push(hostname);
      open.set(hostname, done);
    },
    ...options,
  });
  const answer = (hostname: string, error: NodeJS.ErrnoException | null = null): void => {
    const done = open.get(hostname);
    open.delete(hostname);
    done?.(error, error === null ? PUBLIC : []);
  };
  const ask = (hostname: string): void =>
    resolver.resolve(hostname, (error, addresses) => {
      (told[hostname] ??= []).push(error === null ? (addresses[0]?.address ?? '') : error.message);
    });
  return { resolver, asked, open, told, ask, answer };
}

const notFound = (): NodeJS.ErrnoException => Object.assign(new Error('no such name'), { code: 'ENOTFOUND' });
const names = (prefix: string, count: number): string[] =>
  Array.from({ length: count }, (_, n) => `${prefix}${n}.example.com`);

describe('Resolver', () => {
  it('looks a name up once for all who ask, and keeps the answer for a moment', () => {
    const { asked, told, ask, answer } = world();
    for (let i = 0; i < 5; i++) ask('a.example.com');
    expect(asked).toEqual(['a.example.com']);
    answer('a.example.com');
    expect(told['a.example.com']).toEqual(Array(5).fill('93.184.216.34'));
    vi.advanceTimersByTime(9_999);
    ask('a.example.com');
    expect(told['a.example.com']).toHaveLength(6);
    expect(asked).toHaveLength(1);
    vi.advanceTimersByTime(1);
    ask('a.example.com');
    expect(asked).toHaveLength(2);
  });

  it('keeps a failure, and an empty answer, for a second', () => {
    const { asked, told, ask, answer } = world();
    ask('a.example.com');
    answer('a.example.com', notFound());
    ask('a.example.com');
    expect(told['a.example.com']).toEqual(['no such name', 'no such name']);
    expect(asked).toHaveLength(1);
    vi.advanceTimersByTime(1_000);
    ask('a.example.com');
    expect(asked).toHaveLength(2);
  });

  it('runs no more look-ups than there are threads', () => {
    const { asked, ask, answer } = world({ threads: 2 });
    for (const name of names('n', 5)) ask(name);
    expect(asked).toHaveLength(2);
    for (const name of names('n', 5)) answer(name);
    expect(asked).toHaveLength(5);
  });

  it('keeps names that hang from holding up the others', () => {
    const { asked, told, open, ask, answer } = world();
    ask('good.example.com');
    answer('good.example.com');
    for (const name of names('hang', 20)) ask(name);
    // New names leave a quarter of the threads to those that are known to answer.
    expect(open.size).toBe(6);
    vi.advanceTimersByTime(10_000);
    ask('good.example.com');
    answer('good.example.com');
    expect(told['good.example.com']).toHaveLength(2);
    // The C library gives up; from now on these names are known, and share a quarter of the threads.
    for (const name of asked.filter((one) => one.startsWith('hang'))) answer(name, notFound());
    vi.advanceTimersByTime(1_000);
    for (const name of open.keys()) answer(name, notFound());
    vi.advanceTimersByTime(16_000);
    for (const name of open.keys()) answer(name, notFound());
    vi.advanceTimersByTime(1_000);
    expect(open.size).toBe(0);
    for (const name of names('hang', 6)) ask(name);
    expect(open.size).toBe(2);
    for (const name of names('fresh', 4)) {
      ask(name);
      answer(name);
      expect(told[name]).toEqual(['93.184.216.34']);
    }
  });

  it('takes a slow name back among the others once it answers in time', () => {
    const { open, ask, answer } = world({ threads: 4 });
    for (const slow of names('s', 3)) ask(slow);
    vi.advanceTimersByTime(1_000);
    for (const slow of names('s', 3)) answer(slow);
    vi.advanceTimersByTime(10_000);
    for (const slow of names('s', 3)) ask(slow);
    expect([...open.keys()]).toEqual(['s0.example.com']);
    answer('s0.example.com');
    answer('s1.example.com');
    answer('s2.example.com');
    vi.advanceTimersByTime(10_000);
    for (const slow of names('s', 3)) ask(slow);
    expect(open.size).toBe(3);
  });

  it('tells whoever waits when it takes too long, and uses the answer that comes after all', () => {
    const { asked, told, ask, answer } = world({ threads: 1, maxNames: 10 });
    ask('hang.example.com');
    ask('behind.example.com');
    vi.advanceTimersByTime(15_000);
    expect(told['hang.example.com']).toEqual(['hang.example.com was not looked up within 15000 ms']);
    expect(told['behind.example.com']).toEqual(['behind.example.com was not looked up within 15000 ms']);
    answer('hang.example.com');
    // Nobody waits for the other any more, so it is not looked up.
    expect(asked).toEqual(['hang.example.com']);
    ask('hang.example.com');
    expect(told['hang.example.com']?.[1]).toBe('93.184.216.34');
  });

  it('holds a bounded number of names, and forgets the one not asked for longest', () => {
    const { resolver, asked, told, ask, answer } = world({ maxNames: 3 });
    for (const name of names('n', 3)) {
      ask(name);
      answer(name);
    }
    ask('n0.example.com');
    ask('n3.example.com');
    answer('n3.example.com');
    expect(resolver.size).toBe(3);
    ask('n0.example.com');
    expect(asked).toHaveLength(4);
    ask('n1.example.com');
    expect(asked).toHaveLength(5);
    ask('busy1.example.com');
    ask('busy2.example.com');
    ask('too-many.example.com');
    expect(resolver.size).toBe(3);
    expect(told['too-many.example.com']?.[0]).toContain('too many names');
  });

  it('knows how many look-ups libuv runs at once', () => {
    expect(['', undefined, '1', '4', '16', '0', 'x', '99999'].map((size) => lookupThreads(size))).toEqual([
      2, 2, 1, 2, 8, 2, 2, 512,
    ]);
  });
});
