/** Replays: events sent again to one endpoint, with the ids and the `seq`s they had. */

import { EVENT_TYPE_PATTERN } from './endpoint.ts';
import {
  answerSchema,
  COUNT,
  idOrNullSchema,
  idSchema,
  objectSchema,
  pageSchema,
  TEXT,
  TEXT_OR_NULL,
  TIME,
  TIME_OR_NULL,
  type JsonSchema,
} from './json-schema.ts';
import { MAX_ADDRESS, MAX_CAMPAIGN_ID, MAX_EVENT_TYPE, MAX_EVENT_TYPES, MAX_RATE } from './limits.ts';

export const REPLAY_SCOPES = ['all', 'failed'] as const;
export const REPLAY_STATUSES = ['running', 'completed', 'cancelled', 'failed'] as const;

/** Event types and prefixes such as `custom.*`. */
export const EVENT_TYPES: JsonSchema = {
  type: 'array',
  minItems: 1,
  maxItems: MAX_EVENT_TYPES,
  uniqueItems: true,
  items: {
    type: 'string',
    maxLength: MAX_EVENT_TYPE,
    pattern: EVENT_TYPE_PATTERN,
    'x-rule': 'must be an event type such as `delivered`, a prefix such as `custom.*`, or `*`',
  },
};
const AFTER: JsonSchema = { ...TIME, description: 'Events that are not older than this.' };
const BEFORE: JsonSchema = { ...TIME, description: 'Events that are older than this.' };

/** Body of `POST /v1/replays`. What is left out restricts nothing. */
export interface ReplayCreateBody {
  endpoint_id: string;
  event_types?: string[];
  after?: string;
  before?: string;
  recipient?: string;
  message_id?: string;
  campaign_id?: string;
  /** `all` when absent. */
  status?: (typeof REPLAY_SCOPES)[number];
  /** Events per second. */
  rate?: number;
  dry_run?: boolean;
}
export const replayCreateBodySchema = objectSchema<ReplayCreateBody>(
  {
    endpoint_id: { ...idSchema('end'), description: 'Nothing is sent to any other endpoint.' },
    event_types: EVENT_TYPES,
    after: AFTER,
    before: BEFORE,
    recipient: { type: 'string', minLength: 3, maxLength: MAX_ADDRESS },
    message_id: idSchema('msg'),
    campaign_id: { type: 'string', minLength: 1, maxLength: MAX_CAMPAIGN_ID },
    status: {
      type: 'string',
      enum: REPLAY_SCOPES,
      default: 'all',
      description:
        "`all`: the event log through the endpoint's own subscription, delivered before or not. `failed`: its dead letters.",
    },
    rate: {
      type: 'number',
      minimum: 0.01,
      maximum: MAX_RATE,
      description: 'Events per second of wall time; without it, as fast as the endpoint takes them.',
    },
    dry_run: { type: 'boolean', default: false, description: 'Counts, and keeps and sends nothing.' },
  },
  ['endpoint_id'],
  {
    example: {
      endpoint_id: 'end_01kq2x3m5p7r9t1v3x5z7b9d1f',
      event_types: ['bounce', 'complaint'],
      after: '2026-04-19T00:00:00Z',
    },
  },
);

/** Answer of `POST /v1/replays`. */
export interface ReplayAccepted {
  /** Null for a dry run. */
  replay_id: string | null;
  /** Events found when it began. */
  matched: number;
  status: (typeof REPLAY_STATUSES)[number] | 'dry_run';
}
export const replayAcceptedSchema = answerSchema<ReplayAccepted>({
  replay_id: { ...idOrNullSchema('rpl'), description: 'Null for a dry run.' },
  matched: COUNT,
  status: { type: 'string', enum: [...REPLAY_STATUSES, 'dry_run'] },
});

export interface ReplayObject {
  replay_id: string;
  endpoint_id: string;
  status: (typeof REPLAY_STATUSES)[number];
  matched: number;
  queued: number;
  skipped: number;
  delivered: number;
  failed: number;
  discarded: number;
  query: Omit<
    { [Name in keyof Required<ReplayCreateBody>]: Required<ReplayCreateBody>[Name] | null },
    'endpoint_id' | 'dry_run'
  >;
  error: string | null;
  created_at: string;
  updated_at: string;
  finished_at: string | null;
}
const query = answerSchema<ReplayObject['query']>({
  event_types: { type: ['array', 'null'], items: TEXT },
  after: TIME_OR_NULL,
  before: TIME_OR_NULL,
  recipient: TEXT_OR_NULL,
  message_id: idOrNullSchema('msg'),
  campaign_id: TEXT_OR_NULL,
  status: { type: 'string', enum: REPLAY_SCOPES },
  rate: { type: ['number', 'null'] },
});
export const replaySchema = answerSchema<ReplayObject>({
  replay_id: idSchema('rpl'),
  endpoint_id: idSchema('end'),
  status: {
    type: 'string',
    enum: REPLAY_STATUSES,
    description: '`completed` once everything it queued is settled; `failed` when its endpoint was deleted.',
  },
  matched: { ...COUNT, description: 'Events found when it began.' },
  queued: { ...COUNT, description: 'Put into the lane; those that were withdrawn by a cancel do not count.' },
  skipped: { ...COUNT, description: 'Left alone: they waited in the lane already, or retention was faster.' },
  delivered: { ...COUNT, description: 'Of the queued ones.' },
  failed: { ...COUNT, description: 'Of the queued ones: dead letters again.' },
  discarded: { ...COUNT, description: 'Of the queued ones.' },
  query,
  error: { ...TEXT_OR_NULL, description: 'Why it is `failed`.' },
  created_at: TIME,
  updated_at: TIME,
  finished_at: TIME_OR_NULL,
});
export const replayListSchema = pageSchema(replaySchema);
