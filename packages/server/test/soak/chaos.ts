/** `npm run soak -- chaos [name…]`: the chaos scenarios in their long sizes, one after the other. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url));
const RUNNER = 'node_modules/vitest/vitest.mjs';
const SCENARIOS = 'packages/server/test/scenarios/chaos/';

/** `args`: beginnings of the names of scenarios, all when empty. Resolves to the exit code. */
export async function main(args: string[]): Promise<number> {
  const names = args.length === 0 ? [SCENARIOS] : args.map((name) => SCENARIOS + name);
  // One at a time: each of them has a machine that it wants to itself.
  const runner = spawn(process.execPath, [RUNNER, 'run', '--maxWorkers=1', ...names], {
    cwd: ROOT,
    stdio: 'inherit',
    env: { ...process.env, POSTRIDER_TEST_LONG: '1' },
  });
  const [code] = (await once(runner, 'exit')) as [number | null];
  return code ?? 1;
}
