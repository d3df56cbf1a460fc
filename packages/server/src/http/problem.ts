/** Errors as RFC 9457 problem details, and the one place where an unexpected error becomes `internal`. */

import { ERRORS, problemType, type ErrorCode, type Problem } from '@postrider/contract/errors';
import { PostriderError } from '../domain/errors.ts';

export const PROBLEM_TYPE = 'application/problem+json';

export function problemOf(error: PostriderError, instance?: string): Problem {
  const entry = ERRORS[error.code];
  const problem: Problem = {
    type: problemType(error.code),
    title: entry.title,
    status: entry.status,
    code: error.code,
    detail: error.message,
    errors: error.errors,
  };
  if (instance !== undefined) problem.instance = instance;
  if (error.earliestSeq !== null) problem.earliest_seq = error.earliestSeq;
  return problem;
}

/** What the framework's own errors mean in our catalogue. A code that is not here is a fault of ours. */
const FRAMEWORK_CODES: Readonly<Record<string, { code: ErrorCode; detail: string }>> = {
  FST_ERR_CTP_BODY_TOO_LARGE: {
    code: 'body_too_large',
    detail: 'The body is larger than `http.body_bytes`.',
  },
  FST_ERR_CTP_INVALID_MEDIA_TYPE: {
    code: 'unsupported_media_type',
    detail: 'The Content-Type is not one this call takes.',
  },
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: {
    code: 'malformed_request',
    detail: 'The body is not as long as Content-Length says.',
  },
  FST_ERR_CTP_EMPTY_JSON_BODY: { code: 'malformed_body', detail: 'The body is empty.' },
  FST_ERR_ROUTE_MISSING_CONTENT_TYPE: {
    code: 'malformed_request',
    detail: 'A request with this method needs a Content-Type.',
  },
  FST_ERR_BAD_URL: { code: 'malformed_request', detail: 'The path is not well percent-encoded.' },
  FST_ERR_MAX_PARAM_LENGTH: { code: 'not_found', detail: 'There is nothing at a path this long.' },
  ECONNRESET: { code: 'malformed_request', detail: 'The connection ended inside the body.' },
};

/** Any thrown value as one of ours; null when it is unexpected and must be logged. */
export function expectedError(error: unknown): PostriderError | null {
  if (error instanceof PostriderError) return error;
  const code = (error as { code?: unknown } | null)?.code;
  const known = typeof code === 'string' ? FRAMEWORK_CODES[code] : undefined;
  return known === undefined ? null : new PostriderError(known.code, known.detail, { cause: error });
}

export function internalError(cause: unknown): PostriderError {
  return new PostriderError('internal', 'Something went wrong here; the log has the details.', { cause });
}
