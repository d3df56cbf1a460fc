/** The one error that stages throw on purpose: a code of the catalogue with what was wrong, where. */

import { ERRORS, type ErrorCode, type FieldError } from '@postrider/contract/errors';

export class PostriderError extends Error {
  readonly code: ErrorCode;
  readonly errors: FieldError[];
  /** Seconds to wait before trying again, for 429 and 503. */
  readonly retryAfterSeconds: number | null;
  /** With `gone`: the first `seq` of a lane that is still there. */
  readonly earliestSeq: number | null;

  constructor(
    code: ErrorCode,
    detail: string,
    options: {
      errors?: FieldError[];
      retryAfterSeconds?: number;
      earliestSeq?: number;
      cause?: unknown;
    } = {},
  ) {
    super(detail, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'PostriderError';
    this.code = code;
    this.errors = options.errors ?? [];
    this.retryAfterSeconds = options.retryAfterSeconds ?? null;
    this.earliestSeq = options.earliestSeq ?? null;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }
}

export function notFound(kind: string, id: string): PostriderError {
  return new PostriderError('not_found', `There is no ${kind} ${id.slice(0, 100)} in this environment.`);
}

export function invalid(errors: FieldError[]): PostriderError {
  const first = errors[0];
  const more = errors.length > 1 ? ` (and ${errors.length - 1} more)` : '';
  return new PostriderError(
    'validation_failed',
    first ? `${first.path === '' ? 'The body' : `${first.path}:`} ${first.message}${more}` : 'invalid',
    { errors },
  );
}
