/** Rules for the strings of a request, shared by all fields. */

const CONTROL = /\p{Cc}/u;
const CONTROL_BUT_TAB = /[^\P{Cc}\t]/u;
const NON_ASCII = /\P{ASCII}/u;

/** Keys that change what an object is instead of what is in it. */
export const FORBIDDEN_KEYS: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

/** Octets of `text` as UTF-8, without encoding what is ASCII anyway. */
export function octetsOf(text: string): number {
  return NON_ASCII.test(text) ? Buffer.byteLength(text) : text.length;
}

/** Null when `text` may stand on one line of a header or label, else what is wrong with it. */
export function lineTrouble(text: string): string | null {
  if (CONTROL.test(text)) return 'has a control character (NUL, CR, LF or another); remove it';
  if (!text.isWellFormed()) return 'is not well-formed Unicode; remove the lone surrogate';
  return null;
}

/** Like `lineTrouble`, for header values, where a tab is white space. */
export function headerTextTrouble(text: string): string | null {
  if (CONTROL_BUT_TAB.test(text)) return 'has a control character (NUL, CR, LF or another); remove it';
  if (!text.isWellFormed()) return 'is not well-formed Unicode; remove the lone surrogate';
  return null;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
