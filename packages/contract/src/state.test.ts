import { readFileSync } from 'node:fs';
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { StateSnapshot } from './events.ts';
import { factsOf, foldState, STATUS_ORDER, stateOf, type FoldableEvent } from './state.ts';

interface Case {
  description: string;
  events: FoldableEvent[];
  state: StateSnapshot | null;
}
const { cases } = JSON.parse(
  readFileSync(new URL('../../../vectors/folds/histories.json', import.meta.url), 'utf8'),
) as { cases: Case[] };

describe('histories written by hand', () => {
  it.each(cases)('$description', ({ events, state }) => {
    expect(foldState(events)).toEqual(state);
    expect(foldState(events.toReversed())).toEqual(state);
    expect(foldState([...events, ...events])).toEqual(state);
  });

  it('use every status as status and as previous, where it can be one', () => {
    const statuses = new Set(cases.map(({ state }) => state?.status));
    const previous = new Set(cases.map(({ state }) => state?.previous));
    expect(STATUS_ORDER.filter((status) => !statuses.has(status))).toEqual([]);
    expect(STATUS_ORDER.filter((status) => !previous.has(status))).toEqual(['complaint']);
  });
});

const event = fc.oneof(
  { weight: 4, arbitrary: fc.record({ event_type: fc.constantFrom<string>(...STATUS_ORDER) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      event_type: fc.constantFrom('open', 'click'),
      data: fc.record({ machine: fc.oneof(fc.boolean(), fc.jsonValue()) }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      event_type: fc.oneof(fc.constantFrom('received', 'custom.a', 'delivery.failed'), fc.string()),
      data: fc.jsonValue(),
    }),
  },
);

/** A history, and the same events in another order with some of them repeated. */
const twoTellings = fc.array(event, { maxLength: 12 }).chain((events) =>
  fc
    .record({
      events: fc.constant(events),
      repeated:
        events.length === 0 ? fc.constant([]) : fc.array(fc.constantFrom(...events), { maxLength: 12 }),
    })
    .chain(({ events, repeated }) => {
      const all = [...events, ...repeated];
      return fc.record({
        events: fc.constant(events),
        retold: fc.shuffledSubarray(all, { minLength: all.length, maxLength: all.length }),
      });
    }),
);

describe('foldState', () => {
  it('is one state for every order and repetition of 10,000 random histories', () => {
    let distinct = 0;
    fc.assert(
      fc.property(twoTellings, ({ events, retold }) => {
        expect(foldState(retold)).toEqual(foldState(events));
        if (JSON.stringify(retold) !== JSON.stringify(events)) distinct++;
      }),
      { numRuns: 10_000 },
    );
    // The property says something only where the two tellings differ.
    expect(distinct).toBeGreaterThan(7_000);
  });

  it('folds in pieces as in one go, which is how the store does it', () => {
    fc.assert(
      fc.property(fc.array(event), (events) => {
        let facts = 0;
        for (const one of events) facts |= factsOf(one);
        expect(stateOf(facts)).toEqual(foldState(events));
      }),
    );
  });

  it('never takes back: a status only grows stronger, and terminal stays', () => {
    fc.assert(
      fc.property(fc.array(event), event, (events, next) => {
        const before = foldState(events);
        const after = foldState([...events, next]);
        if (before === null) return;
        expect(STATUS_ORDER.indexOf(after?.status as never)).toBeGreaterThanOrEqual(
          STATUS_ORDER.indexOf(before.status),
        );
        if (before.terminal) expect(after?.terminal).toBe(true);
      }),
    );
  });

  it('tells statuses apart by the highest bit, as the store searches them', () => {
    for (const [rank, status] of STATUS_ORDER.entries()) {
      const facts = factsOf({ event_type: status });
      expect(facts).toBe(1 << rank);
      expect(stateOf(facts | (facts - 1))?.status).toBe(status);
    }
  });
});
