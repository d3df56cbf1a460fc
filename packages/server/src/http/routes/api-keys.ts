/** `/v1/api-keys`: keys of the caller's environment; and `/v1/environment`: which one that is. */

import {
  KEY_SCOPES,
  apiKeyBodySchema,
  apiKeyCreatedSchema,
  apiKeyListSchema,
  apiKeySchema,
} from '@postrider/contract/schemas/access';
import { answerSchema, ENVIRONMENT, idSchema, TIME } from '@postrider/contract/schemas/json-schema';
import type { FastifyRequest } from 'fastify';
import { notFound } from '../../domain/errors.ts';
import type { ApiKey, Scope } from '../../domain/tenancy.ts';
import { PAGE_PARAMETERS, pageOf } from '../query-string.ts';
import { addRoute, idempotency, type RouteContext } from '../route.ts';
import type { AccessService } from '../services.ts';

const PARAMS = { key_id: { kind: 'api_key', description: 'An API key (key_…), not the key itself.' } };
const TAG = 'API keys';

const environmentSchema = answerSchema({
  project_id: idSchema('prj'),
  environment: ENVIRONMENT,
  key_id: idSchema('key'),
  scopes: { type: 'array', items: { type: 'string', enum: KEY_SCOPES } },
  now: TIME,
});

function publicApiKey(key: ApiKey): object {
  return {
    key_id: key.key_id,
    name: key.name,
    scopes: key.scopes,
    prefix: key.prefix,
    created_at: new Date(key.created_at).toISOString(),
    revoked_at: key.revoked_at === null ? null : new Date(key.revoked_at).toISOString(),
  };
}

export function addApiKeyRoutes(context: RouteContext): void {
  const { access, clock } = context.services;
  addRoute(context, {
    method: 'GET',
    url: '/v1/environment',
    summary: 'Show which environment the key opens, and with which scopes',
    tag: TAG,
    access: 'any',
    answers: { 200: { description: 'The environment.', schema: environmentSchema } },
    handler: async ({ caller }) => ({
      project_id: caller.environment.project_id,
      environment: caller.environment.name,
      key_id: caller.key_id,
      scopes: caller.scopes,
      now: new Date(clock.now(caller.environment.env)).toISOString(),
    }),
  });
  addRoute(context, {
    method: 'GET',
    url: '/v1/api-keys',
    summary: 'List the keys of this environment',
    tag: TAG,
    access: 'manage',
    query: PAGE_PARAMETERS,
    answers: {
      200: { description: 'A page of keys, without the keys themselves.', schema: apiKeyListSchema },
    },
    async handler(request, _reply, page) {
      const { data, next_cursor } = await access.listApiKeys(request.environment.env, pageOf(page));
      return { data: data.map(publicApiKey), next_cursor };
    },
  });
  addRoute(context, {
    method: 'POST',
    url: '/v1/api-keys',
    summary: 'Make a key for this environment',
    description: 'The answer shows the key, once.',
    tag: TAG,
    access: 'manage',
    body: { schema: apiKeyBodySchema, kind: 'required', checkedBy: 'door' },
    creates: true,
    answers: { 201: { description: 'The key.', schema: apiKeyCreatedSchema } },
    async handler(request, reply) {
      const input = request.body as { name: string; scopes: Scope[] };
      const { key, secret } = await access.createApiKey(
        request.environment.env,
        { name: input.name, scopes: input.scopes },
        idempotency(request),
      );
      reply.code(201).header('cache-control', 'no-store');
      return { ...publicApiKey(key), key: secret };
    },
  });
  addRoute(context, {
    method: 'DELETE',
    url: '/v1/api-keys/:key_id',
    summary: 'Revoke a key',
    description: 'It opens nothing from then on.',
    tag: TAG,
    access: 'manage',
    params: PARAMS,
    lookup: (request) => findKey(access, request.environment.env, keyIdOf(request)),
    answers: { 200: { description: 'The revoked key.', schema: apiKeySchema } },
    async handler(request) {
      const key = await access.revokeApiKey(request.environment.env, keyIdOf(request));
      context.streams.closeOf(key.key_id);
      return publicApiKey(key);
    },
  });
}

function keyIdOf(request: FastifyRequest): string {
  return (request.params as { key_id: string }).key_id;
}

/** Keys of one environment are few, and revoking is rare. */
async function findKey(access: AccessService, env: number, key_id: string): Promise<ApiKey> {
  let cursor: string | null = null;
  do {
    const page = await access.listApiKeys(env, { limit: 100, cursor });
    const found = page.data.find((key) => key.key_id === key_id);
    if (found !== undefined) return found;
    cursor = page.next_cursor;
  } while (cursor !== null);
  throw notFound('API key', key_id);
}
