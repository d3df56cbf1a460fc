/** CPU time and memory of another process, from /proc (Linux). */

import { existsSync, readdirSync, readFileSync } from 'node:fs';

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

/** Ticks of /proc in which reaped children are counted; fixed for programs, whatever the kernel's own are (proc(5)). */
const TICK_MICROS = 10_000;

/** CPU time of a process, of its children that live, and of those it has outlived: a server with one process a client. */
export function treeCpuMicros(pid: number): number {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // After the name in brackets, which may hold anything: fields 16 and 17 of proc_pid_stat(5), counted from 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const reaped = (Number(fields[13]) + Number(fields[14])) * TICK_MICROS;
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8')
    .split(' ')
    .filter(Boolean)
    .map(Number);
  return cpuMicros([pid, ...children.filter((child) => existsSync(`/proc/${child}`))]) + reaped;
}

/** Largest resident memory the process ever had, in MB. */
export function peakMb(pid: number): number {
  return statusMb(pid, 'VmHWM');
}

/** Resident memory of the process now, in MB. */
export function residentMb(pid: number): number {
  return statusMb(pid, 'VmRSS');
}

function statusMb(pid: number, name: string): number {
  const line = new RegExp(`${name}:\\s+(\\d+) kB`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return line === null ? Number.NaN : Math.round(Number(line[1]) / 1024);
}
