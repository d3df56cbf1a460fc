/** What the guard of a route leaves on the request for its handler. */

import type { Caller, Environment } from '../domain/tenancy.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the guard of every route that needs an environment's key. */
    caller: Caller;
    environment: Environment;
    /** What the route's lookup found before the body was read; undefined without a lookup. */
    found: unknown;
    /** The body as it came; kept only while an Idempotency-Key asks for its fingerprint. */
    rawBody: Buffer | null;
    /** The client waits for `100 Continue` before it sends the body. */
    awaitsContinue: boolean;
  }
  interface FastifyContextConfig {
    /** Every route says who may call it; one that does not stops the start. */
    access?: RouteAccess;
  }
}

/** `any`: a key of an environment, whatever its scopes. `admin`: an administrator's key only. */
export type RouteAccess = 'public' | 'any' | 'send' | 'read' | 'manage' | 'admin';
