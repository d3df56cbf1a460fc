/** Next.js: `export const { POST, GET, PUT, PATCH, DELETE } = nextRoute(receiver)` in `app/webhooks/route.ts`. Portable. */

import type { Receiver } from './receiver.ts';

type Route = (request: Request) => Promise<Response>;

/** `ip` tells the sender's address, for `allowIps`: the header that the platform sets. */
export function nextRoute(
  receiver: Pick<Receiver, 'handle'>,
  { ip }: { ip?: (request: Request) => string | undefined } = {},
): Record<'POST' | 'GET' | 'PUT' | 'PATCH' | 'DELETE', Route> {
  const route: Route = (request) => receiver.handle(request, { ip: ip?.(request) });
  return { POST: route, GET: route, PUT: route, PATCH: route, DELETE: route };
}
