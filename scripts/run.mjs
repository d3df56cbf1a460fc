/** Installs what is missing, then runs the script named first, on the repository's own Node. */

import { join } from 'node:path';
import { ensureInstalled, entry, ownNode, repositoryEnv, ROOT, run } from './install.mjs';

await entry(async ([script, ...args]) => {
  if (script === undefined) throw new Error('scripts/run.mjs wants the path of a script');
  await ensureInstalled();
  const { code } = await run(ownNode(), [join(ROOT, script), ...args], { env: repositoryEnv() });
  return code;
});
