/** `npm start`: installs what is missing, then starts the server on the repository's own Node. */

import { join } from 'node:path';
import { ensureInstalled, entry, ownNode, repositoryEnv, ROOT, run } from './install.mjs';

await entry(async (args) => {
  await ensureInstalled();
  // As the first line of that file says it: how the process is started is written there, and why.
  const command = [
    '--max-semi-space-size=8',
    '--initial-old-space-size=48',
    join(ROOT, 'packages/server/bin/postrider.js'),
    'start',
    ...args,
  ];
  // The channel tells the server when this process is gone, however it went.
  const stdio = ['inherit', 'inherit', 'inherit', 'ipc'];
  const { code } = await run(ownNode(), command, { env: repositoryEnv(), stdio });
  return code;
});
