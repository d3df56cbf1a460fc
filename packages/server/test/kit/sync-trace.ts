/**
 * What the kernel was asked for, in order: whether an acknowledgement left the process only after its data was synced.
 * A kill -9 cannot tell: it leaves the page cache alone, so unsynced data survives it.
 */

import { readFileSync } from 'node:fs';

/** The tracer, to be put in front of a command. `-D` lets the command keep the process id that is signalled. */
export function tracer(output: string): string[] {
  const calls = 'trace=fsync,fdatasync,write,writev,sendto,sendmsg,pwrite64,pwritev,pwritev2';
  return ['strace', '-D', '-f', '--seccomp-bpf', '-y', '-s', '20000', '-o', output, '-e', calls];
}

export interface Acknowledgement {
  /** The identifiers in the answer. */
  ids: string[];
  /** Those whose data was not on disk when the answer was written. */
  unsynced: string[];
}

interface Write {
  /** Everything written to the database's files since the last completed sync. */
  text: string;
}

const LOG = /postrider\.db(?:-wal)?>/;
const ANSWER = /HTTP\/1\.1 202 |250 2\.0\.0 queued as /;
/** Without word boundaries: octets before and after it may be printed as escapes that end in a letter. */
const ID = /(?:msg|evt)_[0-9a-hjkmnp-tv-z]{26}/g;

/** Every acknowledgement in the trace, in order. */
export function acknowledgements(path: string): Acknowledgement[] {
  return readTrace(readFileSync(path, 'latin1').split('\n'));
}

export function readTrace(lines: readonly string[]): Acknowledgement[] {
  const found: Acknowledgement[] = [];
  const synced = new Set<string>();
  const dirty: Write = { text: '' };
  /** Threads that are within a sync of the log, with what was written before it began. */
  const syncing = new Map<string, string>();
  for (const line of lines) {
    const thread = line.split(' ', 1)[0] ?? '';
    const call = /^\d+ +(\w+)\(/.exec(line)?.[1];
    if (call === undefined) {
      // The other half of a call that another thread's calls came in between of.
      if (/<\.\.\. (fsync|fdatasync) resumed>.*= 0/.test(line)) complete(synced, syncing.get(thread) ?? '');
    } else if (call.startsWith('pwrite') && LOG.test(line)) dirty.text += line;
    else if (call === 'fsync' || call === 'fdatasync') {
      if (!LOG.test(line)) continue;
      const before = dirty.text;
      dirty.text = '';
      if (line.includes('<unfinished')) syncing.set(thread, before);
      else if (line.endsWith('= 0')) complete(synced, before);
    } else if (ANSWER.test(line)) found.push(acknowledgement(line, synced));
  }
  return found;
}

function complete(synced: Set<string>, written: string): void {
  for (const id of written.match(ID) ?? []) synced.add(id);
}

function acknowledgement(line: string, synced: ReadonlySet<string>): Acknowledgement {
  const ids = [...new Set(line.match(ID) ?? [])];
  return { ids, unsynced: ids.filter((id) => !synced.has(id)) };
}
