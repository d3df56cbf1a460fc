/** Every answer that is not a success: problem+json, with the request's id, and a log line when it is our fault. */

import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { PostriderError } from '../domain/errors.ts';
import type { DoorLog } from './door-log.ts';
import { expectedError, internalError, problemOf, PROBLEM_TYPE } from './problem.ts';

/** Seconds to wait that a 503 or 429 names when the error itself knows none. */
const DEFAULT_RETRY_AFTER_S = 1;

export type SendError = (error: unknown, request: FastifyRequest, reply: FastifyReply) => void;

export function errorSender(log: DoorLog): SendError {
  return (error, request, reply) => {
    const expected = expectedError(error);
    const shown = expected ?? internalError(error);
    if (expected === null)
      log.error(
        { err: error, request_id: request.id, method: request.method, path: pathOf(request.url) },
        'http.error',
      );
    // Overload and stopping show in the metrics; a line for each refusal would only add to the load.
    else if (expected.code === 'storage_unavailable')
      log.warn({ code: expected.code, detail: expected.message, request_id: request.id }, 'http.refused');
    sendProblem(shown, request, reply);
  };
}

function sendProblem(error: PostriderError, request: FastifyRequest, reply: FastifyReply): void {
  if (reply.raw.headersSent) {
    // The head of a success is out already (a download that broke): the client must see a broken answer.
    reply.raw.destroy(error);
    return;
  }
  if (error.status === 401) reply.header('www-authenticate', 'Bearer realm="postrider"');
  if (error.status === 503 || error.status === 429)
    reply.header('retry-after', String(error.retryAfterSeconds ?? DEFAULT_RETRY_AFTER_S));
  // What is left of the body is not read: the connection cannot carry another request.
  if (!request.raw.complete) reply.header('connection', 'close');
  reply
    .code(error.status)
    .header('x-request-id', request.id)
    .header('content-type', PROBLEM_TYPE)
    .send(Buffer.from(JSON.stringify(problemOf(error, request.id))));
}

/** Without the query: it may hold addresses. */
export function pathOf(url: string): string {
  const end = url.indexOf('?');
  return end < 0 ? url : url.slice(0, end);
}

/** 405 with Allow where the path is known with other methods, else 404. */
export function addNotFound(app: FastifyInstance, send: SendError): void {
  const known: { pattern: RegExp; methods: Set<string> }[] = [];
  const byUrl = new Map<string, { pattern: RegExp; methods: Set<string> }>();
  app.addHook('onRoute', (route) => {
    let entry = byUrl.get(route.url);
    if (entry === undefined) {
      entry = { pattern: patternOf(route.url), methods: new Set() };
      byUrl.set(route.url, entry);
      known.push(entry);
    }
    for (const method of [route.method].flat()) entry.methods.add(method);
  });
  app.setNotFoundHandler((request, reply) => {
    const path = pathOf(request.url);
    const methods = new Set(
      known.filter((entry) => entry.pattern.test(path)).flatMap((entry) => [...entry.methods]),
    );
    // Known with this very method: what is missing is the file that a wildcard names.
    if (methods.size === 0 || methods.has(request.method)) {
      send(
        new PostriderError('not_found', 'There is no such path; the calls are listed at /docs.'),
        request,
        reply,
      );
      return;
    }
    const allow = [...methods].sort().join(', ');
    reply.header('allow', allow);
    send(new PostriderError('method_not_allowed', `This path takes ${allow}.`), request, reply);
  });
}

function patternOf(url: string): RegExp {
  const source = url
    .split('/')
    .map((part) =>
      part.startsWith(':') ? '[^/]+' : part === '*' ? '.*' : part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
    )
    .join('/');
  return new RegExp(`^${source}$`);
}
