/** The HTTP door: bytes become calls of the stages, and what they answer becomes JSON or a problem. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { randomBytes } from 'node:crypto';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { PostriderError } from '../domain/errors.ts';
import { BodyBudget } from './body-budget.ts';
import { addBodyParsers } from './body.ts';
import { refuseBrokenRequest } from './broken-request.ts';
import type { DoorConfig } from './door-config.ts';
import type { DoorLog } from './door-log.ts';
import type { DoorMetrics } from './door-metrics.ts';
import { addNotFound, errorSender, pathOf, type SendError } from './errors.ts';
import { addDocuments, addOpenApi } from './openapi.ts';
import type { RouteContext } from './route.ts';
import { addApiKeyRoutes } from './routes/api-keys.ts';
import { addBulkDeliveryRoutes } from './routes/bulk-deliveries.ts';
import { addDeliveryRoutes } from './routes/deliveries.ts';
import { addEndpointRoutes } from './routes/endpoints.ts';
import { addEventRoutes } from './routes/events.ts';
import { addFeedRoutes } from './routes/feed.ts';
import { addMessageRoutes } from './routes/messages.ts';
import { addProjectRoutes } from './routes/projects.ts';
import { addReplayRoutes } from './routes/replays.ts';
import { addSandboxRoutes } from './routes/sandbox.ts';
import { addSuppressionRoutes } from './routes/suppressions.ts';
import { addSystemRoutes } from './routes/system.ts';
import type { MetricsPage, Services } from './services.ts';
import { StreamSlots } from './stream-slots.ts';

export interface DoorParts {
  services: Services;
  config: DoorConfig;
  log: DoorLog;
  /** Null = no `/metrics`. */
  metricsPage: MetricsPage | null;
  metrics: DoorMetrics | null;
  /** Why no large body may come in for now; null = it may. */
  pressure?: () => string | null;
  version: string;
}

const SWEEP_MS = 20;

export class HttpDoor {
  readonly #parts: DoorParts;
  #app: FastifyInstance | null = null;
  #closing = false;

  constructor(parts: DoorParts) {
    this.#parts = parts;
  }

  async listen(): Promise<{ url: string; port: number }> {
    const { config } = this.#parts;
    this.#app = await this.#build();
    await this.#app.listen({ host: config.host, port: config.port });
    const { address, port, family } = this.#app.server.address() as AddressInfo;
    const host = family === 'IPv6' ? `[${address}]` : address;
    return { url: `http://${host}:${port}`, port };
  }

  /** Ends live streams, answers what is under way, refuses what comes meanwhile, then closes. */
  async close(): Promise<void> {
    this.#closing = true;
    if (this.#app === null) return;
    const { server } = this.#app;
    // A connection whose last answer went out after the closing began is idle only then.
    const sweep = setInterval(() => server.closeIdleConnections(), SWEEP_MS);
    await this.#app.close().finally(() => clearInterval(sweep));
  }

  /** Connections that are open. */
  connections(): Promise<number> {
    const { promise, resolve, reject } = Promise.withResolvers<number>();
    if (this.#app === null) return Promise.resolve(0);
    this.#app.server.getConnections((error, count) => (error === null ? resolve(count) : reject(error)));
    return promise;
  }

  /** The OpenAPI document. */
  async openApi(): Promise<object> {
    const app = this.#app ?? (await this.#build());
    await app.ready();
    return app.swagger();
  }

  async #build(): Promise<FastifyInstance> {
    const { services, config, log, metrics, metricsPage, pressure, version } = this.#parts;
    const send = errorSender(log);
    const app = fastify(serverOptions(config, send));
    tuneServer(app, config);
    addBodyParsers(app, config);
    // Answers are what the stages made: no schema may drop or change a member on its way out.
    app.setSerializerCompiler(() => (value) => JSON.stringify(value));
    app.setErrorHandler((error, request, reply) => send(error, request, reply));
    addNotFound(app, send);
    this.#addHooks(app);
    observe(app, log, config, metrics);
    await addOpenApi(app, version);
    const streams = new StreamSlots(config.max_streams);
    app.addHook('preClose', (done) => {
      streams.closeAll();
      done();
    });
    const budget = new BodyBudget(config.bodies_bytes, pressure);
    addRoutes({ app, services, config, log, budget, streams }, metricsPage);
    addDocuments(app);
    return app;
  }

  #addHooks(app: FastifyInstance): void {
    app.decorateRequest('caller', null as never);
    app.decorateRequest('environment', null as never);
    app.decorateRequest('found', undefined);
    app.decorateRequest('rawBody', null);
    app.decorateRequest('awaitsContinue', {
      getter(this: FastifyRequest) {
        return waiting.has(this.raw);
      },
    } as never);
    app.addHook('onRequest', (request, _reply, done) => {
      if (request.headers.host === undefined && request.raw.httpVersion === '1.1')
        done(new PostriderError('malformed_request', 'A request of HTTP/1.1 needs a Host header.'));
      else if (this.#closing)
        done(new PostriderError('shutting_down', 'The server is stopping.', { retryAfterSeconds: 5 }));
      else done();
    });
    app.addHook('onRoute', (route) => {
      const isOurs = route.config?.access !== undefined;
      if (!isOurs && !route.url.startsWith('/docs'))
        throw new Error(`The route ${route.url} does not say who may call it.`);
    });
  }
}

function addRoutes(context: RouteContext, metricsPage: MetricsPage | null): void {
  addMessageRoutes(context);
  addEventRoutes(context);
  addEndpointRoutes(context);
  addFeedRoutes(context);
  addDeliveryRoutes(context);
  addBulkDeliveryRoutes(context);
  addReplayRoutes(context);
  addSuppressionRoutes(context);
  addApiKeyRoutes(context);
  addSandboxRoutes(context);
  addProjectRoutes(context);
  addSystemRoutes(context, metricsPage);
}

function serverOptions(config: DoorConfig, send: SendError) {
  const process = randomBytes(5).toString('hex');
  let count = 0;
  return {
    bodyLimit: config.body_bytes,
    requestTimeout: config.request_timeout_ms,
    keepAliveTimeout: config.keep_alive_ms,
    http: {
      maxHeaderSize: config.header_bytes,
      headersTimeout: config.headers_timeout_ms,
      // How often Node looks for requests that take too long.
      connectionsCheckingInterval: Math.max(50, Math.min(5_000, config.headers_timeout_ms / 4)),
      noDelay: true,
      // Node's own answer to a request without Host is no problem+json; the door gives its own.
      requireHostHeader: false,
    },
    // A suppression's address is up to 254 octets, each up to three characters in a path.
    routerOptions: { maxParamLength: 1_000, caseSensitive: true },
    genReqId: () => `req_${process}${(count++).toString(36).padStart(6, '0')}`,
    clientErrorHandler: refuseBrokenRequest,
    frameworkErrors: (error: Error, request: FastifyRequest, reply: FastifyReply) =>
      send(error, request, reply),
    return503OnClosing: false,
    forceCloseConnections: 'idle' as const,
    logger: false as const,
  };
}

/** Requests whose client waits for `100 Continue`. */
const waiting = new WeakSet<IncomingMessage>();

function tuneServer(app: FastifyInstance, config: DoorConfig): void {
  const { server } = app;
  server.maxConnections = config.max_connections;
  // Without a listener Node says 100 to everybody; the guard says it to those who may send.
  server.on('checkContinue', (request: IncomingMessage, response: ServerResponse) => {
    waiting.add(request);
    server.emit('request', request, response);
  });
  // RFC 9110 section 10.1.1: an expectation that we do not know is left out.
  server.on('checkExpectation', (request: IncomingMessage, response: ServerResponse) => {
    server.emit('request', request, response);
  });
}

function observe(app: FastifyInstance, log: DoorLog, config: DoorConfig, metrics: DoorMetrics | null): void {
  if (metrics === null && !config.access_log) return;
  app.addHook('onResponse', (request, reply, done) => {
    const ms = reply.elapsedTime;
    metrics?.request(request.method, reply.statusCode, ms / 1000);
    if (config.access_log)
      log.debug(
        {
          request_id: request.id,
          method: request.method,
          path: pathOf(request.url),
          status: reply.statusCode,
          ms: Math.round(ms * 10) / 10,
          key_id: (request.caller as { key_id: string } | null)?.key_id,
        },
        'http.request',
      );
    done();
  });
}
