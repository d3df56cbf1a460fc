/** Every dialect by its name. */

import type { Dialect } from './dialect.ts';
import { postrider } from './postrider.ts';
import { sendarix, sendarixCompact } from './sendarix.ts';

export const DIALECTS = {
  postrider,
  sendarix,
  sendarix_compact: sendarixCompact,
} as const satisfies Record<string, Dialect>;

export type DialectName = keyof typeof DIALECTS;
