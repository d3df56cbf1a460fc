/**
 * Query parameters: each call declares what it takes, and from that come the reader and the OpenAPI schema.
 * Nothing is coerced by a library; what does not fit is 422 naming `?parameter`.
 */

import type { FieldError } from '@postrider/contract/errors';
import { invalid } from '../domain/errors.ts';
import type { PageInput } from './page.ts';

export interface Parameter<T> {
  schema: Record<string, unknown>;
  /** Value when the parameter is absent. */
  absent: T;
  /** Throws `Misfit` with words that say what to send. */
  read(value: string): T;
  /** May be given several times, or with commas. */
  many?: true;
}

export type Parameters = Record<string, Parameter<unknown>>;
export type Values<P extends Parameters> = {
  [Name in keyof P]: P[Name] extends Parameter<infer T> ? T : never;
};

class Misfit extends Error {}

const MAX_TEXT = 1_000;

export function textParameter(description: string): Parameter<string | null> {
  return {
    schema: { type: 'string', minLength: 1, maxLength: MAX_TEXT, description },
    absent: null,
    read(value) {
      if (value === '' || value.length > MAX_TEXT) throw new Misfit(`must be 1 to ${MAX_TEXT} characters`);
      if (value.includes('\0')) throw new Misfit('must not contain NUL');
      return value;
    },
  };
}

export function choiceParameter<const T extends string>(
  choices: readonly T[],
  description: string,
): Parameter<T | null> {
  return {
    schema: { type: 'string', enum: choices, description },
    absent: null,
    read(value) {
      if (!choices.includes(value as T)) throw new Misfit(`must be one of ${choices.join(', ')}`);
      return value as T;
    },
  };
}

export function flagParameter(description: string): Parameter<boolean> {
  return {
    schema: { type: 'boolean', default: false, description },
    absent: false,
    read(value) {
      if (value !== 'true' && value !== 'false') throw new Misfit('must be true or false');
      return value === 'true';
    },
  };
}

/** Names separated by commas, or the parameter repeated. */
export function listParameter(
  pattern: RegExp,
  most: number,
  description: string,
): Parameter<string[] | null> {
  return {
    schema: {
      type: 'array',
      items: { type: 'string', pattern: pattern.source },
      maxItems: most,
      description,
    },
    absent: null,
    many: true,
    read(value) {
      const items = value.split(',');
      if (items.length > most) throw new Misfit(`must be at most ${most} values`);
      for (const item of items)
        if (!pattern.test(item)) throw new Misfit(`has a value that cannot match: ${shown(item)}`);
      return items;
    },
  };
}

/** RFC 3339 date or date-time with an offset; a date alone is midnight UTC. */
const ISO_TIME =
  /^\d{4}-\d{2}-\d{2}(?:T(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,9})?)?(?:Z|[+-](?:[01]\d|2[0-3]):[0-5]\d))?$/;

export function timeParameter(description: string): Parameter<number | null> {
  return {
    schema: { type: 'string', format: 'date-time', description },
    absent: null,
    read(value) {
      const time = ISO_TIME.test(value) ? Date.parse(value) : Number.NaN;
      // Date.parse takes 30 February for 2 March.
      if (Number.isNaN(time) || !isRealDate(value))
        throw new Misfit('must be an ISO-8601 time such as 2026-04-19T14:32:01Z');
      return time;
    },
  };
}

function isRealDate(value: string): boolean {
  const date = new Date(`${value.slice(0, 10)}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(value.slice(0, 10));
}

const MAX_LIMIT = 100;
const DEFAULT_LIMIT = 50;

/** `limit` and `cursor`, which every list takes. */
export const PAGE_PARAMETERS = {
  limit: {
    schema: {
      type: 'integer',
      minimum: 1,
      maximum: MAX_LIMIT,
      default: DEFAULT_LIMIT,
      description: 'Most items in the answer.',
    },
    absent: DEFAULT_LIMIT,
    read(value: string): number {
      const limit = /^\d{1,4}$/.test(value) ? Number(value) : 0;
      if (limit < 1 || limit > MAX_LIMIT) throw new Misfit(`must be a whole number from 1 to ${MAX_LIMIT}`);
      return limit;
    },
  },
  cursor: textParameter('`next_cursor` of the page before.'),
} satisfies Parameters;

/** A place in a list that is numbered: a whole number from 0 on. */
export function positionParameter(description: string): Parameter<number | null> {
  return {
    schema: { type: 'integer', minimum: 0, description },
    absent: null,
    read(value) {
      if (!/^\d{1,15}$/.test(value)) throw new Misfit('must be a whole number such as 0 or 1042');
      return Number(value);
    },
  };
}

export const NO_PARAMETERS = {} satisfies Parameters;

/** The values of all declared parameters. Unknown, repeated and misfitting ones are refused together, by name. */
export function readQuery<P extends Parameters>(parameters: P, query: Record<string, unknown>): Values<P> {
  const errors: FieldError[] = [];
  const values: Record<string, unknown> = {};
  for (const name of Object.keys(query))
    if (!Object.hasOwn(parameters, name))
      errors.push({ path: `?${shown(name)}`, message: unknownName(parameters) });
  for (const [name, parameter] of Object.entries(parameters))
    values[name] = readOne(name, parameter, query[name], errors);
  if (errors.length > 0) throw invalid(errors.slice(0, 50));
  return values as Values<P>;
}

function readOne(name: string, parameter: Parameter<unknown>, given: unknown, errors: FieldError[]): unknown {
  if (given === undefined) return parameter.absent;
  try {
    if (typeof given === 'string') return parameter.read(given);
    if (parameter.many && Array.isArray(given)) return parameter.read(given.join(','));
    throw new Misfit('is given several times; give it once');
  } catch (error) {
    if (!(error instanceof Misfit)) throw error;
    errors.push({ path: `?${name}`, message: error.message });
    return parameter.absent;
  }
}

function unknownName(parameters: Parameters): string {
  const known = Object.keys(parameters);
  return known.length === 0
    ? 'is not known; this call takes none'
    : `is not known; this call takes ${known.join(', ')}`;
}

function shown(text: string): string {
  return text.slice(0, 60).replace(/\p{Cc}/gu, '?');
}

export function pageOf(values: { limit: number; cursor: string | null }): PageInput {
  return { limit: values.limit, cursor: values.cursor };
}

/** The OpenAPI description of the parameters; null when there are none. */
export function querySchema(parameters: Parameters): Record<string, unknown> | null {
  const names = Object.keys(parameters);
  if (names.length === 0) return null;
  const properties: Record<string, unknown> = {};
  for (const name of names) properties[name] = parameters[name]?.schema;
  return { type: 'object', properties, additionalProperties: false };
}
