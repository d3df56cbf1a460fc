/** CPU time and memory of another process, from /proc (Linux). */

import { readdirSync, readFileSync } from 'node:fs';

/** CPU time (user and system) of all threads of the processes so far, in microseconds. */
export function cpuMicros(pids: readonly number[]): number {
  let nanoseconds = 0;
  for (const pid of pids) {
    for (const task of readdirSync(`/proc/${pid}/task`)) {
      try {
        nanoseconds += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'utf8').split(' ')[0]);
      } catch (error) {
        // A thread may end between the listing and the reading; its time is then in nobody's figures.
        if (
          (error as NodeJS.ErrnoException).code !== 'ENOENT' &&
          (error as NodeJS.ErrnoException).code !== 'ESRCH'
        )
          throw error;
      }
    }
  }
  return nanoseconds / 1000;
}

/** Largest resident memory the process ever had, in MB. */
export function peakMb(pid: number): number {
  const line = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return line === null ? Number.NaN : Math.round(Number(line[1]) / 1024);
}
