/** Free-form JSON of a caller: kept as it is, once it is known to be harmless. */

import { token } from './faults.ts';
import { FORBIDDEN_KEYS } from './text-rules.ts';

export interface FreeJsonLimits {
  /** Levels of nesting, the value itself being the first. */
  json_depth: number;
  event_data_bytes: number;
}

export type FreeJson = { ok: true; json: string } | { ok: false; path: string; message: string };

/** JSON.stringify writes a lone surrogate as an escape, and anything else that starts like one as `\\ud…`. */
const LONE_SURROGATE = /(?:^|[^\\])(?:\\\\)*\\ud[89a-f]/;

/**
 * The JSON text of a value that came from JSON.parse. Refused are: nesting beyond the limit, keys that reach
 * prototypes, strings that are no Unicode, and too many octets. `path` is relative to the value.
 */
export function freeJson(value: unknown, limits: FreeJsonLimits): FreeJson {
  const trouble = shapeTrouble(value, '', limits.json_depth);
  if (trouble !== null) return trouble;
  const json = JSON.stringify(value);
  if (json.length * 3 > limits.event_data_bytes && Buffer.byteLength(json) > limits.event_data_bytes)
    return refuse(
      '',
      `has more than ${limits.event_data_bytes} octets; the limit is limits.event_data_bytes`,
    );
  if (json.includes('\\ud') && LONE_SURROGATE.test(json))
    return refuse('', 'has a string that is not well-formed Unicode; remove the lone surrogate');
  return { ok: true, json };
}

function shapeTrouble(value: unknown, path: string, depth: number): Exclude<FreeJson, { ok: true }> | null {
  if (typeof value !== 'object' || value === null) return null;
  if (depth === 0) return refuse(shorten(path), 'is nested too deep; the limit is limits.json_depth');
  if (Array.isArray(value)) {
    for (let at = 0; at < value.length; at++) {
      const item: unknown = value[at];
      if (typeof item !== 'object' || item === null) continue;
      const trouble = shapeTrouble(item, `${path}/${at}`, depth - 1);
      if (trouble !== null) return trouble;
    }
    return null;
  }
  const object = value as Record<string, unknown>;
  // What JSON.parse makes inherits nothing enumerable, and `for in` takes half the time of Object.keys.
  for (const key in object) {
    if ((key.length === 9 || key.length === 11) && FORBIDDEN_KEYS.has(key))
      return refuse(shorten(`${path}/${key}`), `is a key that is not allowed; rename "${key}"`);
    const item = object[key];
    if (typeof item !== 'object' || item === null) continue;
    const trouble = shapeTrouble(item, `${path}/${token(key)}`, depth - 1);
    if (trouble !== null) return trouble;
  }
  return null;
}

function shorten(path: string): string {
  return path.length > 300 ? `${path.slice(0, 300)}…` : path;
}

function refuse(path: string, message: string): Exclude<FreeJson, { ok: true }> {
  return { ok: false, path, message };
}
