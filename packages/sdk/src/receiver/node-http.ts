/** node:http and whatever builds on it. The body is read here, as it came; no parser may have had it before. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { WebhookResponse } from './accept.ts';
import type { Receiver } from './receiver.ts';
import type { WebhookRequest } from './scheme.ts';

export interface NodeOptions<Req extends IncomingMessage = IncomingMessage> {
  /** The sender's address, for `allowIps`; behind a proxy say where it stands. The socket's without. */
  ip?: (request: Req) => string | undefined;
}

/** What frameworks add to a request. */
type FrameworkRequest = IncomingMessage & { body?: unknown; originalUrl?: string; protocol?: string };

/** `createServer(nodeListener(receiver))`. */
export function nodeListener(
  receiver: Pick<Receiver, 'receive' | 'receiveStream'>,
  options: NodeOptions = {},
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    respond(receiver, request, response, options).catch((error: unknown) => {
      // The sender went away in the middle of its body: there is nobody to answer, and nothing was queued.
      response.destroy(error instanceof Error ? error : new Error(String(error)));
    });
  };
}

/** Rejects when the body cannot be read to its end; what is wrong with a request is an answer, never an error. */
export async function respond<Req extends IncomingMessage>(
  receiver: Pick<Receiver, 'receive' | 'receiveStream'>,
  request: Req,
  response: ServerResponse,
  { ip }: NodeOptions<Req> = {},
): Promise<void> {
  const given = givenBody(request);
  const head = headOf(request, ip === undefined ? request.socket.remoteAddress : ip(request));
  const answer =
    given === null
      ? await receiver.receiveStream(head, chunksOf(request))
      : await receiver.receive({ ...head, rawBody: given });
  // What was not read of the body is not waited for.
  const headers = request.complete ? answer.headers : { ...answer.headers, connection: 'close' };
  send(response, { ...answer, headers });
}

function send(response: ServerResponse, { status, headers, body }: WebhookResponse): void {
  response.writeHead(status, { ...headers, 'content-length': String(new TextEncoder().encode(body).length) });
  response.end(body);
}

/** Bytes that a raw parser has read already; null when the body is still to come. Throws where a parser has had it. */
function givenBody(request: FrameworkRequest): Uint8Array | null {
  if (request.body instanceof Uint8Array) return request.body;
  if (!request.readableDidRead) return null;
  throw new TypeError(
    'The body was parsed before the receiver got it: mount it before any body parser, or after a raw one.',
  );
}

function headOf(request: FrameworkRequest, ip: string | undefined): WebhookRequest {
  const { method = '', rawHeaders } = request;
  const headers: [string, string][] = [];
  for (let at = 0; at + 1 < rawHeaders.length; at += 2)
    headers.push([rawHeaders[at] as string, rawHeaders[at + 1] as string]);
  const scheme = request.protocol ?? ('encrypted' in request.socket ? 'https' : 'http');
  const url = `${scheme}://${request.headers.host ?? ''}${request.originalUrl ?? request.url ?? ''}`;
  return { method, url, headers, rawBody: new Uint8Array(), ip };
}

/** Unlike the request's own iterator it does not destroy the socket at an early end: the answer still goes out. */
function chunksOf(request: IncomingMessage): AsyncIterable<Uint8Array> {
  return request.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
}
