/** Limits of a running process (prlimit(1)). Only the soft ones, which may be raised again without rights. */

import { execFileSync } from 'node:child_process';

const PROGRAM = 'prlimit';

/** `fsize`: bytes that a file may grow to; Node ignores SIGXFSZ, so writes fail with EFBIG. `nofile`: descriptors. */
export function limit(pid: number, resource: 'fsize' | 'nofile', most: number | 'unlimited'): void {
  execFileSync(PROGRAM, ['--pid', String(pid), `--${resource}=${most}:`]);
}
