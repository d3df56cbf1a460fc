/** Events: the envelope as it is listed, and an application's own events as they are submitted. */

import type { EventEnvelope, PushedEnvelope, StateSnapshot } from '../events.ts';
import { STATUS_ORDER } from '../state.ts';
import {
  answerSchema,
  ENVIRONMENT,
  FLAG,
  idOrNullSchema,
  idSchema,
  objectSchema,
  pageSchema,
  TEXT,
  TEXT_OR_NULL,
  TIME,
  type JsonSchema,
} from './json-schema.ts';
import { CAMPAIGN_ID, METADATA, TAGS, type Labels } from './labels.ts';
import { MAX_ADDRESS, MAX_BATCH, MAX_EVENT_TYPE } from './limits.ts';

export const stateSchema = answerSchema<StateSnapshot>(
  {
    status: { type: 'string', enum: STATUS_ORDER },
    previous: { type: ['string', 'null'], enum: [...STATUS_ORDER, null] },
    terminal: FLAG,
  },
  { type: ['object', 'null'] },
);

const envelope: Record<keyof EventEnvelope, JsonSchema> = {
  event_id: idSchema('evt'),
  event_type: TEXT,
  timestamp: TIME,
  message_id: idOrNullSchema('msg'),
  recipient: TEXT_OR_NULL,
  data: { type: 'object', description: 'What this type of event tells; see the list of event types.' },
  environment: ENVIRONMENT,
  tags: { type: 'array', items: TEXT },
  metadata: { type: 'object', additionalProperties: TEXT },
  campaign_id: TEXT_OR_NULL,
  state: stateSchema,
};
/** `EventEnvelope` of events.ts. */
export const eventSchema = answerSchema<EventEnvelope>(envelope);
export const eventListSchema = pageSchema(eventSchema);
/** `PushedEnvelope` of events.ts: what an endpoint receives in the `postrider` dialect. */
export const pushedEventSchema = objectSchema<PushedEnvelope>(
  { ...envelope, seq: { type: 'integer', minimum: 1 }, test: { const: true } },
  [...Object.keys(envelope), 'seq'],
);

/** Body of `POST /v1/events`: one of these, or `{events: […]}`. */
export interface CustomEventBody extends Labels {
  event_type: `custom.${string}`;
  data?: Record<string, unknown>;
  recipient?: string | null;
  message_id?: string | null;
}
export interface CustomEventBatchBody {
  events: CustomEventBody[];
}

export const CUSTOM_EVENT_TYPE = '^custom(\\.[a-z0-9_-]+)+$';

export const customEventBodySchema = objectSchema<CustomEventBody>(
  {
    event_type: {
      type: 'string',
      maxLength: MAX_EVENT_TYPE,
      pattern: CUSTOM_EVENT_TYPE,
      'x-rule': 'must be `custom.` and a name of a-z, 0-9, - and _, with dots between its parts',
    },
    data: { type: 'object' },
    recipient: { type: ['string', 'null'], minLength: 3, maxLength: MAX_ADDRESS },
    message_id: idOrNullSchema('msg'),
    tags: TAGS,
    metadata: METADATA,
    campaign_id: CAMPAIGN_ID,
  },
  ['event_type'],
  { example: { event_type: 'custom.order.paid', data: { order: 'A-1001' }, recipient: 'ann@example.com' } },
);
export const customEventBatchBodySchema = objectSchema<CustomEventBatchBody>(
  { events: { type: 'array', minItems: 1, maxItems: MAX_BATCH, items: customEventBodySchema } },
  ['events'],
);
export const eventsBodySchema: JsonSchema = { anyOf: [customEventBodySchema, customEventBatchBodySchema] };

/** Answer of `POST /v1/events`, in the order of the request. */
export interface EventsAccepted {
  data: { event_id: string }[];
}
export const eventsAcceptedSchema = answerSchema<EventsAccepted>({
  data: { type: 'array', items: answerSchema({ event_id: idSchema('evt') }) },
});
