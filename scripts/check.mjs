/** `npm run check`: everything that can be said about the code without running the product. All checks run, then the verdict. */

import { join } from 'node:path';
import { ensureInstalled, entry, ownNode, repositoryEnv, ROOT, run } from './install.mjs';

const CHECKS = [
  { name: 'types', command: ['.bin/tsc', '-p', '.'] },
  { name: 'lint', command: ['.bin/oxlint', '--type-aware', '--deny-warnings'] },
  { name: 'format', command: ['.bin/oxfmt', '--check', '.'] },
  { name: 'unused code and packages', command: ['.bin/knip'] },
  { name: 'circles and stray packages', command: ['.bin/depcruise', 'packages', 'scripts', 'bench'] },
  { name: 'generated pages', node: ['scripts/docs-errors.ts', '--check'] },
  { name: 'architecture', node: ['node_modules/vitest/vitest.mjs', 'run', 'scripts/architecture.test.ts'] },
];

await entry(async (args) => {
  await ensureInstalled();
  const wanted = CHECKS.filter(
    (check) => args.length === 0 || args.some((word) => check.name.includes(word)),
  );
  const failed = [];
  for (const check of wanted) {
    console.log(`\n── ${check.name}`);
    const started = Date.now();
    const { code } = await perform(check);
    console.log(`── ${check.name}: ${code === 0 ? 'ok' : `FAILED (${code})`}, ${Date.now() - started} ms`);
    if (code !== 0) failed.push(check.name);
  }
  console.log(failed.length === 0 ? '\nAll checks passed.' : `\nFailed: ${failed.join(', ')}.`);
  return failed.length === 0 && wanted.length > 0 ? 0 : 1;
});

function perform(check) {
  const options = { env: repositoryEnv() };
  if (check.node !== undefined) return run(ownNode(), check.node, options);
  const [command, ...args] = check.command;
  const shell = process.platform === 'win32';
  return run(join(ROOT, 'node_modules', command), args, { ...options, shell });
}
