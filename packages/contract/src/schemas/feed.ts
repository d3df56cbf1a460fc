/** The lane of an endpoint as a pull API, and its checkpoints. */

import type { PushedEnvelope } from '../events.ts';
import { pushedEventSchema } from './event.ts';
import { answerSchema, COUNT, FLAG, pageSchema, TIME } from './json-schema.ts';

const SEQ = { type: 'integer', minimum: 1 } as const;

/** Answer of `GET /v1/endpoints/:id/feed`. */
export interface FeedPage {
  data: PushedEnvelope[];
  /** The last `seq` of this page as text; null at the end. */
  next_cursor: string | null;
  /** The last `seq` of the lane. */
  last_seq: number;
}
export const feedPageSchema = answerSchema<FeedPage>({
  data: {
    type: 'array',
    items: pushedEventSchema,
    description:
      'In `seq` order without gaps, as the `postrider` dialect pushes them, whatever became of the push.',
  },
  next_cursor: {
    type: ['string', 'null'],
    description: 'Give it as `cursor` for the next page; null at the end, where `after` goes on from.',
  },
  last_seq: { ...COUNT, description: 'The last `seq` of the lane; 0 when it is empty.' },
});

export interface CheckpointObject {
  from_seq: number;
  to_seq: number;
  count: number;
  digest: string;
  hour: string;
  complete: boolean;
}
export const checkpointSchema = answerSchema<CheckpointObject>({
  from_seq: SEQ,
  to_seq: { ...SEQ, description: 'The next checkpoint begins right after it.' },
  count: { ...SEQ, description: 'to_seq - from_seq + 1: a lane has no gaps.' },
  digest: {
    type: 'string',
    pattern: '^[0-9a-f]{64}$',
    'x-rule': 'is a SHA-256 in hex',
    description:
      'SHA-256, in lower-case hex, of the `event_id`s from `from_seq` to `to_seq` in `seq` order, each followed by one line feed (0x0A), the last one too; nothing else is in it.',
  },
  hour: {
    ...TIME,
    description:
      "Start of the hour, on the environment's clock, of the newest event up to `to_seq`. Each hour has a checkpoint of its own; 100,000 events end one early.",
  },
  complete: { ...FLAG, description: 'False for the last one while it still grows.' },
});
export const checkpointListSchema = pageSchema(checkpointSchema);
