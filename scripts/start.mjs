/** `npm start`: installs what is missing, then starts the server on the repository's own Node. */

import { join } from 'node:path';
import { ensureInstalled, entry, ownNode, repositoryEnv, ROOT, run } from './install.mjs';

await entry(async (args) => {
  await ensureInstalled();
  // Compiled code is kept between starts: the second start takes less than half the time of the first.
  const env = repositoryEnv({
    NODE_COMPILE_CACHE: join(ROOT, 'packages/server/node_modules/.cache/postrider'),
  });
  const command = [join(ROOT, 'packages/server/src/cli/main.ts'), 'start', ...args];
  const { code } = await run(ownNode(), command, { env });
  return code;
});
