/** `/v1/messages`: mail goes in, and can be looked at. */

import { eventListSchema } from '@postrider/contract/schemas/event';
import {
  messageAcceptedSchema,
  messageBatchAnswerSchema,
  messageBatchBodySchema,
  messageBodySchema,
  messageCancelledSchema,
  messageContentSchema,
  messageListSchema,
  messageSchema,
} from '@postrider/contract/schemas/message';
import { STATUS_ORDER } from '@postrider/contract/state';
import { objectSchema } from '@postrider/contract/schemas/json-schema';
import type { FastifyRequest } from 'fastify';
import { canonicalRecipientOrNull } from '../canonical-recipient.ts';
import { TIME_RANGE } from '../event-parameters.ts';
import { sendMime } from '../mime-answer.ts';
import { choiceParameter, PAGE_PARAMETERS, pageOf, textParameter } from '../query-string.ts';
import { addRoute, idempotency, type RouteContext } from '../route.ts';

const PARAMS = { message_id: { kind: 'message', description: 'A message (msg_…).' } };
const TAG = 'Messages';
const BATCH_ONLY = objectSchema({ messages: { type: 'array' } }, ['messages']);

function messageIdOf(request: FastifyRequest): string {
  return (request.params as { message_id: string }).message_id;
}

export function addMessageRoutes(context: RouteContext): void {
  addSubmission(context);
  addMessageReads(context);
  addMessageParts(context);
}

function addSubmission(context: RouteContext): void {
  const { submissions, query } = context.services;
  addRoute(context, {
    method: 'POST',
    url: '/v1/messages',
    summary: 'Send a message',
    description: 'Answers 202 once the message and its `accepted` or `dropped` events are on disk.',
    tag: TAG,
    access: 'send',
    body: { schema: messageBodySchema, kind: 'required', checkedBy: 'stage' },
    creates: true,
    answers: { 202: { description: 'Accepted.', schema: messageAcceptedSchema } },
    async handler(request, reply) {
      const accepted = await submissions.submit(request.environment, request.body, idempotency(request));
      reply.code(202);
      return { message_id: accepted.message_id, recipients: accepted.recipients };
    },
  });
  addRoute(context, {
    method: 'POST',
    url: '/v1/messages/batch',
    summary: 'Send up to 1,000 messages',
    description: 'Each message is taken or refused on its own; the answers come in order.',
    tag: TAG,
    access: 'send',
    // Each message is checked on its own, by the stage: one bad one is an error in its place.
    body: { schema: messageBatchBodySchema, check: BATCH_ONLY, kind: 'required', checkedBy: 'door' },
    creates: true,
    answers: { 202: { description: 'One answer for each message.', schema: messageBatchAnswerSchema } },
    async handler(request, reply) {
      const { messages } = request.body as { messages: unknown[] };
      const data = await submissions.submitBatch(request.environment, messages, idempotency(request));
      reply.code(202);
      return { data };
    },
  });
  addRoute(context, {
    method: 'POST',
    url: '/v1/messages/:message_id/cancel',
    summary: 'Cancel a scheduled message',
    description: 'Recipients not handed to a transport yet are dropped with the reason `cancelled`.',
    tag: TAG,
    access: 'send',
    params: PARAMS,
    lookup: (request) => query.message(request.environment, messageIdOf(request)),
    answers: {
      200: { description: 'The addresses that will not be mailed.', schema: messageCancelledSchema },
    },
    async handler(request) {
      const { cancelled } = await submissions.cancel(request.environment, messageIdOf(request));
      return { message_id: messageIdOf(request), cancelled };
    },
  });
}

function addMessageReads(context: RouteContext): void {
  const { query } = context.services;
  addRoute(context, {
    method: 'GET',
    url: '/v1/messages',
    summary: 'List messages, newest first',
    tag: TAG,
    access: 'read',
    query: {
      recipient: textParameter('To this recipient.'),
      status: choiceParameter(STATUS_ORDER, 'With a recipient in this state.'),
      tag: textParameter('With this tag.'),
      campaign_id: textParameter('Of this campaign.'),
      ...TIME_RANGE,
      q: textParameter('Text in the subject, the sender or a recipient.'),
      ...PAGE_PARAMETERS,
    },
    answers: { 200: { description: 'A page of messages.', schema: messageListSchema } },
    handler: (request, _reply, { limit, cursor, ...filter }) =>
      query.messages(
        request.environment,
        { ...filter, recipient: canonicalRecipientOrNull(filter.recipient) },
        pageOf({ limit, cursor }),
      ),
  });
  addRoute(context, {
    method: 'GET',
    url: '/v1/messages/:message_id',
    summary: 'Show a message with the state of each recipient',
    tag: TAG,
    access: 'read',
    params: PARAMS,
    lookup: (request) => query.message(request.environment, messageIdOf(request)),
    answers: { 200: { description: 'The message.', schema: messageSchema } },
    handler: async (request) => request.found,
  });
}

function addMessageParts(context: RouteContext): void {
  const { query } = context.services;
  const lookup = (request: FastifyRequest): Promise<unknown> =>
    query.message(request.environment, messageIdOf(request));
  addRoute(context, {
    method: 'GET',
    url: '/v1/messages/:message_id/events',
    summary: "List a message's events, newest first",
    tag: TAG,
    access: 'read',
    params: PARAMS,
    lookup,
    query: PAGE_PARAMETERS,
    answers: { 200: { description: 'A page of events.', schema: eventListSchema } },
    handler: (request, _reply, page) =>
      query.events(request.environment, { ...NO_FILTER, message_id: messageIdOf(request) }, pageOf(page)),
  });
  addRoute(context, {
    method: 'GET',
    url: '/v1/messages/:message_id/raw',
    summary: 'Download the MIME message',
    tag: TAG,
    access: 'read',
    params: PARAMS,
    lookup,
    answers: { 200: { description: 'The message as it is sent.', contentType: 'message/rfc822' } },
    handler: async (request, reply) =>
      sendMime(reply, messageIdOf(request), await query.raw(request.environment, messageIdOf(request))),
  });
  addRoute(context, {
    method: 'GET',
    url: '/v1/messages/:message_id/content',
    summary: 'Show the rendered parts of a message',
    tag: TAG,
    access: 'read',
    params: PARAMS,
    lookup,
    answers: {
      200: { description: 'Headers, bodies, and a list of attachments.', schema: messageContentSchema },
    },
    handler: (request) => query.content(request.environment, messageIdOf(request)),
  });
}

const NO_FILTER = {
  event_type: null,
  recipient: null,
  campaign_id: null,
  tag: null,
  after: null,
  before: null,
};
