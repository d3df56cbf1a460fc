/** `/v1/sandbox`: captured mail, and the environment's own clock. */

import { messageListSchema } from '@postrider/contract/schemas/message';
import {
  clockAdvanceBodySchema,
  clockAdvancedSchema,
  clockSchema,
} from '@postrider/contract/schemas/sandbox';
import type { FastifyRequest } from 'fastify';
import { sendMime } from '../mime-answer.ts';
import { PAGE_PARAMETERS, pageOf } from '../query-string.ts';
import { addRoute, type RouteContext } from '../route.ts';

const PARAMS = { message_id: { kind: 'message', description: 'A captured message (msg_…).' } };
const TAG = 'Sandbox';

function idOf(request: FastifyRequest): string {
  return (request.params as { message_id: string }).message_id;
}

export function addSandboxRoutes(context: RouteContext): void {
  addCapturedMail(context);
  addClock(context);
}

function addCapturedMail(context: RouteContext): void {
  const { query } = context.services;
  addRoute(context, {
    method: 'GET',
    url: '/v1/sandbox/messages',
    summary: 'List captured mail, newest first',
    tag: TAG,
    access: 'read',
    sandboxOnly: true,
    query: PAGE_PARAMETERS,
    answers: {
      200: {
        description: 'A page of messages with the outcome for each recipient.',
        schema: messageListSchema,
      },
    },
    handler: (request, _reply, page) => query.captured(request.environment, pageOf(page)),
  });
  addRoute(context, {
    method: 'GET',
    url: '/v1/sandbox/messages/:message_id/raw',
    summary: 'Download captured mail as MIME',
    tag: TAG,
    access: 'read',
    sandboxOnly: true,
    params: PARAMS,
    lookup: (request) => query.message(request.environment, idOf(request)),
    answers: { 200: { description: 'The message as it was captured.', contentType: 'message/rfc822' } },
    handler: async (request, reply) =>
      sendMime(reply, idOf(request), await query.raw(request.environment, idOf(request))),
  });
}

function addClock(context: RouteContext): void {
  const { clock } = context.services;
  addRoute(context, {
    method: 'GET',
    url: '/v1/sandbox/clock',
    summary: "Show the environment's time",
    tag: TAG,
    access: 'read',
    sandboxOnly: true,
    answers: { 200: { description: "The environment's time.", schema: clockSchema } },
    handler: async ({ environment }) => ({
      now: new Date(clock.now(environment.env)).toISOString(),
      offset_ms: clock.offset(environment.env),
    }),
  });
  addRoute(context, {
    method: 'POST',
    url: '/v1/sandbox/clock/advance',
    summary: "Move the environment's clock forward",
    description:
      'Settles what is in flight, then plays every due moment in order; hours of retries take milliseconds.',
    tag: TAG,
    access: 'manage',
    sandboxOnly: true,
    body: { schema: clockAdvanceBodySchema, kind: 'required', checkedBy: 'door' },
    answers: { 200: { description: "The environment's new time.", schema: clockAdvancedSchema } },
    handler: (request) => clock.advance(request.environment, (request.body as { seconds: number }).seconds),
  });
}
