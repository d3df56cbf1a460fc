/**
 * Dotted paths of a filter: which are allowed, and which values of a document they reach. Arrays as MongoDB does
 * (https://www.mongodb.com/docs/manual/tutorial/query-array-of-documents/): a name goes into every object of an
 * array, a number also picks the element at that index.
 */

import type { FilterReading, Steps } from './filter-reading.ts';

/** Undefined stands for a value that is not there. */
export type Test = (value: unknown) => boolean;

export interface FilterPath {
  keys: readonly string[];
  /** Whether a comparison also tries each element of an array at the end of the path. */
  elements: boolean;
}

/** The value itself: what the operators in `$elemMatch: {$gte: 1}` look at. */
export const ITSELF: FilterPath = { keys: [], elements: false };

const MAX_SEGMENTS = 16;
const INDEX = /^(?:0|[1-9][0-9]{0,8})$/;
/** Members of the envelope that have members of their own; null: any. */
const INNER: Readonly<Record<string, readonly string[] | null>> = {
  data: null,
  metadata: null,
  state: ['status', 'previous', 'terminal'],
};
const SCALARS = [
  'event_id',
  'event_type',
  'timestamp',
  'message_id',
  'recipient',
  'environment',
  'campaign_id',
];
const MEMBERS = [...SCALARS, 'data', 'tags', 'metadata', 'state'];

/** Reads a path; null, with a problem, when no envelope can have it. `inEnvelope`: not inside an `$elemMatch`. */
export function readPath(
  text: string,
  inEnvelope: boolean,
  at: string,
  reading: FilterReading,
): FilterPath | null {
  const problem = pathProblem(text, inEnvelope);
  if (problem !== null) {
    reading.problem(at, problem);
    return null;
  }
  return { keys: inEnvelope ? envelopeKeys(text) : text.split('.'), elements: true };
}

/** Metadata is one level of texts, so all that follows is one key, dots and all. */
function envelopeKeys(text: string): string[] {
  const prefix = 'metadata.';
  return text.startsWith(prefix) ? ['metadata', text.slice(prefix.length)] : text.split('.');
}

function pathProblem(text: string, inEnvelope: boolean): string | null {
  const [first = '', second, ...more] = text.split('.');
  if (more.length + 2 > MAX_SEGMENTS) return `has more than ${MAX_SEGMENTS} segments`;
  if (first === '' || second === '' || more.includes(''))
    return 'has an empty segment; write names with single dots between them';
  return inEnvelope ? memberProblem(first, second, more.length > 0) : null;
}

function memberProblem(first: string, second: string | undefined, more: boolean): string | null {
  if (first === 'seq')
    return '`seq` belongs to the delivery, not to the event, so no filter can ask for it; use `timestamp`';
  if (!MEMBERS.includes(first))
    return `no event has \`${first}\`; a path begins with one of ${MEMBERS.join(', ')}`;
  if (second === undefined) return null;
  if (SCALARS.includes(first)) return `\`${first}\` has no members; end the path there`;
  if (first === 'tags')
    return INDEX.test(second) && !more
      ? null
      : '`tags` is a list of texts; use `tags`, or `tags.0` and so on';
  const inner = INNER[first] ?? null;
  if (inner === null) return null;
  return inner.includes(second) && !more
    ? null
    : `\`${first}\` has only ${inner.map((name) => `\`${first}.${name}\``).join(', ')}`;
}

/** Whether one of the values that `path` reaches passes. */
export function reaches(path: FilterPath, test: Test, steps: Steps): Test {
  const end = path.elements ? orElements(test, steps) : test;
  let next = end;
  for (const [index, key] of [...path.keys.entries()].toReversed())
    next = index === 0 ? ofDocument(key, next) : ofInner(key, next, test, steps);
  return next;
}

/** A document that is itself an array (an element of `$elemMatch`) has its indices for names and no others. */
function ofDocument(key: string, next: Test): Test {
  const index = INDEX.test(key) ? Number(key) : -1;
  return (document) => next(Array.isArray(document) ? document[index] : member(document as object, key));
}

function ofInner(key: string, next: Test, test: Test, steps: Steps): Test {
  const index = INDEX.test(key) ? Number(key) : -1;
  return (value) => {
    if (typeof value !== 'object' || value === null) return test(undefined);
    if (!Array.isArray(value)) return next(member(value, key));
    if (index >= 0 && index < value.length && next(value[index])) return true;
    for (const each of value) {
      steps.take();
      if (isObject(each) && next(member(each, key))) return true;
    }
    return false;
  };
}

function orElements(test: Test, steps: Steps): Test {
  return (value) => {
    if (test(value)) return true;
    if (!Array.isArray(value)) return false;
    for (const each of value) {
      steps.take();
      if (test(each)) return true;
    }
    return false;
  };
}

/** Own members only: `constructor` and the like are no part of an event. */
function member(object: object, key: string): unknown {
  const value = (object as Record<string, unknown>)[key];
  return value === undefined || Object.hasOwn(object, key) ? value : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
