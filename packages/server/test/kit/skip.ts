/** Tests that need something of this machine. What is missing is said aloud; under POSTRIDER_TEST_STRICT=1 it is a failure. */

const strict = process.env['POSTRIDER_TEST_STRICT'] === '1';

/** Whether to skip what needs `what`. */
export function skipWithout(what: string, isThere: boolean): boolean {
  if (isThere) return false;
  if (strict) throw new Error(`${what} is missing, and POSTRIDER_TEST_STRICT=1 allows no skipped test`);
  console.warn(`SKIPPED: ${what} is missing`);
  return true;
}
