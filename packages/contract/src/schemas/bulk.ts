/** Many deliveries put back or given up by one call. */

import { answerSchema, COUNT, FLAG, idSchema, objectSchema, TIME, type JsonSchema } from './json-schema.ts';
import { EVENT_TYPES } from './replay.ts';

/** What is left out restricts nothing. */
export interface DeliveryRetryFilter {
  endpoint_id?: string;
  event_id?: string;
  message_id?: string;
  event_types?: string[];
  after?: string;
  before?: string;
}
export interface DeliveryDiscardFilter extends DeliveryRetryFilter {
  /** Any of them when absent. */
  status?: 'pending' | 'held' | 'failed';
}
interface Body<Filter> {
  filter: Filter;
  all?: boolean;
}
/** Body of `POST /v1/deliveries/retry`: dead letters. */
export type DeliveryRetryBody = Body<DeliveryRetryFilter>;
/** Body of `POST /v1/deliveries/discard`: what is pending, held, or a dead letter. */
export type DeliveryDiscardBody = Body<DeliveryDiscardFilter>;

const filter: Record<keyof DeliveryRetryFilter, JsonSchema> = {
  endpoint_id: idSchema('end'),
  event_id: idSchema('evt'),
  message_id: idSchema('msg'),
  event_types: EVENT_TYPES,
  after: { ...TIME, description: 'Of events that are not older than this.' },
  before: { ...TIME, description: 'Of events that are older than this.' },
};
const all: JsonSchema = {
  type: 'boolean',
  description:
    'Must be true when the filter is empty: the call is about every delivery of the environment then.',
};

export const deliveryRetryBodySchema = objectSchema<DeliveryRetryBody>(
  { filter: objectSchema<DeliveryRetryFilter>(filter), all },
  ['filter'],
  { example: { filter: { event_types: ['bounce', 'complaint'] } } },
);
export const deliveryDiscardBodySchema = objectSchema<DeliveryDiscardBody>(
  {
    filter: objectSchema<DeliveryDiscardFilter>({
      ...filter,
      status: {
        type: 'string',
        enum: ['pending', 'held', 'failed'],
        description: 'Any of them when absent.',
      },
    }),
    all,
  },
  ['filter'],
  { example: { filter: { event_types: ['open', 'click'], status: 'failed' } } },
);

/** Answer of both. It is done when it is answered. */
export interface DeliveriesChanged {
  /** How many it were. */
  matched: number;
  /** True when there are more than one call takes on; call again. */
  more: boolean;
}
export const deliveriesChangedSchema = answerSchema<DeliveriesChanged>({
  matched: {
    ...COUNT,
    description: 'Deliveries that were put back, or given up; on disk when this is answered.',
  },
  more: { ...FLAG, description: 'There are more than one call takes on: call again for the rest.' },
});
