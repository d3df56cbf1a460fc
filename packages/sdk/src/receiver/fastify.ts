/** Fastify: `app.register(fastifyReceiver(receiver, '/webhooks'))`. Only this route's bodies stay unparsed. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { respond } from './node-http.ts';
import type { Receiver } from './receiver.ts';

/** As much of Fastify as is used, so that it is no dependency. */
interface App {
  removeAllContentTypeParsers(): void;
  addContentTypeParser(
    type: string,
    parser: (request: unknown, payload: unknown, done: (error: Error | null, body?: unknown) => void) => void,
  ): unknown;
  all(url: string, handler: (request: FastifyRequest, reply: FastifyReply) => Promise<void>): unknown;
}
interface FastifyRequest {
  raw: IncomingMessage;
  ip: string;
}
interface FastifyReply {
  raw: ServerResponse;
  hijack(): unknown;
}

/** The sender's address is `request.ip`, which heeds the application's `trustProxy`. */
export function fastifyReceiver(
  receiver: Pick<Receiver, 'receive' | 'receiveStream'>,
  url: string,
): (app: App) => Promise<void> {
  return async (app) => {
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => done(null));
    app.all(url, async (request, reply) => {
      reply.hijack();
      try {
        await respond(receiver, request.raw, reply.raw, { ip: () => request.ip });
      } catch (error) {
        // After `hijack` nobody else ends the response.
        reply.raw.destroy();
        throw error;
      }
    });
  };
}
