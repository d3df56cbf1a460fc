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
export function reaches(path: FilterPath, document: unknown, test: Test, steps: Steps): boolean {
  const { keys } = path;
  // A document that is itself an array (an element of `$elemMatch`) has its indices for names and no others.
  if (Array.isArray(document) && keys.length > 0) {
    return walk(element(document, keys[0] as string), path, 1, test, steps);
  }
  return walk(document, path, 0, test, steps);
}

function walk(value: unknown, path: FilterPath, depth: number, test: Test, steps: Steps): boolean {
  if (depth === path.keys.length) return atEnd(value, path.elements, test, steps);
  if (typeof value !== 'object' || value === null) return test(undefined);
  const key = path.keys[depth] as string;
  if (!Array.isArray(value)) return walk(member(value, key), path, depth + 1, test, steps);
  const picked = element(value, key);
  if (picked !== undefined && walk(picked, path, depth + 1, test, steps)) return true;
  for (const each of value) {
    steps.take();
    if (!isObject(each)) continue;
    if (walk(member(each, key), path, depth + 1, test, steps)) return true;
  }
  return false;
}

function atEnd(value: unknown, elements: boolean, test: Test, steps: Steps): boolean {
  if (test(value)) return true;
  if (!elements || !Array.isArray(value)) return false;
  for (const each of value) {
    steps.take();
    if (test(each)) return true;
  }
  return false;
}

/** Own members only: `constructor` and the like are no part of an event. */
function member(object: object, key: string): unknown {
  return Object.hasOwn(object, key) ? (object as Record<string, unknown>)[key] : undefined;
}

function element(array: readonly unknown[], key: string): unknown {
  return INDEX.test(key) ? array[Number(key)] : undefined;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
