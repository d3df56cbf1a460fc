/** Entry of the command line: the process's own terminal, and its exit code. */

import { run } from './program.ts';

// Whatever a command writes (database, keys, backups) is its owner's alone.
process.umask(0o077);
const ending = new AbortController();
const args = process.argv.slice(2);
// `start` stops by itself, gracefully; every other command just ends.
if (args[0] !== 'start')
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => ending.abort());
// A reader that has seen enough (`tail | head`) is no error.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') throw error;
  process.exit(0);
});

const code = await run(args, {
  out: (line) => process.stdout.write(`${line}\n`),
  note: (line) => process.stderr.write(`${line}\n`),
  env: process.env,
  signal: ending.signal,
});
// Not left to the event loop: a socket kept alive, or a part that hangs, must not keep the command from ending.
process.exit(code);
