/** Endpoints: where events are pushed, and what can be done with them. */

import { DIALECT_NAMES, type DialectName } from '../dialects/names.ts';
import type { EnvironmentName } from '../events.ts';
import {
  answerSchema,
  COUNT,
  ENVIRONMENT,
  FLAG,
  idSchema,
  objectSchema,
  pageSchema,
  TEXT,
  TEXT_OR_NULL,
  TIME,
  TIME_OR_NULL,
  type JsonSchema,
} from './json-schema.ts';
import {
  DEFAULT_OVERLAP_SECONDS,
  MAX_BATCH_EVENTS,
  MAX_BATCH_WAIT_MS,
  MAX_DESCRIPTION,
  MAX_ENDPOINT_HEADERS,
  MAX_EVENT_TYPE,
  MAX_EVENT_TYPES,
  MAX_HEADER_VALUE,
  MAX_IN_FLIGHT,
  MAX_OVERLAP_SECONDS,
  MAX_RATE,
  MAX_RETRIES,
  MAX_RETRY_DELAY,
  MAX_TIMEOUT_MS,
  MAX_URL,
  MIN_TIMEOUT_MS,
} from './limits.ts';

/** Everything a customer sets of an endpoint. */
export interface EndpointFields {
  url: string;
  description: string;
  event_types: string[];
  filter: Record<string, unknown> | null;
  dialect: DialectName;
  headers: Record<string, string>;
  retry_schedule: number[];
  timeout_ms: number;
  max_in_flight: number;
  rate_limit: number | null;
  ordering: 'none' | 'message' | 'strict';
  batch: { max_events: number; max_wait_ms: number } | null;
}
/** Body of `POST /v1/endpoints`. */
export type EndpointCreateBody = Pick<EndpointFields, 'url'> & Partial<EndpointFields>;
/** Body of `PATCH /v1/endpoints/:id`: what is named is changed, the rest stays. */
export type EndpointPatchBody = Partial<EndpointFields>;

/** `delivered`, `custom.order.paid`, `custom.*`, `*`. */
export const EVENT_TYPE_PATTERN = '^(\\*|[a-z][a-z0-9_]*(\\.[a-z0-9_-]+)*(\\.\\*)?)$';

const fields: Record<keyof EndpointFields, JsonSchema> = {
  url: {
    type: 'string',
    minLength: 1,
    maxLength: MAX_URL,
    description: 'HTTPS; redirects are not followed.',
  },
  description: { type: 'string', maxLength: MAX_DESCRIPTION },
  event_types: {
    type: 'array',
    maxItems: MAX_EVENT_TYPES,
    uniqueItems: true,
    items: {
      type: 'string',
      maxLength: MAX_EVENT_TYPE,
      pattern: EVENT_TYPE_PATTERN,
      'x-rule': 'must be an event type such as `delivered`, a prefix such as `custom.*`, or `*`',
    },
    description: 'Empty means all mail events. `custom.*` and the like are prefixes; `*` is everything.',
  },
  filter: {
    type: ['object', 'null'],
    description:
      'Comparison query over the envelope, in the words of MongoDB: `{"data.bounce_type": "hard"}`, `{"tags": {"$in": ["vip"]}}`. Operators: $eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $all, $exists, $size, $elemMatch, $not, $and, $or, $nor; no $regex and no $where. It decides when the event is made; a change is about events from then on. Null for none.',
  },
  dialect: {
    type: 'string',
    enum: DIALECT_NAMES,
    description:
      'Shape, names and signature of what is sent. `postrider`: the event as the API shows it, with `seq`. `cloudevents`: CloudEvents 1.0, structured. `sendarix` and `sendarix_compact`, `sentinmail`, `sendook`: as those products send it; the last two have closed lists of events, and others are not sent. Only `postrider` and `cloudevents` take `batch`.',
  },
  headers: {
    type: 'object',
    maxProperties: MAX_ENDPOINT_HEADERS,
    propertyNames: {
      pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$",
      'x-rule': 'must have the name of an HTTP header: letters, digits, - and the like, at most 100',
    },
    additionalProperties: {
      type: 'string',
      maxLength: MAX_HEADER_VALUE,
      // RFC 9110 section 5.5, ASCII only, without blanks at the ends.
      pattern: '^([!-~]([ \\t!-~]*[!-~])?)?$',
      'x-rule': 'must be printable ASCII without blanks at the ends and without line breaks',
    },
    description: 'Sent with every request.',
  },
  retry_schedule: {
    type: 'array',
    maxItems: MAX_RETRIES,
    items: { type: 'number', minimum: 0, maximum: MAX_RETRY_DELAY },
    description: 'Seconds to wait after each failed attempt: n delays, n + 1 attempts.',
  },
  timeout_ms: { type: 'integer', minimum: MIN_TIMEOUT_MS, maximum: MAX_TIMEOUT_MS },
  max_in_flight: { type: 'integer', minimum: 1, maximum: MAX_IN_FLIGHT },
  rate_limit: {
    type: ['number', 'null'],
    minimum: 0.001,
    maximum: MAX_RATE,
    description: 'Requests per second; null for no limit.',
  },
  ordering: {
    type: 'string',
    enum: ['none', 'message', 'strict'],
    description:
      '`message`: the events of one message arrive in order, other messages never wait for it. `strict`: all events do, one request at a time. A change is for events from then on.',
  },
  batch: objectSchema(
    {
      max_events: { type: 'integer', minimum: 2, maximum: MAX_BATCH_EVENTS },
      max_wait_ms: { type: 'integer', minimum: 0, maximum: MAX_BATCH_WAIT_MS },
    },
    ['max_events', 'max_wait_ms'],
    {
      type: ['object', 'null'],
      description:
        'Several events in one request, as a JSON array under one `webhook-id` (`bat_…`); each keeps its own id. Sent when `max_events` are there, or the first has waited `max_wait_ms`. What fails is retried in smaller batches. Null for one each.',
    },
  ),
};

export const endpointCreateBodySchema = objectSchema<EndpointCreateBody>(fields, ['url'], {
  example: { url: 'https://example.com/webhooks', event_types: ['delivered', 'bounce', 'complaint'] },
});
export const endpointPatchBodySchema = objectSchema<EndpointPatchBody>(fields, [], { minProperties: 1 });

export interface EndpointObject extends EndpointFields {
  endpoint_id: string;
  environment: EnvironmentName;
  status: 'enabled' | 'disabled';
  disabled_reason: string | null;
  /** Until when the secret before the last rotation signs too. */
  secret_overlap_until: string | null;
  created_at: string;
  updated_at: string;
  /** `whsec_…`; in the answer that made it, and on request with `manage`. */
  secret?: string;
}
const endpointMembers: Record<Exclude<keyof EndpointObject, 'secret'>, JsonSchema> = {
  endpoint_id: idSchema('end'),
  environment: ENVIRONMENT,
  status: { type: 'string', enum: ['enabled', 'disabled'] },
  disabled_reason: TEXT_OR_NULL,
  ...fields,
  secret_overlap_until: TIME_OR_NULL,
  created_at: TIME,
  updated_at: TIME,
};
const SECRET: JsonSchema = { type: 'string', pattern: '^whsec_[A-Za-z0-9+/]+=*$' };
export const endpointSchema = objectSchema<EndpointObject>(
  { ...endpointMembers, secret: SECRET },
  Object.keys(endpointMembers),
);
export const endpointListSchema = pageSchema(endpointSchema);

/** Body of `POST /v1/endpoints/:id/test`; may be absent. */
export interface EndpointTestBody {
  /** `delivered` when absent. */
  event_type?: string;
}
export const endpointTestBodySchema = objectSchema<EndpointTestBody>({
  event_type: {
    type: 'string',
    maxLength: MAX_EVENT_TYPE,
    pattern: '^[a-z][a-z0-9_]*(\\.[a-z0-9_-]+)*$',
    'x-rule': 'must be an event type such as `delivered` or `custom.order.paid`',
  },
});
export interface EndpointTestAnswer {
  delivered: boolean;
  /** HTTP status; null when no answer came. */
  status: number | null;
  latency_ms: number;
  /** The first bytes of the answer's body; null when there was none. */
  response_body: string | null;
  /** Why there was no 2xx; null when there was. */
  error?: string | null;
}
export const endpointTestAnswerSchema = objectSchema<EndpointTestAnswer>(
  {
    delivered: FLAG,
    status: { type: ['integer', 'null'] },
    latency_ms: { type: 'number', minimum: 0 },
    response_body: TEXT_OR_NULL,
    error: TEXT_OR_NULL,
  },
  ['delivered', 'status', 'latency_ms', 'response_body'],
);

/** Body of `POST /v1/endpoints/:id/rotate-secret`; may be absent. */
export interface RotateSecretBody {
  /** How long both secrets sign; `DEFAULT_OVERLAP_SECONDS` when absent. */
  overlap_seconds?: number;
}
export const rotateSecretBodySchema = objectSchema<RotateSecretBody>({
  overlap_seconds: {
    type: 'integer',
    minimum: 0,
    maximum: MAX_OVERLAP_SECONDS,
    default: DEFAULT_OVERLAP_SECONDS,
  },
});
export interface RotateSecretAnswer {
  endpoint_id: string;
  secret: string;
  secret_overlap_until: string | null;
}
export const rotateSecretAnswerSchema = answerSchema<RotateSecretAnswer>({
  endpoint_id: idSchema('end'),
  secret: SECRET,
  secret_overlap_until: TIME_OR_NULL,
});

/** Body of `POST /v1/endpoints/:id/enable`; may be absent. */
export interface EndpointEnableBody {
  /** Whether what was held meanwhile is sent (true, when absent) or discarded. */
  backfill?: boolean;
}
export const endpointEnableBodySchema = objectSchema<EndpointEnableBody>({
  backfill: { type: 'boolean', default: true },
});

export interface EndpointStatsObject {
  pending: number;
  in_flight: number;
  failed: number;
  oldest_pending_seconds: number | null;
  /** open: it is only probed, deliveries are held; half_open: a probe is under way. */
  breaker: 'closed' | 'open' | 'half_open';
  /** Since when nothing has been delivered; null while it is not known to fail. */
  failing_since: string | null;
  /** When it is tried next while its breaker is open. */
  next_probe_at: string | null;
  /** `secret_mismatch`: it keeps answering 401 or 403. */
  probable_cause: 'secret_mismatch' | null;
  /** Between 0 and 1; null when nothing was settled in the last hour. */
  success_rate_1h: number | null;
  p50_ms: number | null;
  p99_ms: number | null;
}
const NUMBER_OR_NULL: JsonSchema = { type: ['number', 'null'], minimum: 0 };
export const endpointStatsSchema = answerSchema<EndpointStatsObject>({
  pending: COUNT,
  in_flight: COUNT,
  failed: COUNT,
  oldest_pending_seconds: NUMBER_OR_NULL,
  breaker: { ...TEXT, enum: ['closed', 'open', 'half_open'] },
  failing_since: TIME_OR_NULL,
  next_probe_at: TIME_OR_NULL,
  probable_cause: { type: ['string', 'null'], enum: ['secret_mismatch', null] },
  success_rate_1h: { ...NUMBER_OR_NULL, maximum: 1 },
  p50_ms: NUMBER_OR_NULL,
  p99_ms: NUMBER_OR_NULL,
});
