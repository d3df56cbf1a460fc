/** Suppressions: addresses that are not mailed. */

import type { SuppressionReason } from '../events.ts';
import {
  answerSchema,
  idOrNullSchema,
  objectSchema,
  pageSchema,
  TEXT,
  TIME,
  type JsonSchema,
} from './json-schema.ts';
import { MAX_ADDRESS, MAX_BATCH } from './limits.ts';

export const SUPPRESSION_REASONS = ['bounce', 'complaint', 'unsubscribe', 'manual'] as const;

/** Body of `POST /v1/suppressions`: one of these, or `{suppressions: […]}`. */
export interface SuppressionBody {
  address: string;
  /** `manual` when absent. */
  reason?: SuppressionReason;
}
export interface SuppressionBatchBody {
  suppressions: SuppressionBody[];
}
const REASON: JsonSchema = { type: 'string', enum: SUPPRESSION_REASONS };

export const suppressionBodySchema = objectSchema<SuppressionBody>(
  {
    address: { type: 'string', minLength: 3, maxLength: MAX_ADDRESS },
    reason: { ...REASON, default: 'manual' },
  },
  ['address'],
  { example: { address: 'ann@example.com' } },
);
export const suppressionBatchBodySchema = objectSchema<SuppressionBatchBody>(
  { suppressions: { type: 'array', minItems: 1, maxItems: MAX_BATCH, items: suppressionBodySchema } },
  ['suppressions'],
);
export const suppressionsBodySchema: JsonSchema = {
  anyOf: [suppressionBodySchema, suppressionBatchBodySchema],
};

export interface SuppressionObject {
  address: string;
  reason: SuppressionReason;
  /** The event that caused it. */
  event_id: string | null;
  created_at: string;
}
export const suppressionSchema = answerSchema<SuppressionObject>({
  address: TEXT,
  reason: REASON,
  event_id: idOrNullSchema('evt'),
  created_at: TIME,
});
export const suppressionListSchema = pageSchema(suppressionSchema);
/** Answer of `POST /v1/suppressions`, in the order of the request. */
export const suppressionsAddedSchema = answerSchema({ data: { type: 'array', items: suppressionSchema } });
