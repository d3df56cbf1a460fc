/** `/v1/replays`: events sent again to one endpoint. */

import {
  replayAcceptedSchema,
  replayCreateBodySchema,
  replayListSchema,
  replaySchema,
  type ReplayCreateBody,
} from '@postrider/contract/schemas/replay';
import type { FastifyRequest } from 'fastify';
import { canonicalRecipient } from '../canonical-recipient.ts';
import { PAGE_PARAMETERS, pageOf } from '../query-string.ts';
import { addRoute, idempotency, type RouteContext } from '../route.ts';

const PARAMS = { replay_id: { kind: 'replay', description: 'A replay (rpl_…).' } };
const TAG = 'Replays';

function idOf(request: FastifyRequest): string {
  return (request.params as { replay_id: string }).replay_id;
}

export function addReplayRoutes(context: RouteContext): void {
  const { replays } = context.services;
  const lookup = (request: FastifyRequest): Promise<unknown> =>
    replays.get(request.environment, idOf(request));
  addRoute(context, {
    method: 'POST',
    url: '/v1/replays',
    summary: 'Send events again to an endpoint',
    description:
      'Replayed events keep their ids, and those that the endpoint had before keep their `seq`; each request carries `postrider-replay`. What waits in the lane already is left alone. A replay goes on after a restart. With `dry_run` it only counts.',
    tag: TAG,
    access: 'manage',
    body: { schema: replayCreateBodySchema, kind: 'required', checkedBy: 'door' },
    creates: true,
    answers: { 202: { description: 'It is running.', schema: replayAcceptedSchema } },
    async handler(request, reply) {
      const body = request.body as ReplayCreateBody;
      const spelt =
        body.recipient === undefined ? body : { ...body, recipient: canonicalRecipient(body.recipient) };
      const accepted = await replays.create(request.environment, spelt, idempotency(request));
      reply.code(202);
      return accepted;
    },
  });
  addRoute(context, {
    method: 'GET',
    url: '/v1/replays',
    summary: 'List replays, newest first',
    tag: TAG,
    access: 'read',
    query: PAGE_PARAMETERS,
    answers: { 200: { description: 'A page of replays.', schema: replayListSchema } },
    handler: (request, _reply, page) => replays.list(request.environment, pageOf(page)),
  });
  addRoute(context, {
    method: 'GET',
    url: '/v1/replays/:replay_id',
    summary: 'Show how far a replay is',
    tag: TAG,
    access: 'read',
    params: PARAMS,
    lookup,
    answers: { 200: { description: 'The replay.', schema: replaySchema } },
    handler: async (request) => request.found,
  });
  addRoute(context, {
    method: 'POST',
    url: '/v1/replays/:replay_id/cancel',
    summary: 'Cancel a replay',
    description:
      'Nothing more is queued. What is queued and has not arrived goes back to what it was before: delivered, failed or discarded. What the replay has tried in vain becomes a dead letter; what had no delivery before is discarded. A request that is under way may still arrive.',
    tag: TAG,
    access: 'manage',
    params: PARAMS,
    lookup,
    answers: { 200: { description: 'The replay as it is now.', schema: replaySchema } },
    handler: (request) => replays.cancel(request.environment, idOf(request)),
  });
}
