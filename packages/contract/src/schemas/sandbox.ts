/** The sandbox's clock. */

import { answerSchema, COUNT, objectSchema, TIME } from './json-schema.ts';
import { MAX_ADVANCE_SECONDS } from './limits.ts';

/** Body of `POST /v1/sandbox/clock/advance`. */
export interface ClockAdvanceBody {
  seconds: number;
}
export const clockAdvanceBodySchema = objectSchema<ClockAdvanceBody>(
  { seconds: { type: 'number', minimum: 0, maximum: MAX_ADVANCE_SECONDS } },
  ['seconds'],
  { example: { seconds: 3600 } },
);

/** The environment's time, and how far it is ahead of the wall clock. */
export interface ClockObject {
  now: string;
  offset_ms: number;
}
export const clockSchema = answerSchema<ClockObject>({ now: TIME, offset_ms: COUNT });

/** Answer of `POST /v1/sandbox/clock/advance`. */
export interface ClockAdvancedObject extends ClockObject {
  advanced_seconds: number;
  /** How many due moments were played on the way. */
  steps: number;
}
export const clockAdvancedSchema = answerSchema<ClockAdvancedObject>({
  now: TIME,
  offset_ms: COUNT,
  advanced_seconds: { type: 'number', minimum: 0 },
  steps: { ...COUNT, description: 'Due moments played on the way.' },
});
