/**
 * Answers to what is not HTTP at all, or comes too slowly, or with too many headers: the parser gives up before
 * there is a request, so the answer is written to the socket by hand.
 */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { PostriderError } from '../domain/errors.ts';
import { problemOf, PROBLEM_TYPE } from './problem.ts';

/** Node's own default handler decides by this member too: the answer that the socket is busy with. */
function answerUnderWay(socket: Socket): (ServerResponse & { req: IncomingMessage }) | null {
  return (
    (Reflect.get(socket, '_httpMessage') as (ServerResponse & { req: IncomingMessage }) | null | undefined) ??
    null
  );
}

export function refuseBrokenRequest(error: Error & { code?: string }, socket: Socket): void {
  if (!socket.writable || error.code === 'ECONNRESET') {
    socket.destroy();
    return;
  }
  answerInTurn(errorOf(error), socket);
}

/**
 * Rubbish may follow good requests on one connection. Their answers go first: a refusal that overtook one would
 * be taken for it.
 */
function answerInTurn(error: PostriderError, socket: Socket): void {
  const busy = answerUnderWay(socket);
  if (busy === null) {
    socket.end(answerText(error), () => socket.destroy());
    return;
  }
  if (!busy.req.complete) {
    // The broken part is the body of the request being answered.
    if (busy.headersSent) socket.destroy();
    else socket.end(answerText(error), () => socket.destroy());
    return;
  }
  busy.once('finish', () => answerInTurn(error, socket));
  busy.once('close', () => socket.destroySoon());
}

function errorOf(error: { code?: string }): PostriderError {
  switch (error.code) {
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return new PostriderError(
        'request_timeout',
        'The request took longer than `http.headers_timeout_ms` or `http.request_timeout_ms` allows.',
      );
    case 'HPE_HEADER_OVERFLOW':
      return new PostriderError('headers_too_large', 'The headers are larger than `http.header_bytes`.');
    default:
      return new PostriderError('malformed_request', 'The request is not well-formed HTTP/1.1.');
  }
}

function answerText(error: PostriderError): string {
  const problem = problemOf(error);
  const body = JSON.stringify(problem);
  return (
    `HTTP/1.1 ${problem.status} ${problem.title}\r\n` +
    `Content-Type: ${PROBLEM_TYPE}\r\n` +
    `Content-Length: ${Buffer.byteLength(body)}\r\n` +
    `Connection: close\r\n\r\n${body}`
  );
}
