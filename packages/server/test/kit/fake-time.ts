/**
 * A machine whose clock jumps: libfaketime (Debian: `faketime`) in front of the libc, told by a file that the test
 * rewrites while the server runs. The monotonic clock stays untouched, as it does when a real clock is set.
 */

import { globSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const PLACES = [
  '/usr/lib/*/faketime/libfaketimeMT.so.1',
  '/usr/lib/faketime/libfaketimeMT.so.1',
  '/usr/lib64/faketime/libfaketimeMT.so.1',
  '/usr/local/lib/faketime/libfaketimeMT.so.1',
];

/** Null when it is not installed. POSTRIDER_TEST_FAKETIME names one that is somewhere else. */
export function fakeTimeLibrary(): string | null {
  return process.env['POSTRIDER_TEST_FAKETIME'] ?? globSync(PLACES)[0] ?? null;
}

export class FakeTime {
  readonly #file: string;
  readonly #library: string;

  constructor(dir: string, library: string) {
    this.#file = join(dir, 'faketime');
    this.#library = library;
    this.jump(0);
  }

  /** For the server's environment. */
  get env(): Record<string, string> {
    return {
      LD_PRELOAD: this.#library,
      FAKETIME_TIMESTAMP_FILE: this.#file,
      // Looked at again with every reading of the clock that is more than a second after the last look.
      FAKETIME_CACHE_DURATION: '1',
      FAKETIME_DONT_FAKE_MONOTONIC: '1',
      FAKETIME_DONT_RESET: '1',
      NO_FAKE_STAT: '1',
    };
  }

  /** From now on, or a second later, the clock is `seconds` off the real one. */
  jump(seconds: number): void {
    // Whole or not at all: a half-written file would be another time.
    writeFileSync(`${this.#file}.new`, `${seconds < 0 ? '-' : '+'}${Math.abs(seconds)}s\n`);
    renameSync(`${this.#file}.new`, this.#file);
  }
}
