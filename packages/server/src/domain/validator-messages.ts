/** What Ajv found, in words for whoever sent it: the field by its JSON Pointer, what is wrong, what to do. */

import type { ErrorObject } from 'ajv/dist/2020.js';
import type { FieldError } from '@postrider/contract/errors';

/** More would help nobody, and would let a bad request cost a large answer. */
const MOST_ERRORS = 50;
const LONGEST_NAME = 100;

export function fieldErrors(found: readonly ErrorObject[]): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const error of withoutRefusedBranches(found)) {
    const message = messageOf(error);
    if (message === null) continue;
    const path = pathOf(error);
    const key = `${path} ${message}`;
    if (seen.has(key)) continue;
    seen.add(key);
    errors.push({ path, message });
    if (errors.length === MOST_ERRORS) break;
  }
  return errors;
}

/**
 * Of the branches of an `anyOf`, only the one that was meant is told about: the one with the fewest errors at
 * its own root (a wrong type, a missing or unknown field).
 */
function withoutRefusedBranches(found: readonly ErrorObject[]): readonly ErrorObject[] {
  let errors = found;
  for (const choice of found.filter((error) => error.keyword === 'anyOf')) {
    const prefix = `${choice.schemaPath}/`;
    const branches = new Map<string, ErrorObject[]>();
    const others: ErrorObject[] = [];
    for (const error of errors) {
      const ofBranch =
        error.schemaPath.startsWith(prefix) && error.instancePath.startsWith(choice.instancePath);
      if (!ofBranch) {
        if (error !== choice) others.push(error);
        continue;
      }
      const branch = error.schemaPath.slice(prefix.length).split('/', 1)[0] as string;
      branches.set(branch, [...(branches.get(branch) ?? []), error]);
    }
    const atRoot = (branch: ErrorObject[]): number =>
      branch.filter((error) => error.instancePath === choice.instancePath).length;
    const meant = [...branches.values()].sort((a, b) => atRoot(a) - atRoot(b))[0] ?? [];
    errors = [...others, ...meant];
  }
  return errors;
}

function pathOf(error: ErrorObject): string {
  const params = error.params as { missingProperty?: string; additionalProperty?: string };
  const name = error.propertyName ?? params.missingProperty ?? params.additionalProperty;
  const path = shortened(error.instancePath);
  return name === undefined ? path : `${path}/${token(name)}`;
}

/** One reference token (RFC 6901), shortened so that a hostile name cannot fill the answer. */
function token(name: string): string {
  const short = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME)}…` : name;
  return short.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1');
}

function shortened(path: string): string {
  return path.length > 10 * LONGEST_NAME ? `${path.slice(0, 10 * LONGEST_NAME).toWellFormed()}…` : path;
}

type Params = Record<string, unknown>;

/** Null for errors that another one already tells about. */
function messageOf(error: ErrorObject): string | null {
  const schema = (error.parentSchema ?? {}) as Record<string, unknown>;
  const params = error.params as Params;
  switch (error.keyword) {
    case 'propertyNames':
    case 'if':
      return null;
    case 'additionalProperties':
      return unknownField(String(params.additionalProperty), schema);
    case 'required':
      return 'is missing; it is required';
    case 'type':
      return `must be ${oneOf(params.type)}`;
    case 'enum':
      return `must be one of ${list(params.allowedValues as unknown[])}`;
    case 'const':
      return `must be ${JSON.stringify(params.allowedValue)}`;
    case 'pattern':
    case 'format':
      return (schema['x-rule'] as string | undefined) ?? formatRule(error.keyword, params);
    default:
      return boundMessage(error.keyword, Number(params.limit), schema) ?? `does not fit (${error.keyword})`;
  }
}

function formatRule(keyword: string, params: Params): string {
  if (keyword === 'pattern') return `must match ${String(params.pattern)}`;
  return params.format === 'date-time'
    ? 'must be an ISO-8601 time with a zone, for example 2026-04-19T14:32:00Z'
    : `must be a valid ${String(params.format)}`;
}

function unknownField(name: string, schema: Record<string, unknown>): string {
  const unsupported = (schema['x-unsupported'] ?? {}) as Record<string, string>;
  if (Object.hasOwn(unsupported, name)) return `is not supported; ${unsupported[name]}`;
  const known = Object.keys(schema.properties ?? {});
  if (known.length === 0) return 'is an unknown field; remove it';
  return `is an unknown field; remove it or correct its name (known here: ${known.join(', ')})`;
}

function boundMessage(keyword: string, limit: number, schema: Record<string, unknown>): string | null {
  switch (keyword) {
    case 'minLength':
      return limit === 1 ? 'must not be empty' : `must have at least ${limit} characters`;
    case 'maxLength':
      return `must have at most ${limit} characters`;
    case 'minItems':
      return limit === 1 ? 'must not be empty' : `must have at least ${limit} items`;
    case 'maxItems':
      return `must have at most ${limit} items`;
    case 'minProperties':
      return limit === 1 ? 'must name at least one field' : `must have at least ${limit} members`;
    case 'maxProperties':
      return `must have at most ${limit} members`;
    case 'minimum':
    case 'maximum':
      return range(schema);
    case 'uniqueItems':
      return 'must not hold the same item twice';
    default:
      return null;
  }
}

function range(schema: Record<string, unknown>): string {
  const [minimum, maximum] = [schema.minimum, schema.maximum].map((bound) => JSON.stringify(bound));
  if (minimum === undefined) return `must be at most ${maximum}`;
  return maximum === undefined ? `must be at least ${minimum}` : `must be from ${minimum} to ${maximum}`;
}

const KIND: Readonly<Record<string, string>> = {
  string: 'a string',
  object: 'an object',
  array: 'a list',
  boolean: 'true or false',
  integer: 'a whole number',
  number: 'a number',
  null: 'null',
};

function oneOf(type: unknown): string {
  const kinds = (Array.isArray(type) ? type : [type]).map((kind) => KIND[String(kind)] ?? String(kind));
  return kinds.length < 2
    ? (kinds[0] as string)
    : `${kinds.slice(0, -1).join(', ')} or ${kinds.at(-1) as string}`;
}

function list(values: unknown[]): string {
  return values.map((value) => (typeof value === 'string' ? value : JSON.stringify(value))).join(', ');
}
