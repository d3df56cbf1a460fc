import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { PostriderError } from '../domain/errors.ts';
import { MAX_JSON_VALUES, parseJson } from './json-guard.ts';

const BOUNDS = { depth: 10, values: MAX_JSON_VALUES };

function parse(text: string, bounds = BOUNDS): unknown {
  return parseJson(Buffer.from(text), bounds);
}
function codeOf(text: string, bounds = BOUNDS): string {
  try {
    parse(text, bounds);
    return 'taken';
  } catch (error) {
    return error instanceof PostriderError ? error.code : 'crashed';
  }
}

function depthOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

describe('JSON bodies', () => {
  test('any JSON is read as JSON.parse reads it, whatever its strings hold', () => {
    const text = fc.string({
      unit: fc.constantFrom('"', '\\', '[', ']', '{', '}', ',', 'a', '\u00fc', '\u{1f600}'),
      maxLength: 80,
    });
    const { value } = fc.letrec((tie) => ({
      value: fc.oneof(
        { depthSize: 'small' },
        text,
        fc.double(),
        fc.boolean(),
        fc.constant(null),
        tie('list'),
        tie('object'),
      ),
      list: fc.array(tie('value'), { maxLength: 4 }),
      object: fc.dictionary(text, tie('value'), { maxKeys: 4 }),
    }));
    fc.assert(
      fc.property(value, fc.constantFrom(undefined, 2), (given, indent) => {
        const json = JSON.stringify(given, null, indent);
        if (depthOf(JSON.parse(json)) <= BOUNDS.depth) expect(parse(json)).toEqual(JSON.parse(json));
        else expect(codeOf(json)).toBe('malformed_body');
      }),
      { numRuns: 500 },
    );
  });

  test.each([
    ['[[[]]]', 'taken'],
    ['[[[[]]]]', 'malformed_body'],
    ['["[[[[[["]', 'taken'],
    ['["\\"[[[[[["]', 'taken'],
    ['["\\\\",[[[[]]]]]', 'malformed_body'],
    [`["${'a'.repeat(40)}\\"[[[["]`, 'taken'],
    [`["${'a'.repeat(40)}\\\\",[[[[]]]]]`, 'malformed_body'],
    [`["${'a'.repeat(30)}${'\\\\'.repeat(9)}",[[[[]]]]]`, 'malformed_body'],
    [`["${'a'.repeat(31)}\\"",[[[]]]]`, 'malformed_body'],
    [`["${'a'.repeat(31)}\\"","[[[["]`, 'taken'],
    ['["never closed [[[[', 'malformed_body'],
  ])('%s with three levels: %s', (text, code) => {
    expect(codeOf(text, { depth: 3, values: 1000 })).toBe(code);
  });

  test('values are counted', () => {
    expect(codeOf('[1,1,1]', { depth: 3, values: 3 })).toBe('taken');
    expect(codeOf('[1,1,1,1]', { depth: 3, values: 3 })).toBe('malformed_body');
    expect(codeOf('[{},{}]', { depth: 3, values: 3 })).toBe('malformed_body');
  });

  test('a problem never quotes the body', () => {
    for (const text of ['{"password":swordfish}', '"swordfish', '{"a":"swordfish"', 'swordfish'])
      expect(() => parse(text)).toThrow(
        expect.not.objectContaining({ message: expect.stringContaining('swordf') as string }),
      );
  });

  test('__proto__ in a value is a value', () => {
    expect(parse('{"a":"__proto__"}')).toEqual({ a: '__proto__' });
    expect(parse('{"a":"\\u005f"}')).toEqual({ a: '_' });
  });
});
