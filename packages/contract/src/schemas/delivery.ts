/** Deliveries and their attempts, as they are shown. */

import {
  answerSchema,
  COUNT,
  idOrNullSchema,
  idSchema,
  pageSchema,
  TEXT,
  TEXT_OR_NULL,
  TIME,
  TIME_OR_NULL,
  type JsonSchema,
} from './json-schema.ts';

export const DELIVERY_STATUS_NAMES = ['pending', 'held', 'delivered', 'failed', 'discarded'] as const;

export interface DeliveryObject {
  delivery_id: string;
  endpoint_id: string;
  event_id: string;
  event_type: string;
  message_id: string | null;
  seq: number;
  status: (typeof DELIVERY_STATUS_NAMES)[number];
  attempts_made: number;
  created_at: string;
  next_attempt_at: string | null;
  settled_at: string | null;
  /** HTTP status of the last attempt; 0 when no answer came, null before the first. */
  last_status: number | null;
  last_error: string | null;
}
export interface AttemptObject {
  attempt_id: string;
  /** 1 for the first. */
  attempt: number;
  at: string;
  /** HTTP status; 0 when no answer came. */
  status: number;
  latency_ms: number;
  error: string | null;
  error_detail: string | null;
  response_excerpt: string | null;
}
/** Answer of `GET /v1/deliveries/:id`. */
export interface DeliveryDetail extends DeliveryObject {
  attempts: AttemptObject[];
}

const members: Record<keyof DeliveryObject, JsonSchema> = {
  delivery_id: idSchema('del'),
  endpoint_id: idSchema('end'),
  event_id: idSchema('evt'),
  event_type: TEXT,
  message_id: idOrNullSchema('msg'),
  seq: { type: 'integer', minimum: 1 },
  status: { type: 'string', enum: DELIVERY_STATUS_NAMES },
  attempts_made: COUNT,
  created_at: TIME,
  next_attempt_at: TIME_OR_NULL,
  settled_at: TIME_OR_NULL,
  last_status: {
    type: ['integer', 'null'],
    description: '0 when no answer came; null before the first attempt.',
  },
  last_error: TEXT_OR_NULL,
};
export const deliverySchema = answerSchema<DeliveryObject>(members);
export const deliveryListSchema = pageSchema(deliverySchema);
export const attemptSchema = answerSchema<AttemptObject>({
  attempt_id: idSchema('att'),
  attempt: { type: 'integer', minimum: 1 },
  at: TIME,
  status: { type: 'integer', description: '0 when no answer came.' },
  latency_ms: { type: 'number', minimum: 0 },
  error: TEXT_OR_NULL,
  error_detail: TEXT_OR_NULL,
  response_excerpt: TEXT_OR_NULL,
});
export const deliveryDetailSchema = answerSchema<DeliveryDetail>({
  ...members,
  attempts: { type: 'array', items: attemptSchema },
});
