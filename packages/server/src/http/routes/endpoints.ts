/** `/v1/endpoints`: where events are pushed. */

import {
  endpointCreateBodySchema,
  endpointEnableBodySchema,
  endpointListSchema,
  endpointPatchBodySchema,
  endpointSchema,
  endpointStatsSchema,
  endpointTestAnswerSchema,
  endpointTestBodySchema,
  rotateSecretAnswerSchema,
  rotateSecretBodySchema,
} from '@postrider/contract/schemas/endpoint';
import type { FastifyRequest } from 'fastify';
import { PostriderError } from '../../domain/errors.ts';
import { flagParameter, PAGE_PARAMETERS, pageOf } from '../query-string.ts';
import { addRoute, idempotency, type RouteContext } from '../route.ts';

const PARAMS = { endpoint_id: { kind: 'endpoint', description: 'An endpoint (end_…).' } };
const TAG = 'Endpoints';
const DAY_SECONDS = 86_400;

function idOf(request: FastifyRequest): string {
  return (request.params as { endpoint_id: string }).endpoint_id;
}

export function addEndpointRoutes(context: RouteContext): void {
  addEndpointReads(context);
  addEndpointChanges(context);
  addEndpointActions(context);
}

function lookupIn(context: RouteContext): (request: FastifyRequest) => Promise<unknown> {
  return (request) => context.services.endpoints.get(request.environment, idOf(request));
}

/** Before the endpoint is looked up: 403 comes before 404. */
function asksForSecret(request: FastifyRequest): boolean {
  return (request.query as { show_secret?: unknown }).show_secret === 'true';
}

function addEndpointReads(context: RouteContext): void {
  const { endpoints } = context.services;
  const lookup = lookupIn(context);
  addRoute(context, {
    method: 'GET',
    url: '/v1/endpoints',
    summary: 'List endpoints',
    tag: TAG,
    access: 'read',
    query: PAGE_PARAMETERS,
    answers: { 200: { description: 'A page of endpoints.', schema: endpointListSchema } },
    handler: (request, _reply, page) => endpoints.list(request.environment, pageOf(page)),
  });
  addRoute(context, {
    method: 'GET',
    url: '/v1/endpoints/:endpoint_id',
    summary: 'Show an endpoint',
    tag: TAG,
    access: 'read',
    params: PARAMS,
    lookup: (request) => {
      if (asksForSecret(request) && !request.caller.scopes.includes('manage'))
        throw new PostriderError('insufficient_scope', '`?show_secret` needs a key with the scope `manage`.');
      return lookup(request);
    },
    query: { show_secret: flagParameter('Adds `secret`; the key needs the scope `manage` for it.') },
    answers: { 200: { description: 'The endpoint.', schema: endpointSchema } },
    async handler(request, reply, { show_secret }) {
      if (!show_secret) return request.found;
      reply.header('cache-control', 'no-store');
      return endpoints.get(request.environment, idOf(request), { with_secret: true });
    },
  });
  addRoute(context, {
    method: 'GET',
    url: '/v1/endpoints/:endpoint_id/stats',
    summary: "Show how an endpoint's lane does",
    tag: TAG,
    access: 'read',
    params: PARAMS,
    lookup,
    answers: { 200: { description: 'Figures of the lane.', schema: endpointStatsSchema } },
    handler: (request) => endpoints.stats(request.environment, idOf(request)),
  });
}

function addEndpointChanges(context: RouteContext): void {
  const { endpoints } = context.services;
  const lookup = lookupIn(context);
  addRoute(context, {
    method: 'POST',
    url: '/v1/endpoints',
    summary: 'Make an endpoint',
    description: 'The answer shows the signing `secret`.',
    tag: TAG,
    access: 'manage',
    body: { schema: endpointCreateBodySchema, kind: 'required', checkedBy: 'stage' },
    creates: true,
    answers: { 201: { description: 'The endpoint with its secret.', schema: endpointSchema } },
    async handler(request, reply) {
      const endpoint = await endpoints.create(request.environment, request.body, idempotency(request));
      reply.code(201).header('cache-control', 'no-store');
      return endpoint;
    },
  });
  addRoute(context, {
    method: 'PATCH',
    url: '/v1/endpoints/:endpoint_id',
    summary: 'Change an endpoint',
    tag: TAG,
    access: 'manage',
    params: PARAMS,
    lookup,
    body: { schema: endpointPatchBodySchema, kind: 'required', checkedBy: 'stage' },
    answers: { 200: { description: 'The endpoint as it is now.', schema: endpointSchema } },
    handler: (request) => endpoints.patch(request.environment, idOf(request), request.body),
  });
  addRoute(context, {
    method: 'DELETE',
    url: '/v1/endpoints/:endpoint_id',
    summary: 'Delete an endpoint',
    description: 'Its pending deliveries are discarded.',
    tag: TAG,
    access: 'manage',
    params: PARAMS,
    lookup,
    answers: { 204: { description: 'Deleted.' } },
    async handler(request, reply) {
      await endpoints.remove(request.environment, idOf(request));
      return reply.code(204).send();
    },
  });
}

function addEndpointActions(context: RouteContext): void {
  const { endpoints } = context.services;
  const common = {
    method: 'POST',
    tag: TAG,
    access: 'manage',
    params: PARAMS,
    lookup: lookupIn(context),
  } as const;
  addRoute(context, {
    ...common,
    url: '/v1/endpoints/:endpoint_id/test',
    summary: 'Send a sample event now',
    description: 'The sample is marked `"test": true`, is stored nowhere and retried never.',
    body: { schema: endpointTestBodySchema, kind: 'optional', checkedBy: 'door' },
    answers: { 200: { description: 'What the endpoint answered.', schema: endpointTestAnswerSchema } },
    handler: (request) =>
      endpoints.test(
        request.environment,
        idOf(request),
        (request.body as { event_type?: string }).event_type,
      ),
  });
  addRoute(context, {
    ...common,
    url: '/v1/endpoints/:endpoint_id/rotate-secret',
    summary: 'Replace the signing secret',
    description: 'Both secrets sign until the overlap ends.',
    body: { schema: rotateSecretBodySchema, kind: 'optional', checkedBy: 'door' },
    answers: { 200: { description: 'The new secret.', schema: rotateSecretAnswerSchema } },
    handler: (request, reply) => {
      const { overlap_seconds = DAY_SECONDS } = request.body as { overlap_seconds?: number };
      reply.header('cache-control', 'no-store');
      return endpoints.rotateSecret(request.environment, idOf(request), overlap_seconds);
    },
  });
  addRoute(context, {
    ...common,
    url: '/v1/endpoints/:endpoint_id/enable',
    summary: 'Enable an endpoint',
    description: 'With `backfill` (the default) what was held is sent, in order; without, it is discarded.',
    body: { schema: endpointEnableBodySchema, kind: 'optional', checkedBy: 'door' },
    answers: { 200: { description: 'The endpoint as it is now.', schema: endpointSchema } },
    handler: (request) =>
      endpoints.enable(
        request.environment,
        idOf(request),
        (request.body as { backfill?: boolean }).backfill ?? true,
      ),
  });
  addRoute(context, {
    ...common,
    url: '/v1/endpoints/:endpoint_id/disable',
    summary: 'Disable an endpoint',
    description: 'Its deliveries are held until it is enabled again.',
    answers: { 200: { description: 'The endpoint as it is now.', schema: endpointSchema } },
    handler: (request) => endpoints.disable(request.environment, idOf(request)),
  });
}
