import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compileFilter } from './filter.ts';

/** The same semantics without any care for speed: all values a path reaches are listed, then looked at. */
const MISSING = Symbol('missing');

function valuesAt(document: unknown, keys: readonly string[], first = true): unknown[] {
  const [key, ...rest] = keys;
  if (key === undefined) return [document];
  if (typeof document !== 'object' || document === null) return [MISSING];
  const at = (object: object): unknown[] =>
    Object.hasOwn(object, key) ? valuesAt((object as Record<string, unknown>)[key], rest, false) : [MISSING];
  if (!Array.isArray(document)) return at(document);
  const indexed = /^\d+$/.test(key) && Number(key) < document.length;
  const picked = indexed ? valuesAt(document[Number(key)], rest, false) : [];
  if (first) return indexed ? picked : [MISSING];
  const objects = document.filter(
    (each) => typeof each === 'object' && each !== null && !Array.isArray(each),
  );
  return [...picked, ...objects.flatMap((each) => at(each as object))];
}

function withElements(values: unknown[]): unknown[] {
  return values.flatMap((value) => (Array.isArray(value) ? [value, ...(value as unknown[])] : [value]));
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, each: unknown) =>
    typeof each === 'object' && each !== null && !Array.isArray(each)
      ? Object.fromEntries(Object.entries(each).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : each,
  );
}

function equal(value: unknown, wanted: unknown): boolean {
  if (value === MISSING) return wanted === null;
  return canonical(value) === canonical(wanted);
}

function ordered(value: unknown, operator: string, bound: unknown): boolean {
  if (typeof value !== typeof bound) return false;
  const [a, b] = [value as number, bound as number];
  return operator === '$gt' ? a > b : operator === '$gte' ? a >= b : operator === '$lt' ? a < b : a <= b;
}

function operatorHolds(whole: unknown[], each: unknown[], operator: string, operand: unknown): boolean {
  const values = operand as unknown[];
  switch (operator) {
    case '$eq':
      return each.some((value) => equal(value, operand));
    case '$ne':
      return !each.some((value) => equal(value, operand));
    case '$in':
      return each.some((value) => values.some((wanted) => equal(value, wanted)));
    case '$nin':
      return !each.some((value) => values.some((wanted) => equal(value, wanted)));
    case '$all':
      return values.every((wanted) => each.some((value) => equal(value, wanted)));
    case '$exists':
      return whole.some((value) => value !== MISSING) === operand;
    case '$size':
      return whole.some((value) => Array.isArray(value) && value.length === operand);
    case '$not':
      return !operatorsHold(whole, each, operand as object);
    case '$elemMatch':
      return whole.some((value) => Array.isArray(value) && value.some((one) => elementHolds(one, operand)));
    default:
      return each.some((value) => ordered(value, operator, operand));
  }
}

function operatorsHold(whole: unknown[], each: unknown[], operators: object): boolean {
  return Object.entries(operators).every(([operator, operand]) =>
    operatorHolds(whole, each, operator, operand),
  );
}

const JOINS = ['$and', '$or', '$nor'];
function elementHolds(element: unknown, query: unknown): boolean {
  const keys = Object.keys(query as object);
  if (keys.some((key) => key.startsWith('$') && !JOINS.includes(key)))
    return operatorsHold([element], [element], query as object);
  return typeof element === 'object' && element !== null && holds(element, query as object);
}

function holds(document: unknown, query: object): boolean {
  return Object.entries(query).every(([key, operand]) => {
    const queries = operand as object[];
    if (key === '$and') return queries.every((each) => holds(document, each));
    if (key === '$or') return queries.some((each) => holds(document, each));
    if (key === '$nor') return !queries.some((each) => holds(document, each));
    const whole = valuesAt(document, key.split('.'));
    const isOperators =
      typeof operand === 'object' &&
      operand !== null &&
      Object.keys(operand as object).some((name) => name.startsWith('$'));
    if (isOperators) return operatorsHold(whole, withElements(whole), operand as object);
    return withElements(whole).some((value) => equal(value, operand));
  });
}

// Few names and few values, so that paths meet values and values meet each other.
const NAMES = ['a', 'b', '0', '1'];
const name = fc.constantFrom(...NAMES);
const scalar = fc.constantFrom<unknown>(null, true, false, 0, 1, 2, '', 'a', 'b', '1');
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 2, withCrossShrink: true },
    scalar,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(name, tie('value'), { maxKeys: 3 }),
  ),
}));
const innerPath = fc.array(name, { minLength: 1, maxLength: 3 }).map((keys) => keys.join('.'));
const some = <T>(each: fc.Arbitrary<T>): fc.Arbitrary<T[]> => fc.array(each, { minLength: 1, maxLength: 3 });

function operatorsFor(elementQuery: fc.Arbitrary<object>): fc.Arbitrary<object> {
  const simple = {
    $eq: value,
    $ne: value,
    $gt: fc.constantFrom(0, 1, 'a', false),
    $gte: fc.constantFrom(1, 2, '', true),
    $lt: fc.constantFrom(1, 2, 'b', true),
    $lte: fc.constantFrom(0, 1, 'a', false),
    $in: some(value),
    $nin: some(value),
    $all: some(value),
    $exists: fc.boolean(),
    $size: fc.nat(3),
  };
  const plain = fc.record(simple, { requiredKeys: [] }).filter((made) => Object.keys(made).length > 0);
  const nested = fc.oneof(
    plain.map((operators) => ({ $not: operators })),
    fc.oneof(elementQuery, plain).map((query) => ({ $elemMatch: query })),
  );
  return fc.oneof({ weight: 3, arbitrary: plain.map(takeTwo) }, { weight: 1, arbitrary: nested });
}
/** More conditions at once are rarely true together. */
function takeTwo(operators: object): object {
  return Object.fromEntries(Object.entries(operators).slice(0, 2));
}

function queriesOver(path: fc.Arbitrary<string>, elementQuery: fc.Arbitrary<object>): fc.Arbitrary<object> {
  const condition = fc
    .tuple(path, fc.oneof(value, operatorsFor(elementQuery)))
    .map(([at, operand]) => ({ [at]: operand }));
  const joined = fc.tuple(fc.constantFrom(...JOINS), some(condition)).map(([join, queries]) => ({
    [join]: queries,
  }));
  return fc.oneof({ weight: 3, arbitrary: condition }, { weight: 1, arbitrary: joined });
}
const elementQuery = queriesOver(innerPath, fc.constant({ a: 1 }));
const query = queriesOver(
  innerPath.map((path) => `data.${path}`),
  elementQuery,
);

describe('compiled filters', () => {
  it('agree with a naive interpreter', () => {
    let yes = 0;
    let no = 0;
    fc.assert(
      fc.property(query, fc.dictionary(name, value, { maxKeys: 4 }), (made, data) => {
        const { filter, problems } = compileFilter(made);
        fc.pre(!problems.some(({ message }) => message.includes('levels deep')));
        expect(problems).toEqual([]);
        const answer = filter?.({ data });
        expect(answer).toBe(holds({ data }, made));
        if (answer) yes++;
        else no++;
      }),
      { numRuns: 3000 },
    );
    // Both answers are common, or the comparison says little.
    expect(Math.min(yes, no)).toBeGreaterThan(300);
  });

  it('take any JSON without throwing, and either a filter or problems come of it', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.dictionary(fc.string(), fc.jsonValue()), (anything, data) => {
        for (const made of [
          anything,
          { data: anything },
          { 'data.x': { $elemMatch: anything } },
          { $or: [anything] },
        ]) {
          const { filter, problems } = compileFilter(made);
          expect(filter === null).toBe(problems.length > 0);
          for (const { path } of problems) expect(path).toMatch(/^\/filter(\/|$)/);
          filter?.({ data });
        }
      }),
    );
  });
});
