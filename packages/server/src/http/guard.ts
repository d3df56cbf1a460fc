/**
 * What happens before a body is read, in the order of refusal that API.md promises: 401, 403, 404, 415, 413.
 * (400 and 422 come with the body.) One guard is made for each route at start; nothing is made per request.
 */

import type { FastifyReply, FastifyRequest } from 'fastify';
import { PostriderError } from '../domain/errors.ts';
import type { Caller } from '../domain/tenancy.ts';
import type { BodyBudget } from './body-budget.ts';
import { checkIdempotencyKey } from './idempotency.ts';
import type { RouteAccess } from './request-context.ts';
import type { AccessService, AdminCaller } from './services.ts';

/** Finds what `:id` names, in the caller's environment only; throws `not_found`. */
export type Lookup = (request: FastifyRequest) => Promise<unknown>;

export type BodyKind = 'none' | 'optional' | 'required';

export interface GuardOptions {
  access: Exclude<RouteAccess, 'public'>;
  /** Only the sandbox has it: the live environment answers 404. */
  sandboxOnly: boolean;
  lookup: Lookup | null;
  body: BodyKind;
  contentType: 'application/json' | 'text/csv';
  bodyBytes: number;
  budget: BodyBudget;
  /** The call takes an Idempotency-Key. */
  creates: boolean;
}

export function guardOf(access: AccessService, options: GuardOptions) {
  return async function guard(request: FastifyRequest, reply: FastifyReply): Promise<void> {
    refuseRepeatedHeaders(request.raw.rawHeaders);
    admit(await callerOf(access, request), options, request);
    if (options.lookup !== null) request.found = await options.lookup(request);
    checkBodyHeaders(request, reply, options);
    if (options.creates) checkIdempotencyKey(request.headers['idempotency-key']);
    if (request.awaitsContinue) reply.raw.writeContinue();
  };
}

/** Who sent the request; `unauthorized` when nobody we know. */
export async function callerOf(
  access: AccessService,
  request: FastifyRequest,
): Promise<Caller | AdminCaller> {
  const caller = await access.authenticate(presentedKey(request));
  if (caller === null) throw unauthorized('The API key is not valid, or it was revoked.');
  return caller;
}

function unauthorized(detail: string): PostriderError {
  return new PostriderError('unauthorized', detail);
}

const BEARER = /^Bearer +([\x21-\x7e]+)$/i;
const KEY_SHAPE = /^[\x21-\x7e]{1,256}$/;

/** The key as presented. Two different keys are refused: nobody can tell which was meant. */
function presentedKey(request: FastifyRequest): string {
  const header = request.headers.authorization;
  const other = request.headers['x-api-key'];
  let key: string | undefined;
  if (header !== undefined) {
    key = BEARER.exec(header)?.[1];
    if (key === undefined) throw unauthorized('The Authorization header must be `Bearer` and an API key.');
  }
  if (typeof other === 'string') {
    if (key !== undefined && key !== other)
      throw unauthorized('Authorization and X-API-Key carry different keys; send one.');
    key = other;
  }
  if (key === undefined) throw unauthorized('The request carries no API key.');
  if (!KEY_SHAPE.test(key)) throw unauthorized('The API key is not valid, or it was revoked.');
  return key;
}

function admit(caller: Caller | AdminCaller, options: GuardOptions, request: FastifyRequest): void {
  if ('admin' in caller) {
    if (options.access === 'admin') return;
    throw new PostriderError(
      'insufficient_scope',
      "An administrator's key makes projects and belongs to no environment; use a key of the environment.",
    );
  }
  if (options.access === 'admin')
    throw new PostriderError('insufficient_scope', "This call needs an administrator's key (pr_admin_…).");
  if (options.access !== 'any' && !caller.scopes.includes(options.access))
    throw new PostriderError(
      'insufficient_scope',
      `This call needs a key with the scope \`${options.access}\`.`,
    );
  if (options.sandboxOnly && caller.environment.name !== 'sandbox')
    throw new PostriderError(
      'not_found',
      'Only the sandbox environment has this; use a sandbox key (pr_test_…).',
    );
  request.caller = caller;
  request.environment = caller.environment;
}

const JSON_TYPE = /^application\/json[ \t]*(?:;[ \t]*charset[ \t]*=[ \t]*"?utf-8"?[ \t]*)?;?[ \t]*$/i;
const CSV_TYPE =
  /^text\/csv[ \t]*(?:;[ \t]*(?:charset[ \t]*=[ \t]*"?utf-8"?|header[ \t]*=[ \t]*(?:present|absent))[ \t]*)*$/i;

function checkBodyHeaders(request: FastifyRequest, reply: FastifyReply, options: GuardOptions): void {
  const headers = request.headers;
  const length = headers['content-length'];
  const isEmpty = headers['transfer-encoding'] === undefined && (length === undefined || length === '0');
  if (isEmpty) {
    if (options.body === 'required')
      throw new PostriderError('malformed_body', 'The body is empty; this call needs one.');
    // A content type without a body says nothing, and would only wake the framework's parser.
    delete headers['content-type'];
    return;
  }
  if (request.method === 'GET' || request.method === 'HEAD') return;
  const type = headers['content-type'];
  const fits =
    type === options.contentType ||
    (type !== undefined && (options.contentType === 'text/csv' ? CSV_TYPE : JSON_TYPE).test(type));
  if (!fits)
    throw new PostriderError(
      'unsupported_media_type',
      `This call takes \`Content-Type: ${options.contentType}\` in UTF-8.`,
    );
  const coding = headers['content-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'identity')
    throw new PostriderError(
      'unsupported_media_type',
      'Bodies are taken as they are, without Content-Encoding.',
    );
  // Without a length it may become as large as allowed.
  const octets = length === undefined ? options.bodyBytes : Number(length);
  if (octets > options.bodyBytes)
    throw new PostriderError(
      'body_too_large',
      `The body is larger than ${options.bodyBytes} octets (\`http.body_bytes\`).`,
    );
  options.budget.take(octets, reply.raw);
}

/** Each has a bit of its own. */
const ONLY_ONCE: ReadonlyMap<string, number> = new Map(
  [
    'authorization',
    'x-api-key',
    'content-type',
    'content-encoding',
    'content-length',
    'idempotency-key',
    'last-event-id',
    'host',
  ].map((name, index) => [name, 1 << index]),
);

/**
 * Node keeps the first of two such headers, or joins them, where a proxy before us may have looked at the other.
 * `raw` alternates names and values.
 */
function refuseRepeatedHeaders(raw: readonly string[]): void {
  let seen = 0;
  for (let at = 0; at < raw.length; at += 2) {
    const bit = ONLY_ONCE.get((raw[at] as string).toLowerCase()) ?? 0;
    if ((seen & bit) !== 0)
      throw new PostriderError(
        'malformed_request',
        `The header ${(raw[at] as string).toLowerCase()} is given more than once.`,
      );
    seen |= bit;
  }
}
