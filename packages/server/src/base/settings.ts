/**
 * Kinds of settings: how one is read from the defaults file, from the environment, and what it may be.
 * A kind never throws; what is wrong comes back as words that a person can act on.
 */

export type Profile = 'development' | 'production';

export type Read<T> = { ok: true; value: T } | { ok: false; problem: string };

export interface Setting<T> {
  /** Checks a value from a TOML file or from code. */
  check(value: unknown, profile: Profile): Read<T>;
  /** Turns the text of an environment variable into what `check` takes. */
  fromText(text: string): unknown;
}

const good = <T>(value: T): Read<T> => ({ ok: true, value });
const bad = (problem: string): Read<never> => ({ ok: false, problem });

export function text(shape?: { pattern: RegExp; says: string }): Setting<string> {
  return {
    check: (value) => {
      if (typeof value !== 'string') return bad('must be text');
      // The pattern is for a value that is there; empty means not set.
      if (shape !== undefined && value !== '' && !shape.pattern.test(value))
        return bad(`must be ${shape.says}`);
      return good(value);
    },
    fromText: (input) => input,
  };
}

export function integer(min: number, max: number): Setting<number> {
  return {
    check: (value) =>
      typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max
        ? good(value)
        : bad(`must be a whole number from ${min} to ${max}`),
    fromText: toNumber,
  };
}

export function integers(min: number, max: number, most: number): Setting<readonly number[]> {
  const one = integer(min, max);
  return {
    check: (value, profile) =>
      Array.isArray(value) && value.length <= most && value.every((item) => one.check(item, profile).ok)
        ? good(Object.freeze([...(value as number[])]))
        : bad(`must be a list of at most ${most} whole numbers from ${min} to ${max}`),
    fromText: (input) => toList(input).map(toNumber),
  };
}

export function texts(pattern: RegExp, says: string): Setting<readonly string[]> {
  return {
    check: (value) =>
      Array.isArray(value) && value.every((item) => typeof item === 'string' && pattern.test(item))
        ? good(Object.freeze([...(value as string[])]))
        : bad(`must be a list of ${says}`),
    fromText: toList,
  };
}

export function boolean(): Setting<boolean> {
  return {
    check: (value) => (typeof value === 'boolean' ? good(value) : bad('must be true or false')),
    fromText: (input) =>
      input === 'true' || input === '1' ? true : input === 'false' || input === '0' ? false : input,
  };
}

export function choice<const T extends string>(choices: readonly T[]): Setting<T> {
  return {
    check: (value) =>
      choices.includes(value as T)
        ? good(value as T)
        : bad(`must be one of ${choices.map((name) => `"${name}"`).join(', ')}`),
    fromText: (input) => input,
  };
}

/** A choice whose "auto" means something else in each profile; what is loaded is never "auto". */
export function profileChoice<const T extends string>(
  auto: Record<Profile, T>,
  choices: readonly T[],
): Setting<T> {
  const plain = choice<T | 'auto'>(['auto', ...choices]);
  return {
    check: (value, profile) => {
      const read = plain.check(value, profile);
      if (!read.ok) return read;
      return good(read.value === 'auto' ? auto[profile] : read.value);
    },
    fromText: (input) => input,
  };
}

function toNumber(input: string): unknown {
  return /^-?\d+$/.test(input.trim()) ? Number(input) : input;
}

function toList(input: string): string[] {
  return input
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** The known name closest to `name`, or null when none is close enough to be what was meant. */
export function nearest(name: string, known: Iterable<string>): string | null {
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = editDistance(name, candidate, bestDistance);
    if (distance < bestDistance) {
      best = candidate;
      bestDistance = distance;
    }
  }
  return best;
}

/** Levenshtein distance; gives up with `limit` once it cannot be less. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swap = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(swap, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? limit;
}
