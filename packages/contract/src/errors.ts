/**
 * The catalogue of error codes. Every door answers with these: HTTP as RFC 9457 problem+json, SMTP as a
 * reply with an enhanced status code (RFC 3463). `docs/errors.md` is checked against this table both ways.
 */

export interface ErrorEntry {
  /** HTTP status. */
  status: number;
  title: string;
  /** What the caller can do about it. */
  remedy: string;
}

export const ERRORS = {
  unauthorized: {
    status: 401,
    title: 'No valid API key',
    remedy: 'Send `Authorization: Bearer pr_…` or `X-API-Key: pr_…` with a key that is not revoked.',
  },
  insufficient_scope: {
    status: 403,
    title: 'The key lacks a scope',
    remedy: 'Use a key with the scope named in the detail, or make one with `POST /v1/api-keys`.',
  },
  not_found: {
    status: 404,
    title: 'Not found',
    remedy: 'Check the identifier and that the key belongs to the same project and environment.',
  },
  method_not_allowed: {
    status: 405,
    title: 'Method not allowed',
    remedy: 'Use a method named in the Allow header.',
  },
  request_timeout: {
    status: 408,
    title: 'The request came too slowly',
    remedy: 'Send the whole request within `http.request_timeout_ms`.',
  },
  idempotency_conflict: {
    status: 409,
    title: 'Idempotency-Key was used with another request',
    remedy: 'Use a fresh key for a different request; keep key and body together when retrying.',
  },
  conflict: {
    status: 409,
    title: 'Conflict with the current state',
    remedy: 'Read the resource again and decide anew.',
  },
  gone: {
    status: 410,
    title: 'Past retention',
    remedy: 'Start from the earliest position named in the detail.',
  },
  body_too_large: {
    status: 413,
    title: 'Body too large',
    remedy: 'Send less at once, or raise the limit named in the detail.',
  },
  unsupported_media_type: {
    status: 415,
    title: 'Unsupported media type',
    remedy: 'Send `Content-Type: application/json` in UTF-8.',
  },
  malformed_body: {
    status: 400,
    title: 'The body cannot be read',
    remedy: 'Send well-formed JSON in UTF-8.',
  },
  malformed_request: {
    status: 400,
    title: 'The request cannot be read',
    remedy: 'Send a well-formed HTTP/1.1 request.',
  },
  validation_failed: {
    status: 422,
    title: 'The request does not fit the schema',
    remedy: 'Mend the fields named in `errors`.',
  },
  no_transport: {
    status: 422,
    title: 'No transport can carry this message',
    remedy: 'Use the sandbox key, or set up a transport for the live environment.',
  },
  message_too_large: {
    status: 422,
    title: 'The message is too large',
    remedy: 'Send smaller attachments, or raise `limits.message_bytes`.',
  },
  headers_too_large: {
    status: 431,
    title: 'Headers too large',
    remedy: 'Send fewer or shorter headers than `http.header_bytes`.',
  },
  too_many_requests: { status: 429, title: 'Too many requests', remedy: 'Wait for the time in Retry-After.' },
  internal: {
    status: 500,
    title: 'Internal error',
    remedy: 'Retry; the request id in `instance` finds the log line.',
  },
  overloaded: {
    status: 503,
    title: 'Too much is under way',
    remedy: 'Retry after the time in Retry-After; nothing of the request was kept.',
  },
  storage_unavailable: {
    status: 503,
    title: 'The store cannot commit',
    remedy: 'Check disk space and permissions of the data folder; retry after the time in Retry-After.',
  },
  shutting_down: { status: 503, title: 'Shutting down', remedy: 'Retry after the time in Retry-After.' },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERRORS;

/** One field that does not fit. `path` is a JSON Pointer (RFC 6901) into the body, or `?name` for a query parameter. */
export interface FieldError {
  path: string;
  message: string;
}

/** RFC 9457 problem details as every HTTP door answers them. */
export interface Problem {
  type: string;
  title: string;
  status: number;
  code: ErrorCode;
  detail: string;
  errors: FieldError[];
  instance?: string;
  /** With `gone`, where a lane is concerned: the first `seq` that is still there. */
  earliest_seq?: number;
}

/** Page that explains a code; a relative reference, resolved against the server's own address. */
export function problemType(code: ErrorCode): string {
  return `/docs/errors#${code}`;
}
