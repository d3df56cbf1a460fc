/** Express: `app.all('/webhooks', expressHandler(receiver))`, before any body parser or after `express.raw()`. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { respond } from './node-http.ts';
import type { Receiver } from './receiver.ts';

type ExpressRequest = IncomingMessage & { ip?: string | undefined };

/** The sender's address is `req.ip`, which heeds the application's `trust proxy`. */
export function expressHandler(
  receiver: Pick<Receiver, 'receive' | 'receiveStream'>,
): (request: ExpressRequest, response: ServerResponse, next: (error: unknown) => void) => void {
  return (request, response, next) => {
    respond(receiver, request, response, { ip: (it: ExpressRequest) => it.ip }).catch((error: unknown) =>
      // oxlint-disable-next-line no-callback-in-promise -- it is how Express is told
      next(error),
    );
  };
}
