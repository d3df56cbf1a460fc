/** `/v1/events`: the log of an environment, its live stream, and an application's own events. */

import {
  eventListSchema,
  eventSchema,
  eventsAcceptedSchema,
  eventsBodySchema,
} from '@postrider/contract/schemas/event';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { PostriderError } from '../../domain/errors.ts';
import { EVENT_PARAMETERS, eventQuery } from '../event-parameters.ts';
import { streamEvents } from '../event-stream.ts';
import { callerOf } from '../guard.ts';
import type { EventQuery } from '../query-service.ts';
import { PAGE_PARAMETERS, pageOf } from '../query-string.ts';
import { addRoute, idempotency, type RouteContext } from '../route.ts';
import type { AccessService } from '../services.ts';

const PARAMS = { event_id: { kind: 'event', description: 'An event (evt_…).' } };
const TAG = 'Events';

export function addEventRoutes(context: RouteContext): void {
  addOwnEvents(context);
  addEventReads(context);
  addLiveStream(context);
}

function addOwnEvents(context: RouteContext): void {
  const { customEvents } = context.services;
  addRoute(context, {
    method: 'POST',
    url: '/v1/events',
    summary: "Record the application's own events",
    description: 'One event, or `{"events": […]}` with up to 1,000. They take the same way as all others.',
    tag: TAG,
    access: 'send',
    body: { schema: eventsBodySchema, kind: 'required', checkedBy: 'stage' },
    creates: true,
    answers: { 202: { description: 'Recorded.', schema: eventsAcceptedSchema } },
    async handler(request, reply) {
      const { event_ids } = await customEvents.record(
        request.environment,
        request.body,
        idempotency(request),
      );
      reply.code(202);
      return { data: event_ids.map(asEventId) };
    },
  });
}

function asEventId(event_id: string): { event_id: string } {
  return { event_id };
}

function addEventReads(context: RouteContext): void {
  const { query } = context.services;
  addRoute(context, {
    method: 'GET',
    url: '/v1/events',
    summary: 'List events, newest first',
    tag: TAG,
    access: 'read',
    query: { ...EVENT_PARAMETERS, ...PAGE_PARAMETERS },
    answers: { 200: { description: 'A page of events.', schema: eventListSchema } },
    handler: (request, _reply, values) =>
      query.events(request.environment, eventQuery(values), pageOf(values)),
  });
  addRoute(context, {
    method: 'GET',
    url: '/v1/events/:event_id',
    summary: 'Show an event',
    tag: TAG,
    access: 'read',
    params: PARAMS,
    lookup: (request) => query.event(request.environment, (request.params as { event_id: string }).event_id),
    answers: { 200: { description: 'The event.', schema: eventSchema } },
    handler: async (request) => request.found,
  });
}

/** Our own ids; anything else in Last-Event-ID never came from this stream. */
const EVENT_ID = /^evt_[0-9a-z]{26}$/;

function addLiveStream(context: RouteContext): void {
  addRoute(context, {
    method: 'GET',
    url: '/v1/events/stream',
    summary: 'Follow events as they happen (server-sent events)',
    description:
      'Starts now, or right after the event named in `Last-Event-ID` with nothing left out. `id:` is the event id, `data:` the event.',
    tag: TAG,
    access: 'read',
    // Here, because 400 comes before the 422 of a parameter.
    lookup: async (request) => lastEventId(request),
    query: EVENT_PARAMETERS,
    head: false,
    answers: { 200: { description: 'An endless stream.', contentType: 'text/event-stream' } },
    handler: (request, reply, values) => follow(context, request, reply, eventQuery(values)),
  });
}

async function follow(
  context: RouteContext,
  request: FastifyRequest,
  reply: FastifyReply,
  filter: EventQuery,
): Promise<FastifyReply> {
  const { config, services, log, streams } = context;
  const slot = streams.take(request.caller.key_id);
  try {
    const reader = await services.query.live(request.environment, filter, request.found as string | null);
    slot.holds(reader);
    reply.hijack();
    const headers = { 'x-request-id': request.id };
    const bounds = { heartbeat_ms: config.stream_heartbeat_ms, stall_ms: config.stream_stall_ms };
    const isWelcome = (): Promise<boolean> => mayStillRead(services.access, request);
    // From here on there is no other answer: a store that cannot be read ends the stream, and the client comes back.
    await streamEvents(reader, reply.raw, headers, bounds, isWelcome).catch((error: unknown) =>
      log.error({ err: error, request_id: request.id }, 'http.stream_broken'),
    );
    return reply;
  } finally {
    slot.free();
  }
}

/** A key may be revoked elsewhere while its stream is open. */
async function mayStillRead(access: AccessService, request: FastifyRequest): Promise<boolean> {
  try {
    await callerOf(access, request);
    return true;
  } catch (error) {
    if (error instanceof PostriderError && error.code === 'unauthorized') return false;
    throw error;
  }
}

function lastEventId(request: FastifyRequest): string | null {
  const header = request.headers['last-event-id'];
  if (header === undefined || header === '') return null;
  if (typeof header === 'string' && EVENT_ID.test(header)) return header;
  throw new PostriderError(
    'malformed_request',
    'Last-Event-ID must be the id of an event of this stream (evt_…).',
  );
}
