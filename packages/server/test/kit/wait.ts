/** Waiting for facts: tests look until something is so, with a bound, and never sleep for a guessed time. */

const LOOK_MS = 10;
const BOUND_MS = 10_000;

type Fact<T> = () => T | Promise<T>;
type Found<T> = Exclude<T, null | undefined | false>;

/**
 * Looks until `fact` gives something (not null, undefined or false) and resolves to that. Rejects with `what`, and
 * what was seen last, when `within_ms` is over.
 */
export async function waitFor<T>(what: string, fact: Fact<T>, within_ms = BOUND_MS): Promise<Found<T>> {
  const end = performance.now() + within_ms;
  for (;;) {
    const seen = await fact();
    if (seen !== null && seen !== undefined && seen !== false) return seen as Found<T>;
    if (performance.now() > end) throw new Error(`within ${within_ms} ms there was no ${what}`);
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
  }
}

/** `work`, or a rejection that names `what` when it takes longer than `within_ms`. */
export async function inTime<T>(what: string, work: Promise<T>, within_ms = BOUND_MS): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(new Error(`${what} took longer than ${within_ms} ms`)), within_ms);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
