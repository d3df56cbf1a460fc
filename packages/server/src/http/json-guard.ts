/**
 * Reads a JSON body without letting it cost more than it may: bytes are checked before a parser sees them.
 * V8 needs up to 60 times a body's size for `[[[[…` or `[{},{},…`, so nesting and the number of values are
 * bounded first; one pass over the bytes, strings skipped natively.
 */

import { isUtf8 } from 'node:buffer';
import { PostriderError, invalid } from '../domain/errors.ts';

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
/** Strings shorter than this are walked byte by byte: cheaper than a native call. */
const SHORT_STRING = 32;

export interface JsonBounds {
  /** Deepest nesting of objects and arrays. */
  depth: number;
  /** Most members and elements together. */
  values: number;
}

/** Values of a full batch: 1,000 messages of 500 recipients, twice over. */
export const MAX_JSON_VALUES = 1_000_000;

/** The value in `body`. Throws `malformed_body` or, for keys that could poison an object, `validation_failed`. */
export function parseJson(body: Buffer, bounds: JsonBounds): unknown {
  if (body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf)
    throw malformed('The body begins with a byte order mark; send JSON without one.');
  if (!isUtf8(body)) throw malformed('The body is not UTF-8.');
  checkBounds(body, bounds);
  const text = body.toString('utf8');
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw malformed(`The body is not JSON: ${syntaxProblem(error)}`, error);
  }
  refusePrototypeKeys(text, value);
  return value;
}

function malformed(detail: string, cause?: unknown): PostriderError {
  return new PostriderError('malformed_body', detail, cause === undefined ? {} : { cause });
}

/** V8's message without the excerpt of the body it quotes: a body may hold secrets. */
function syntaxProblem(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const position = /at position \d+(?: \(line \d+ column \d+\))?/.exec(message);
  if (position !== null) return `unexpected text ${position[0]}.`;
  return message.includes('end of JSON') ? 'it ends too early.' : 'unexpected text.';
}

/** What a byte outside strings means; one table look-up is all that most bytes cost. */
const NOTHING = 0;
const STRING = 1;
const OPEN = 2;
const CLOSE = 3;
const COMMA = 4;
const MEANING = new Uint8Array(256);
MEANING[QUOTE] = STRING;
for (const [text, meaning] of [
  ['[{', OPEN],
  [']}', CLOSE],
  [',', COMMA],
] as const)
  for (const character of text) MEANING[character.charCodeAt(0)] = meaning;

function checkBounds(body: Uint8Array, bounds: JsonBounds): void {
  const length = body.length;
  let depth = 0;
  let values = 0;
  for (let at = 0; at < length; at++) {
    const meaning = MEANING[body[at] as number];
    if (meaning === NOTHING) continue;
    if (meaning === STRING) {
      at = endOfString(body, at + 1, length);
      continue;
    }
    if (meaning === CLOSE) {
      depth--;
      continue;
    }
    if (meaning === OPEN && ++depth > bounds.depth)
      throw malformed(`The body is nested deeper than ${bounds.depth} levels (\`limits.json_depth\`).`);
    if (++values > bounds.values) throw malformed(`The body holds more than ${bounds.values} values.`);
  }
}

/** Index of the closing quote, or the body's length when there is none. */
function endOfString(body: Uint8Array, start: number, length: number): number {
  const soon = Math.min(start + SHORT_STRING, length);
  let at = start;
  for (; at < soon; at++) {
    const byte = body[at];
    if (byte === QUOTE) return at;
    if (byte === BACKSLASH) at++;
  }
  // From here on the text before `at` is whole characters, so escapes are counted back to `at` at most.
  const floor = at;
  for (;;) {
    const quote = body.indexOf(QUOTE, at);
    if (quote < 0) return length;
    let slashes = 0;
    while (quote - 1 - slashes >= floor && body[quote - 1 - slashes] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote;
    at = quote + 1;
  }
}

/**
 * `__proto__` as a key is a member of its own after JSON.parse, and a trap for whoever copies the object. Its
 * underscores may be written as `\u005f` or `\u005F`.
 */
function refusePrototypeKeys(text: string, value: unknown): void {
  if (!text.includes('__proto__') && !text.includes('\\u005')) return;
  const path = prototypeKey(value, '');
  if (path !== null) throw invalid([{ path, message: 'is not allowed as a name; use another one' }]);
}

/** Nesting is bounded by now, so plain recursion is safe. */
function prototypeKey(value: unknown, path: string): string | null {
  if (typeof value !== 'object' || value === null) return null;
  for (const key of Object.keys(value)) {
    const here = `${path}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`;
    if (key === '__proto__') return here;
    const below = prototypeKey((value as Record<string, unknown>)[key], here);
    if (below !== null) return below;
  }
  return null;
}
