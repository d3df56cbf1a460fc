/** JSON Schema 2020-12 as plain objects, and the few shapes that recur in them. */

/** A schema; it is data, and serves validation and the OpenAPI document alike. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
}

/**
 * Keywords of our own. They say in words what a validator cannot.
 * x-rule: what a `pattern` or `format` asks for. x-unsupported: fields that are known but refused, each with
 * what to do instead.
 */
export const ANNOTATIONS = ['x-rule', 'x-unsupported', 'example'] as const;

/** Any type whose members a schema can list. */
type Members<T> = Readonly<Record<keyof T & string, JsonSchema>>;
type AnyMembers = Record<string, unknown>;

/**
 * An object that has these members and no others. Members named in `required` must be there.
 * `T` is the type written beside the schema: given, the compiler sees to it that both name the same members.
 */
export function objectSchema<T = AnyMembers>(
  properties: Members<T>,
  required: readonly string[] = [],
  extra: JsonSchema = {},
): JsonSchema {
  return {
    type: 'object',
    ...extra,
    properties,
    ...(required.length > 0 ? { required } : {}),
    additionalProperties: false,
  };
}

/** An answer that always has all of these members. */
export function answerSchema<T = AnyMembers>(properties: Members<T>, extra: JsonSchema = {}): JsonSchema {
  return objectSchema(properties, Object.keys(properties), extra);
}

/** One page of a list, as every list answers. */
export function pageSchema(item: JsonSchema): JsonSchema {
  return answerSchema({
    data: { type: 'array', items: item },
    next_cursor: {
      type: ['string', 'null'],
      description: 'Give it as `cursor` for the next page; null on the last.',
    },
  });
}

export interface ListPage<T> {
  data: T[];
  next_cursor: string | null;
}

export const TIME: JsonSchema = {
  type: 'string',
  format: 'date-time',
  description: 'ISO-8601 in UTC with milliseconds.',
};
export const TIME_OR_NULL: JsonSchema = { ...TIME, type: ['string', 'null'] };
export const TEXT: JsonSchema = { type: 'string' };
export const TEXT_OR_NULL: JsonSchema = { type: ['string', 'null'] };
export const COUNT: JsonSchema = { type: 'integer', minimum: 0 };
export const FLAG: JsonSchema = { type: 'boolean' };
export const ENVIRONMENT: JsonSchema = { type: 'string', enum: ['live', 'sandbox'] };

/** An identifier of a kind. */
export function idSchema(prefix: string): JsonSchema {
  return {
    type: 'string',
    pattern: `^${prefix}_[0-7][0-9a-hjkmnp-tv-z]{25}$`,
    'x-rule': `must be an id that begins with ${prefix}_`,
  };
}
export function idOrNullSchema(prefix: string): JsonSchema {
  return { ...idSchema(prefix), type: ['string', 'null'] };
}
