import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileFilter, type Filter } from './filter.ts';
import { MAX_FILTER_STEPS } from './filter-reading.ts';

function vectors(name: string): unknown {
  return JSON.parse(
    readFileSync(new URL(`../../../../vectors/filters/${name}.json`, import.meta.url), 'utf8'),
  );
}

function compiled(query: unknown): Filter {
  const { filter, problems } = compileFilter(query);
  expect(problems).toEqual([]);
  return filter as Filter;
}

describe('valid filters', () => {
  const { envelope, cases } = vectors('valid') as {
    envelope: object;
    cases: { description: string; filter: unknown; matches: boolean }[];
  };

  it.each(cases)('$description', ({ filter, matches }) => {
    expect(compiled(filter)(envelope)).toBe(matches);
  });

  it('says no and yes', () => {
    expect(new Set(cases.map(({ matches }) => matches)).size).toBe(2);
  });
});

describe('invalid filters', () => {
  const { cases } = vectors('invalid') as {
    cases: { description: string; filter: unknown; errors: string[] }[];
  };

  it.each(cases)('$description', ({ filter, errors }) => {
    const { filter: test, problems } = compileFilter(filter);
    expect(test).toBeNull();
    expect(problems.map(({ path }) => path)).toEqual(errors);
    for (const { message } of problems) expect(message.length).toBeGreaterThan(10);
  });

  it('say what to do instead', () => {
    const message = (query: unknown): string => compileFilter(query).problems[0]?.message ?? '';
    expect(message({ 'data.x': { $like: 1 } })).toContain('$elemMatch, $not, $and, $or, $nor');
    expect(message({ 'data.x': { $regex: 'a' } })).toContain('`$in`');
    expect(message({ smtp_code: 550 })).toContain('event_id, event_type');
    expect(message({ seq: 1 })).toContain('`timestamp`');
  });

  it('name a bounded number of problems', () => {
    const query = Object.fromEntries(Array.from({ length: 100 }, (_, n) => [`x${n}`, n]));
    expect(compileFilter(query).problems).toHaveLength(20);
  });
});

describe('long arrays', () => {
  const event = (list: unknown[]): object => ({ data: { list } });

  it('are looked at up to a bound, beyond which the event passes', () => {
    const filter = compiled({ 'data.list': 'x' });
    expect(filter(event(Array(MAX_FILTER_STEPS).fill(0)))).toBe(false);
    expect(filter(event(Array(MAX_FILTER_STEPS + 1).fill(0)))).toBe(true);
    // Each event has the whole bound.
    expect(filter(event(Array(MAX_FILTER_STEPS).fill(0)))).toBe(false);
  });

  it('count in every kind of search', () => {
    const many = Array.from({ length: MAX_FILTER_STEPS + 1 }, () => ({ a: [1] }));
    for (const query of [
      { 'data.list.a': 2 },
      { 'data.list': { $elemMatch: { a: 2 } } },
      { 'data.list': [1] },
    ])
      expect(compiled(query)(event(many))).toBe(true);
    const half = event(Array(MAX_FILTER_STEPS / 2 + 1).fill(0));
    expect(compiled({ $or: [{ 'data.list': 1 }, { 'data.list': 2 }] })(half)).toBe(true);
    expect(compiled({ 'data.list': { $elemMatch: { $eq: { a: 1 } } } })(event([{ a: 2 }]))).toBe(false);
  });
});

it('has room for a long list of values', () => {
  const values = Array.from({ length: 400 }, (_, n) => `user${n}@example.com`);
  const filter = compiled({ recipient: { $in: values } });
  expect(filter({ recipient: 'user399@example.com' })).toBe(true);
  expect(filter({ recipient: 'user400@example.com' })).toBe(false);
});
