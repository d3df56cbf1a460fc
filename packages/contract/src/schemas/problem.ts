/** Problem details (RFC 9457). The type is `Problem` of errors.ts. */

import { ERRORS, type FieldError, type Problem } from '../errors.ts';
import { answerSchema, objectSchema, type JsonSchema } from './json-schema.ts';

const fieldErrorSchema = answerSchema<FieldError>({
  path: {
    type: 'string',
    description: 'JSON Pointer (RFC 6901) into the body, or `?name` for a query parameter.',
  },
  message: { type: 'string', description: 'What is wrong, and what to do about it.' },
});

const members: Record<Exclude<keyof Problem, 'instance' | 'earliest_seq'>, JsonSchema> = {
  type: { type: 'string', description: 'Page that explains the code.' },
  title: { type: 'string' },
  status: { type: 'integer' },
  code: { type: 'string', enum: Object.keys(ERRORS) },
  detail: { type: 'string' },
  errors: { type: 'array', items: fieldErrorSchema },
};

export const problemSchema = objectSchema<Problem>(
  {
    ...members,
    instance: { type: 'string', description: 'The id of the request, as in the log.' },
    earliest_seq: {
      type: 'integer',
      minimum: 1,
      description: 'With `gone` of a feed: the first `seq` that is still there.',
    },
  },
  Object.keys(members),
);
