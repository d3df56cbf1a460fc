/** The lane of an endpoint to pull from, and its checkpoints. */

import { checkpointListSchema, feedPageSchema } from '@postrider/contract/schemas/feed';
import type { FastifyRequest } from 'fastify';
import { invalid } from '../../domain/errors.ts';
import { PAGE_PARAMETERS, positionParameter } from '../query-string.ts';
import { addRoute, type RouteContext } from '../route.ts';

const PARAMS = { endpoint_id: { kind: 'endpoint', description: 'An endpoint (end_…).' } };
const TAG = 'Endpoints';

function idOf(request: FastifyRequest): string {
  return (request.params as { endpoint_id: string }).endpoint_id;
}

export function addFeedRoutes(context: RouteContext): void {
  const { endpoints, feed, checkpoints } = context.services;
  const common = {
    method: 'GET',
    tag: TAG,
    access: 'read',
    params: PARAMS,
    lookup: (request: FastifyRequest): Promise<unknown> => endpoints.get(request.environment, idOf(request)),
  } as const;
  addRoute(context, {
    ...common,
    url: '/v1/endpoints/:endpoint_id/feed',
    summary: "Read an endpoint's events in `seq` order",
    description:
      'Every event that was due at the endpoint, whatever became of its delivery: pending, held, delivered, failed and discarded alike, without gaps. Past retention it answers 410 with `earliest_seq`.',
    query: {
      after: positionParameter('Events with a greater `seq` than this; 0, when absent, for the beginning.'),
      limit: PAGE_PARAMETERS.limit,
      cursor: positionParameter('`next_cursor` of the page before; the same as `after`.'),
    },
    answers: { 200: { description: 'A page of the feed.', schema: feedPageSchema } },
    handler: (request, _reply, { after, cursor, limit }) => {
      if (after !== null && cursor !== null)
        throw invalid([{ path: '?cursor', message: 'says the same as `after`; give one of them' }]);
      return feed.page(request.environment, idOf(request), after ?? cursor ?? 0, limit);
    },
  });
  addRoute(context, {
    ...common,
    url: '/v1/endpoints/:endpoint_id/checkpoints',
    summary: "List the checkpoints of an endpoint's events, oldest first",
    description:
      'A consumer that keeps the ids it got recomputes the digests, and proves that it missed nothing.',
    query: {
      limit: PAGE_PARAMETERS.limit,
      cursor: positionParameter('`next_cursor` of the page before.'),
    },
    answers: { 200: { description: 'A page of checkpoints.', schema: checkpointListSchema } },
    handler: (request, _reply, { cursor, limit }) =>
      checkpoints.list(request.environment, idOf(request), { after: cursor ?? 0, limit }),
  });
}
