/** The dialects an endpoint may choose. `sendarix_compact` is the short legacy form of Sendarix. */

export const DIALECT_NAMES = [
  'postrider',
  'sendarix',
  'sendarix_compact',
  'sentinmail',
  'sendook',
  'cloudevents',
] as const;

export type DialectName = (typeof DIALECT_NAMES)[number];
