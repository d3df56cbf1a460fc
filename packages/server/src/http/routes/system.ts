/** `/healthz`, `/readyz`, `/metrics`: for whoever runs the process. */

import { createHash, timingSafeEqual } from 'node:crypto';
import { answerSchema, TEXT } from '@postrider/contract/schemas/json-schema';
import { PostriderError } from '../../domain/errors.ts';
import { addRoute, type RouteContext } from '../route.ts';
import type { MetricsPage } from '../services.ts';

const TAG = 'System';

const healthSchema = answerSchema({ status: { const: 'ok' } });
const readinessSchema = answerSchema({
  status: { type: 'string', enum: ['ready', 'not_ready'] },
  reasons: { type: 'array', items: TEXT },
});

export function addSystemRoutes(context: RouteContext, metrics: MetricsPage | null): void {
  const { services, config } = context;
  addRoute(context, {
    method: 'GET',
    url: '/healthz',
    summary: 'Whether the process answers',
    tag: TAG,
    access: 'public',
    answers: { 200: { description: 'It does.', schema: healthSchema } },
    handler: async () => ({ status: 'ok' }),
  });
  addRoute(context, {
    method: 'GET',
    url: '/readyz',
    summary: 'Whether the process can take and deliver mail',
    tag: TAG,
    access: 'public',
    answers: {
      200: { description: 'The store commits and the publisher runs.', schema: readinessSchema },
      503: { description: 'It cannot; `reasons` say why.', schema: readinessSchema },
    },
    async handler(_request, reply) {
      const { ready, reasons } = await services.readiness();
      reply.code(ready ? 200 : 503).header('cache-control', 'no-store');
      return { status: ready ? 'ready' : 'not_ready', reasons };
    },
  });
  if (metrics === null) return;
  addRoute(context, {
    method: 'GET',
    url: '/metrics',
    summary: 'Figures for Prometheus',
    tag: TAG,
    access: 'public',
    answers: { 200: { description: 'Prometheus text format.', contentType: 'text/plain' } },
    async handler(request, reply) {
      if (config.metrics_token !== null && !bears(request.headers.authorization, config.metrics_token))
        throw new PostriderError('unauthorized', 'Send `Authorization: Bearer` with `metrics.token`.');
      return reply.header('content-type', metrics.contentType).send(await metrics.metrics());
    },
  });
}

/** Compares digests, so that neither length nor content shows in the time it takes. */
function bears(header: string | undefined, token: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(header ?? ''), digest(`Bearer ${token}`));
}
