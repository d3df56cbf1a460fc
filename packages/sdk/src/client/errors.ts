/** What a call can end with besides its answer. No error holds the API key, whatever a server or a `fetch` says. */

import type { ErrorCode, FieldError } from '@postrider/contract/errors';

export interface ApiErrorFields {
  /** `POST /v1/messages`: without the query, which may hold addresses. */
  call: string;
  /** HTTP status. */
  status: number;
  /** Of the catalogue; null when the answer was no problem document, as of a proxy. */
  code: ErrorCode | null;
  detail: string;
  errors: readonly FieldError[];
  /** Seconds that the server asks to wait; null when it does not. */
  retry_after: number | null;
  /** The id of the request in the server's log. */
  request_id: string | null;
  message: string;
}

/** The server answered, and refused. */
export class PostriderApiError extends Error {
  override readonly name: string = 'PostriderApiError';
  readonly call: string;
  readonly status: number;
  readonly code: ErrorCode | null;
  readonly detail: string;
  readonly errors: readonly FieldError[];
  readonly retry_after: number | null;
  readonly request_id: string | null;

  constructor(fields: ApiErrorFields) {
    super(fields.message);
    this.call = fields.call;
    this.status = fields.status;
    this.code = fields.code;
    this.detail = fields.detail;
    this.errors = fields.errors;
    this.retry_after = fields.retry_after;
    this.request_id = fields.request_id;
  }
}

/** 410 of a feed or of the stream: what is asked for is past retention. */
export class PostriderGoneError extends PostriderApiError {
  override readonly name = 'PostriderGoneError';
  /** The first `seq` that the feed still has: go on with `after: earliest_seq - 1`. Null for the stream. */
  readonly earliest_seq: number | null;

  constructor(fields: ApiErrorFields, earliest_seq: number | null) {
    super(fields);
    this.earliest_seq = earliest_seq;
  }
}

/**
 * `unreachable`: no connection, or it broke. `timeout`: no whole answer in time. `redirected`: the address answers with
 * a redirect, which is not followed. `unexpected_answer`: what came is not what Postrider sends.
 */
export type ConnectionReason = 'unreachable' | 'timeout' | 'redirected' | 'unexpected_answer';

/** There was no answer that can be used. Whether the server did what was asked is not known. */
export class PostriderConnectionError extends Error {
  override readonly name = 'PostriderConnectionError';
  readonly call: string;
  readonly reason: ConnectionReason;

  constructor(call: string, reason: ConnectionReason, message: string) {
    super(`${call}: ${message}`);
    this.call = call;
    this.reason = reason;
  }
}
