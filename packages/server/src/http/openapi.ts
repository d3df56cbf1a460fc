/** The OpenAPI 3.1 document, made from the routes themselves, and the pages that show it. */

import swagger from '@fastify/swagger';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { ERRORS } from '@postrider/contract/errors';
import { errorsPage } from './errors-page.ts';

const TAGS = [
  { name: 'Messages', description: 'Mail goes in, and can be looked at.' },
  { name: 'Events', description: 'What happened, as a list and as a live stream.' },
  { name: 'Endpoints', description: 'Where events are pushed.' },
  { name: 'Deliveries', description: 'One event due at one endpoint, with its attempts.' },
  { name: 'Replays', description: 'Events sent again to one endpoint.' },
  { name: 'Suppressions', description: 'Addresses that are not mailed.' },
  { name: 'API keys', description: 'Keys of an environment.' },
  { name: 'Sandbox', description: 'Captured mail and the clock of the sandbox.' },
  { name: 'Projects', description: "Tenants; with an administrator's key." },
  { name: 'System', description: 'For whoever runs the process.' },
];

/** To be called before the routes are added. */
export async function addOpenApi(app: FastifyInstance, version: string): Promise<void> {
  app.addSchema(PROBLEM_SCHEMA);
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Postrider',
        version,
        description:
          'Event-driven email operations. Errors are RFC 9457 problem details. `x-scopes` names the scope a call needs, `x-access` who may call it, `x-kinds` what its path parameters name.',
        license: { name: 'MIT', identifier: 'MIT' },
      },
      servers: [{ url: '/' }],
      tags: TAGS,
      components: {
        securitySchemes: {
          bearer: { type: 'http', scheme: 'bearer', description: 'pr_live_…, pr_test_… or pr_admin_…' },
          header: { type: 'apiKey', in: 'header', name: 'X-API-Key' },
        },
      },
      security: [{ bearer: [] }, { header: [] }],
    },
    refResolver: {
      buildLocalReference: (json, _base, _fragment, index) =>
        (json['$id'] as string | undefined) ?? `def-${index}`,
    },
  });
  await app.register(swaggerUi, {
    routePrefix: '/docs',
    // The page asks nobody else: by default it would have the document checked by a public service.
    uiConfig: { deepLinking: true, docExpansion: 'none', validatorUrl: null },
  });
}

/** `/openapi.json` and `/docs/errors`. To be called after the routes are added. */
export function addDocuments(app: FastifyInstance): void {
  const page = errorsPage();
  app.get(
    '/openapi.json',
    { schema: { hide: true }, config: { access: 'public' } },
    async (_request, reply) =>
      reply.header('content-type', 'application/json').send(JSON.stringify(app.swagger())),
  );
  app.get('/docs/errors', { schema: { hide: true }, config: { access: 'public' } }, async (_request, reply) =>
    reply
      .header('content-type', 'text/html; charset=utf-8')
      .header('content-security-policy', "default-src 'none'; style-src 'unsafe-inline'")
      .send(page),
  );
}

const PROBLEM_SCHEMA = {
  $id: 'Problem',
  type: 'object',
  required: ['type', 'title', 'status', 'code', 'detail', 'errors'],
  properties: {
    type: { type: 'string', description: 'Page that explains the code.' },
    title: { type: 'string' },
    status: { type: 'integer' },
    code: { type: 'string', enum: Object.keys(ERRORS) },
    detail: { type: 'string', description: 'What was wrong, and what to do.' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'message'],
        properties: {
          path: {
            type: 'string',
            description: 'JSON Pointer into the body, or `?name` of a query parameter.',
          },
          message: { type: 'string' },
        },
      },
    },
    instance: { type: 'string', description: "The request's id; finds the log line." },
    earliest_seq: {
      type: 'integer',
      minimum: 1,
      description: 'With `gone` of a feed: the first `seq` that is still there.',
    },
  },
};
