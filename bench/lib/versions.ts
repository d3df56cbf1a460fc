/** On what the figures were taken: the machine, and the versions of everything that took part. */

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { fileURLToPath } from 'node:url';

export function conditions(...others: readonly string[]): string {
  const processors = cpus();
  const machine = `${processors.length} × ${processors[0]?.model.trim() ?? 'unknown processor'}, ${Math.round(totalmem() / 2 ** 30)} GiB`;
  const parts = [
    machine,
    `Node ${process.version}`,
    `SQLite ${process.versions['sqlite'] ?? 'unknown'}`,
    `undici ${undiciVersion()}`,
    ...others,
    `Postrider ${revision()}`,
  ];
  return `${parts.join('; ')}.`;
}

function undiciVersion(): string {
  const file = fileURLToPath(new URL('../../node_modules/undici/package.json', import.meta.url));
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

/** The commit, and whether the tree differs from it; unknown outside of a clone. */
function revision(): string {
  try {
    const cwd = fileURLToPath(new URL('../..', import.meta.url));
    return execFileSync('git', ['describe', '--always', '--dirty'], {
      cwd,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'of unknown revision';
  }
}
