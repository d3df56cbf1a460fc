/** Everything that is wrong with one request, collected, so that a caller mends it in one go. */

import type { FieldError } from '@postrider/contract/errors';
import type { JsonSchema } from '@postrider/contract/schemas/json-schema';
import { invalid, PostriderError } from '../domain/errors.ts';

/** More would help nobody and would let a bad request cost a large answer. */
const MOST = 50;

export class Faults {
  readonly errors: FieldError[] = [];
  /** Faults found, those beyond the kept ones too. */
  count = 0;

  /** `path` is a JSON Pointer; `message` says what is wrong and what to do about it. */
  add(path: string, message: string): void {
    this.count++;
    if (this.errors.length < MOST) this.errors.push({ path, message });
  }

  /** Whether nothing more needs to be looked for. */
  get full(): boolean {
    return this.errors.length >= MOST;
  }

  /** Throws `validation_failed` with all of them, if there is any. */
  throwIfAny(): void {
    const error = this.error();
    if (error !== null) throw error;
  }

  error(): PostriderError | null {
    return this.errors.length === 0 ? null : invalid(this.errors);
  }
}

/** One reference token of a JSON Pointer (RFC 6901), shortened so that a hostile key cannot fill the answer. */
export function token(key: string): string {
  const short = key.length > 100 ? `${key.slice(0, 100)}…` : key;
  return short.toWellFormed().replaceAll('~', '~0').replaceAll('/', '~1');
}

/** The members that an object of a request may have. */
export interface Fields {
  known: ReadonlySet<string>;
  /** Members that are refused with advice of their own. */
  unsupported?: Readonly<Record<string, string>>;
}

export function fieldsOf(schema: JsonSchema): Fields {
  return {
    known: new Set(Object.keys(schema.properties as object)),
    unsupported: (schema['x-unsupported'] ?? {}) as Record<string, string>,
  };
}

/** Names each member of `body` that is not one of `fields`. */
export function refuseUnknown(
  body: Record<string, unknown>,
  fields: Fields,
  at: string,
  faults: Faults,
): void {
  for (const key of Object.keys(body)) {
    if (fields.known.has(key)) continue;
    faults.add(`${at}/${token(key)}`, unknownField(key, fields));
    if (faults.full) return;
  }
}

function unknownField(key: string, { known, unsupported = {} }: Fields): string {
  if (Object.hasOwn(unsupported, key)) return `is not supported; ${unsupported[key]}`;
  return `is an unknown field; remove it or correct its name (known here: ${[...known].join(', ')})`;
}
