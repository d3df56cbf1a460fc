/** Readiness that means something: a write that reaches the disk. */

import type { WriteContext } from '../write-context.ts';

/** Writes nothing that lasts, but passes through a full commit. */
export function probe(context: WriteContext): void {
  context.sql('UPDATE environment SET clock_offset_ms = clock_offset_ms WHERE env = 1').run();
}
