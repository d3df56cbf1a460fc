/** A data folder on a file system of its own, so small that it can be filled: a tmpfs in a mount namespace of the server. */

import { spawnSync } from 'node:child_process';
import type { ChildOptions } from './child-server.ts';

const NAMESPACE = 'unshare';

/** Whether this user may: root, and a kernel that allows it. */
export function canMount(): boolean {
  const script = 'mount -t tmpfs -o size=1m none /mnt';
  return spawnSync(NAMESPACE, ['-m', 'sh', '-c', script], { stdio: 'ignore' }).status === 0;
}

/** For the server's start. The file system goes with the process, and is seen from outside under its /proc/PID/root. */
export function onSmallDisk(
  bytes: number,
  { min_free_bytes }: { min_free_bytes: number },
): Omit<ChildOptions, 'dir'> {
  const script = `mount -t tmpfs -o size=${bytes} none "$POSTRIDER_DATA_DIR" && exec "$@"`;
  return {
    under: [NAMESPACE, '-m', 'sh', '-c', script, 'sh'],
    ownMounts: true,
    env: { POSTRIDER_STORE_MIN_FREE_BYTES: String(min_free_bytes) },
  };
}
