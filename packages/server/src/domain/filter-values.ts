/**
 * Comparing values of an event with those of a filter. Only like is compared with like; nothing is converted.
 * Null semantics: https://www.mongodb.com/docs/manual/tutorial/query-for-null-fields/.
 */

import { isObject, type Test } from './filter-path.ts';
import { pointer, type FilterReading, type Steps } from './filter-reading.ts';

export type Order = '$gt' | '$gte' | '$lt' | '$lte';
export type Ordered = number | string | boolean;

/** `null` equals a null and a value that is not there. Objects are equal whatever the order of their members. */
export function equalTo(wanted: unknown, steps: Steps): Test {
  if (wanted === null) return (value) => value === null || value === undefined;
  if (typeof wanted !== 'object') return (value) => value === wanted;
  return (value) => sameJson(value, wanted, steps);
}

export function oneOf(wanted: readonly unknown[], steps: Steps): Test {
  const scalars = new Set(wanted.filter((value) => typeof value !== 'object' || value === null));
  if (scalars.has(null)) scalars.add(undefined);
  const others = wanted
    .filter((value) => typeof value === 'object' && value !== null)
    .map((value) => equalTo(value, steps));
  if (others.length === 0) return (value) => scalars.has(value);
  return (value) => scalars.has(value) || others.some((test) => test(value));
}

/** Texts are compared by code unit, so ISO-8601 times compare as times. */
export function inOrder(order: Order, bound: Ordered): Test {
  const kind = typeof bound;
  if (order === '$gt') return (value) => typeof value === kind && (value as Ordered) > bound;
  if (order === '$gte') return (value) => typeof value === kind && (value as Ordered) >= bound;
  if (order === '$lt') return (value) => typeof value === kind && (value as Ordered) < bound;
  return (value) => typeof value === kind && (value as Ordered) <= bound;
}

/** `wanted` bounds the recursion: a filter's values are shallow and few. */
function sameJson(value: unknown, wanted: unknown, steps: Steps): boolean {
  if (typeof wanted !== 'object' || wanted === null) return value === wanted;
  steps.take();
  if (Array.isArray(wanted)) {
    if (!Array.isArray(value) || value.length !== wanted.length) return false;
    return wanted.every((each, index) => sameJson(value[index], each, steps));
  }
  if (!isObject(value)) return false;
  const members = Object.entries(wanted);
  if (Object.keys(value).length !== members.length) return false;
  return members.every(([key, each]) => Object.hasOwn(value, key) && sameJson(value[key], each, steps));
}

/** Whether a value of a filter is one: not too deep, and no misplaced operator inside. */
export function checkValue(value: unknown, at: string, depth: number, reading: FilterReading): boolean {
  if (!reading.enter(at, depth)) return false;
  if (typeof value !== 'object' || value === null) return true;
  let good = true;
  for (const [key, each] of Object.entries(value)) {
    const path = pointer(at, key);
    if (!Array.isArray(value) && key.startsWith('$')) {
      reading.problem(path, 'is an operator where a value belongs');
      good = false;
    } else if (!checkValue(each, path, depth + 1, reading)) good = false;
  }
  return good;
}
