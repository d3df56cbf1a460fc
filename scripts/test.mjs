/**
 * `npm test`: installs what is missing, runs every test on the repository's own Node, and says loudly what was
 * skipped. With POSTRIDER_TEST_STRICT=1 a skipped test is a failed one.
 */

import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { ensureInstalled, entry, ownNode, repositoryEnv, ROOT, run } from './install.mjs';

const RESULT = join(ROOT, '.tmp', `tests-${process.pid}.json`);

await entry(async (args) => {
  await ensureInstalled();
  mkdirSync(join(ROOT, '.tmp'), { recursive: true });
  const reporters = ['--reporter=default', '--reporter=json', `--outputFile.json=${RESULT}`];
  const vitest = join(ROOT, 'node_modules', 'vitest', 'vitest.mjs');
  const { code } = await run(ownNode(), [vitest, 'run', ...reporters, ...args], { env: repositoryEnv() });
  const { passed, failed, skipped } = readResult();
  return report(passed, failed, skipped, code);
});

function readResult() {
  let result;
  try {
    result = JSON.parse(readFileSync(RESULT, 'utf8'));
  } catch (error) {
    throw new Error(`the test runner left no result (${error.message}); its own words are above`, {
      cause: error,
    });
  } finally {
    rmSync(RESULT, { force: true });
  }
  // A file that does not even load has no tests that could fail; it counts as one.
  const broken = result.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.every((test) => test.status !== 'failed'),
  );
  const skipped = result.testResults.flatMap((file) =>
    file.assertionResults
      .filter((test) => test.status !== 'passed' && test.status !== 'failed')
      .map((test) => test.fullName),
  );
  return { passed: result.numPassedTests, failed: result.numFailedTests + broken.length, skipped };
}

function report(passed, failed, skipped, code) {
  const strict = process.env.POSTRIDER_TEST_STRICT === '1';
  if (skipped.length > 0) {
    const line = '!'.repeat(78);
    console.log(
      `\n${line}\n${skipped.length} tests were SKIPPED${strict ? ', which counts as failed here' : ''}:`,
    );
    for (const name of skipped) console.log(`  - ${name}`);
    console.log(line);
  }
  const lost = failed + (strict ? skipped.length : 0);
  console.log(`\n${passed} passed, ${lost} failed`);
  if (passed === 0 && lost === 0) return 1;
  return lost > 0 ? code || 1 : code;
}
