/**
 * Checks unknown values against the JSON Schemas of the contract. Nothing is coerced, filled in or removed:
 * what fits is what came. Each error names its field by a JSON Pointer and says what to do.
 */

import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import type { FieldError } from '@postrider/contract/errors';
import { ANNOTATIONS, type JsonSchema } from '@postrider/contract/schemas/json-schema';
import { invalid } from './errors.ts';
import { fieldErrors } from './validator-messages.ts';

/** Errors of `value`; empty when it fits. */
export type SchemaCheck = (value: unknown) => FieldError[];

/**
 * Values in a request up to which all errors are collected. Ajv keeps an object per error, so a large body of
 * nothing but errors would cost a hundred times its size; past this bound only the first error is told.
 */
const COLLECT_ALL_BELOW = 10_000;

const OPTIONS = {
  removeAdditional: false,
  coerceTypes: false,
  useDefaults: false,
  strict: true,
  strictRequired: true,
  allowUnionTypes: true,
} as const;
/** Fast: stops at the first error. Almost every request fits, so this is the one that runs. */
const first = instance(false);
/** Thorough: runs only for what does not fit. `verbose` gives the messages their schema. */
const all = instance(true);

/** Compiles once; the check may be kept for the life of the process. Throws when the schema itself is wrong. */
export function compileSchema(schema: JsonSchema): SchemaCheck {
  const fits = first.compile(schema);
  let thorough: ValidateFunction | null = null;
  return (value) => {
    if (fits(value)) return [];
    if (!isSmall(value)) return fieldErrors(fits.errors as ErrorObject[]);
    thorough ??= all.compile(schema);
    thorough(value);
    return fieldErrors(thorough.errors as ErrorObject[]);
  };
}

/** Throws `validation_failed` with all errors of `value`. */
export function assertValid(check: SchemaCheck, value: unknown): void {
  const errors = check(value);
  if (errors.length > 0) throw invalid(errors);
}

function instance(allErrors: boolean): Ajv2020 {
  const ajv = new Ajv2020({ ...OPTIONS, allErrors, verbose: true });
  ajv.addVocabulary([...ANNOTATIONS]);
  ajv.addFormat('date-time', isDateTime);
  ajv.addFormat('uri', (text) => URL.canParse(text));
  return ajv;
}

const DATE_TIME = /^\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)$/;

/** RFC 3339, without leap seconds: `Date` knows none. 30 February and 24:00 are refused. */
function isDateTime(text: string): boolean {
  if (!DATE_TIME.test(text) || text.slice(11, 13) === '24' || Number.isNaN(Date.parse(text))) return false;
  const day = Number(text.slice(8, 10));
  return day <= new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
}

/** Whether `value` holds fewer than `COLLECT_ALL_BELOW` values, found without recursion. */
function isSmall(value: unknown): boolean {
  const open: unknown[] = [value];
  let seen = 0;
  while (open.length > 0) {
    const next = open.pop();
    if (typeof next !== 'object' || next === null) continue;
    const members = Array.isArray(next) ? next : Object.values(next);
    seen += members.length;
    if (seen >= COLLECT_ALL_BELOW) return false;
    for (const member of members) open.push(member);
  }
  return true;
}
