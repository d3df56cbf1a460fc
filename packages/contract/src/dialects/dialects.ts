/** Every dialect by its name. */

import { cloudevents } from './cloudevents.ts';
import type { Dialect } from './dialect.ts';
import type { DialectName } from './names.ts';
import { postrider } from './postrider.ts';
import { sendarix, sendarixCompact } from './sendarix.ts';
import { sendook } from './sendook.ts';
import { sentinmail } from './sentinmail.ts';

export const DIALECTS: Readonly<Record<DialectName, Dialect>> = {
  postrider,
  sendarix,
  sendarix_compact: sendarixCompact,
  sentinmail,
  sendook,
  cloudevents,
};
