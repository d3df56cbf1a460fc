/** What the kernel tells about a process: memory, threads, and whether it stands still. */

import { readFileSync, writeFileSync } from 'node:fs';
import { waitFor } from './wait.ts';

/** The most resident memory since the start, or since `forgetPeak`, in bytes. */
export function peakRss(pid: number): number {
  return field(pid, 'VmHWM') * 1024;
}

/** Makes the present memory the peak (proc(5), clear_refs). */
export function forgetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

/** SIGSTOP; resolves once every thread stands still, so that nothing more is read or written. */
export async function stopped(pid: number): Promise<void> {
  process.kill(pid, 'SIGSTOP');
  await waitFor(`standstill of ${pid}`, () => /^State:\tT/m.test(statusOf(pid)));
}

function field(pid: number, name: string): number {
  const value = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(statusOf(pid))?.[1];
  if (value === undefined) throw new Error(`/proc/${pid}/status has no ${name}`);
  return Number(value);
}

function statusOf(pid: number): string {
  return readFileSync(`/proc/${pid}/status`, 'utf8');
}
