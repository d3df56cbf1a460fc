/** Faults put under a running process by a tracer, for as long as it is attached. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { inTime, waitFor } from './wait.ts';

const TRACER = 'strace';

export interface Injection {
  /** The process goes on as if nothing had been. */
  remove(): Promise<void>;
}

/** Every sync takes this much longer: a disk that stalls. */
export function slowSyncs(ms: number): string[] {
  return ['-e', `inject=fsync,fdatasync:delay_exit=${ms * 1000}`];
}

/** Resolves once every thread of `pid` is under the fault. `fault`: options of strace(1). */
export async function inject(pid: number, fault: string[]): Promise<Injection> {
  const args = ['-f', '-o', '/dev/null', ...fault, '-p', String(pid)];
  const tracer = spawn(TRACER, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const exited = once(tracer, 'exit');
  let said = '';
  tracer.stderr.on('data', (chunk: Buffer) => (said += chunk.toString()));
  await waitFor('word that the tracer is attached', () => {
    if (tracer.exitCode !== null) throw new Error(`strace ended: ${said}`);
    return / attached/.test(said);
  });
  return {
    async remove() {
      tracer.kill('SIGINT');
      await inTime('the end of the tracer', exited);
    },
  };
}
