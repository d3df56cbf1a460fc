/**
 * A route of the API: one declaration gives the guard, the readers, the OpenAPI operation and the scopes in it.
 */

import type { JsonSchema } from '@postrider/contract/schemas/json-schema';
import type {
  FastifyInstance,
  FastifyReply,
  FastifyRequest,
  FastifySchema,
  FastifySchemaCompiler,
} from 'fastify';
import { assertValid, compileSchema } from '../domain/validator.ts';
import { PostriderError } from '../domain/errors.ts';
import type { BodyBudget } from './body-budget.ts';
import type { DoorConfig } from './door-config.ts';
import type { DoorLog } from './door-log.ts';
import { guardOf, type BodyKind, type Lookup } from './guard.ts';
import { idempotencyOf } from './idempotency.ts';
import { NO_PARAMETERS, querySchema, readQuery, type Parameters, type Values } from './query-string.ts';
import type { RouteAccess } from './request-context.ts';
import type { IdempotencyInput, Services } from './services.ts';
import type { StreamSlots } from './stream-slots.ts';

/** What every file under routes/ is given. */
export interface RouteContext {
  app: FastifyInstance;
  services: Services;
  log: DoorLog;
  config: DoorConfig;
  budget: BodyBudget;
  streams: StreamSlots;
}

interface PathParameter {
  /** What kind of thing it names: `message`, `event`, … The tenancy test is made from this. */
  kind: string;
  description: string;
}

interface BodyRule {
  /** As documented. */
  schema: JsonSchema;
  /** What is checked here when it is less than what is documented. */
  check?: JsonSchema;
  kind: Exclude<BodyKind, 'none'>;
  /** Who checks the body against the schema: the door here, or the stage, which may know better limits. */
  checkedBy: 'door' | 'stage';
}

interface Answer {
  description: string;
  schema?: JsonSchema;
  contentType?: string;
}

export interface Route<P extends Parameters> {
  method: 'GET' | 'POST' | 'PATCH' | 'DELETE';
  url: string;
  summary: string;
  description?: string;
  tag: string;
  access: RouteAccess;
  params?: Record<string, PathParameter>;
  query?: P;
  body?: BodyRule;
  /** The body is a CSV table and not JSON; the handler gets its text. */
  csvBody?: true;
  /** Runs before the body is read. */
  lookup?: Lookup;
  sandboxOnly?: true;
  /** The call makes something, so it takes an Idempotency-Key. */
  creates?: true;
  answers: Record<number, Answer>;
  /** The HEAD twin that fastify makes of a GET; off where a GET never ends. */
  head?: false;
  handler(request: FastifyRequest, reply: FastifyReply, query: Values<P>): Promise<unknown>;
}

export function addRoute<P extends Parameters = typeof NO_PARAMETERS>(
  context: RouteContext,
  route: Route<P>,
): void {
  const { app, services, config } = context;
  const parameters = (route.query ?? NO_PARAMETERS) as P;
  const takesQuery = route.query !== undefined;
  const bodyKind = route.body?.kind ?? (route.csvBody ? 'required' : 'none');
  const check =
    route.body?.checkedBy === 'door' ? compileSchema(route.body.check ?? route.body.schema) : null;

  app.route({
    method: route.method,
    url: route.url,
    schema: operationOf(route),
    config: { access: route.access },
    validatorCompiler: acceptAll,
    ...(route.head === false ? { exposeHeadRoute: false } : {}),
    ...(route.access === 'public'
      ? {}
      : {
          onRequest: guardOf(services.access, {
            access: route.access,
            sandboxOnly: route.sandboxOnly ?? false,
            lookup: route.lookup ?? null,
            body: bodyKind,
            contentType: route.csvBody ? 'text/csv' : 'application/json',
            bodyBytes: config.body_bytes,
            budget: context.budget,
            creates: route.creates ?? false,
          }),
        }),
    handler: (request, reply) => {
      if (bodyKind === 'none') refuseBody(request.body);
      else if (request.body === undefined) {
        if (bodyKind === 'required')
          throw new PostriderError('malformed_body', 'The body is empty; this call needs one.');
        request.body = {};
      }
      // Query before body: it is checked by hand, at no cost for the calls that take none.
      const query =
        takesQuery || hasKeys(request.query) ? readQuery(parameters, request.query as never) : NO_VALUES;
      if (check !== null) assertValid(check, request.body);
      return route.handler(request, reply, query as Values<P>);
    },
  });
}

const NO_VALUES = Object.freeze({});

/** Bodies are checked in the handler or by the stage, queries by `readQuery`: fastify only documents. */
const acceptAll: FastifySchemaCompiler<FastifySchema> = () => () => true;

function hasKeys(query: unknown): boolean {
  return Object.keys(query as object).length > 0;
}

/** A call without a body takes nothing or `{}`. */
function refuseBody(body: unknown): void {
  if (body === undefined || body === null) return;
  if (typeof body === 'object' && !Array.isArray(body) && Object.keys(body).length === 0) return;
  throw new PostriderError('validation_failed', 'This call takes no body.', {
    errors: [{ path: '', message: 'must be absent or an empty object' }],
  });
}

/** Idempotency of a creating call; null without the header. */
export function idempotency(request: FastifyRequest): IdempotencyInput | null {
  const header = request.headers['idempotency-key'];
  if (header === undefined) return null;
  return idempotencyOf(header as string, request.method, request.url, request.rawBody);
}

const PROBLEM = {
  description: 'A problem (RFC 9457); `code` is explained at /docs/errors.',
  content: { 'application/problem+json': { schema: { $ref: 'Problem#' } } },
};

function operationOf<P extends Parameters>(route: Route<P>): FastifySchema {
  const responses: Record<string, unknown> = {};
  for (const [status, answer] of Object.entries(route.answers)) responses[status] = responseOf(answer);
  responses['default'] = PROBLEM;
  const query = querySchema(route.query ?? NO_PARAMETERS);
  const isPublic = route.access === 'public';
  return {
    summary: route.summary,
    ...(route.description === undefined ? {} : { description: route.description }),
    tags: [route.tag],
    operationId: operationId(route.method, route.url),
    ...(isPublic ? { security: [] } : {}),
    ...(route.params === undefined ? {} : { params: paramsSchema(route.params) }),
    ...(query === null ? {} : { querystring: query }),
    ...(route.creates ? { headers: IDEMPOTENCY_HEADER } : {}),
    ...(route.body === undefined ? {} : { body: route.body.schema }),
    ...(route.csvBody ? { body: { content: { 'text/csv': { schema: { type: 'string' } } } } } : {}),
    response: responses,
    'x-scopes': route.access === 'public' || route.access === 'any' ? [] : [route.access],
    'x-access': route.access,
    ...(route.sandboxOnly ? { 'x-sandbox-only': true } : {}),
    ...(route.creates ? { 'x-idempotent': true } : {}),
    ...(route.params === undefined ? {} : { 'x-kinds': kindsOf(route.params) }),
  } as FastifySchema;
}

const IDEMPOTENCY_HEADER = {
  type: 'object',
  properties: {
    'idempotency-key': {
      type: 'string',
      pattern: '^[\\x21-\\x7e]{1,255}$',
      description:
        'Makes the call repeatable for 24 hours: the same key and body give the first answer again.',
    },
  },
};

function responseOf(answer: Answer): unknown {
  if (answer.schema === undefined && answer.contentType === undefined)
    return { type: 'null', description: answer.description };
  return {
    description: answer.description,
    content: { [answer.contentType ?? 'application/json']: { schema: answer.schema ?? { type: 'string' } } },
  };
}

function paramsSchema(params: Record<string, PathParameter>): object {
  const properties: Record<string, unknown> = {};
  for (const [name, param] of Object.entries(params))
    properties[name] = { type: 'string', description: param.description };
  return { type: 'object', properties, required: Object.keys(params) };
}

function kindsOf(params: Record<string, PathParameter>): Record<string, string> {
  return Object.fromEntries(Object.entries(params).map(([name, param]) => [name, param.kind]));
}

/** `POST /v1/messages/:message_id/cancel` -> `post_messages_message_id_cancel`. */
function operationId(method: string, url: string): string {
  return `${method.toLowerCase()}_${url
    .replace(/^\/v1\//, '')
    .replace(/[^a-z0-9]+/gi, '_')
    .replace(/^_|_$/g, '')}`;
}
