/** Tests that need something of this machine. What is missing is said aloud; under POSTRIDER_TEST_STRICT=1 it is a failure. */

import { it } from 'vitest';

type Test = (name: string, run: () => Promise<void>, timeout?: number) => void;

/** `it` for a test that needs `what`. */
export function itNeeds(what: string, isThere: boolean): Test {
  if (isThere) return (name, run, timeout) => it(name, run, timeout);
  if (process.env['POSTRIDER_TEST_STRICT'] === '1')
    return (name) =>
      it(name, () => {
        throw new Error(`${what} is missing, and POSTRIDER_TEST_STRICT=1 allows no skipped test`);
      });
  console.warn(`SKIPPED: ${what} is missing`);
  return (name, run) => it.skip(name, run);
}
