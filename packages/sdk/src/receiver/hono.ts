/** Hono: `app.all('/webhooks', honoHandler(receiver))`. Portable. */

import type { Receiver } from './receiver.ts';

interface Context {
  req: { raw: Request };
}

/** `ip` tells the sender's address, for `allowIps`; each of Hono's runtimes has it elsewhere. */
export function honoHandler<C extends Context>(
  receiver: Pick<Receiver, 'handle'>,
  { ip }: { ip?: (context: C) => string | undefined } = {},
): (context: C) => Promise<Response> {
  return async (context) => {
    if (context.req.raw.bodyUsed)
      throw new TypeError('The body was read before the receiver got it: mount it before what reads bodies.');
    return receiver.handle(context.req.raw, { ip: ip?.(context) });
  };
}
