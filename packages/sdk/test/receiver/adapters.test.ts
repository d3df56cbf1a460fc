/** Real sockets: each adapter gets raw bytes, refuses alike, and answers before handlers are done. */

import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import express from 'express';
import fastify from 'fastify';
import { Hono } from 'hono';
import { afterEach, describe, expect, it } from 'vitest';
import { expressHandler } from '../../src/receiver/express.ts';
import { fastifyReceiver } from '../../src/receiver/fastify.ts';
import { honoHandler } from '../../src/receiver/hono.ts';
import { lambdaHandler, type LambdaEventV1, type LambdaEventV2 } from '../../src/receiver/lambda.ts';
import { memoryStore } from '../../src/receiver/memory-store.ts';
import { nextRoute } from '../../src/receiver/next.ts';
import { nodeListener } from '../../src/receiver/node-http.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';
import { event, SECRET, signed, until } from './kit.ts';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).toReversed()) await cleanup();
});

function receiver(): { receiver: Receiver; seen: string[] } {
  const seen: string[] = [];
  const one = createReceiver({
    secrets: [SECRET],
    store: memoryStore(),
    maxBody: 10_000,
    allowIps: ['127.0.0.0/8', '192.0.2.1'],
    handlers: { '*': ({ event: it }) => void seen.push(it.event_id) },
  });
  cleanups.push(() => one.close());
  return { receiver: one, seen };
}

async function listening(listener: RequestListener): Promise<string> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  cleanups.push(() => closed(server));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/webhooks`;
}

function closed(server: Server): Promise<unknown> {
  server.closeAllConnections();
  return new Promise((resolve) => server.close(resolve));
}

const servers: Record<string, (receiver: Receiver) => Promise<string>> = {
  'node:http': (it) => listening(nodeListener(it)),
  express: (it) => listening(express().all('/webhooks', expressHandler(it)).use(express.json())),
  'express.raw': (it) =>
    listening(
      express()
        .use(express.raw({ type: '*/*' }))
        .all('/webhooks', expressHandler(it)),
    ),
  async fastify(it) {
    const app = fastify();
    await app.register(fastifyReceiver(it, '/webhooks'));
    app.post('/json', async (request) => request.body);
    const url = await app.listen({ host: '127.0.0.1', port: 0 });
    cleanups.push(() => app.close());
    // Bodies of other routes are parsed as before.
    const parsed = await fetch(`${url}/json`, {
      method: 'POST',
      body: '{"a":1}',
      headers: { 'content-type': 'application/json' },
    });
    expect(await parsed.json()).toEqual({ a: 1 });
    return `${url}/webhooks`;
  },
};

describe.each(Object.keys(servers))('%s', (name) => {
  it('verifies the bytes as they came, refuses the rest, and queues once', async () => {
    const { receiver: one, seen } = receiver();
    const url = await (servers[name] as (receiver: Receiver) => Promise<string>)(one);
    const it = event();
    // Spaces and escapes that no parser gives back.
    const body = ` ${JSON.stringify(it).replace('ann@', '\\u0061nn@')}\n`;
    const post = (text: string, headers: Record<string, string>): Promise<Response> =>
      fetch(url, { method: 'POST', body: text, headers });
    const first = await post(body, signed(body));
    expect([first.status, await first.json()]).toEqual([200, { received: 1, new: 1 }]);
    expect(await (await post(body, signed(body))).json()).toEqual({ received: 1, new: 0 });
    expect((await post(body.trim(), signed(body))).status).toBe(401);
    const get = await fetch(url);
    expect([get.status, get.headers.get('allow')]).toEqual([405, 'POST']);
    await until(() => seen.length > 0);
    expect(seen).toEqual([it.event_id]);
  });
});

describe('node:http', () => {
  it('answers 413 while the body is still coming, and ends the connection', async () => {
    const url = new URL(await listening(nodeListener(receiver().receiver)));
    const status = await new Promise((resolve, reject) => {
      const request = httpRequest(
        url,
        { method: 'POST', headers: { 'transfer-encoding': 'chunked' } },
        (response) => {
          resolve([response.statusCode, response.headers.connection]);
          request.destroy();
        },
      );
      request.once('error', reject);
      request.write(Buffer.alloc(20_000));
    });
    expect(status).toEqual([413, 'close']);
  });

  it('refuses a signature header that is there twice', async () => {
    const url = new URL(await listening(nodeListener(receiver().receiver)));
    const body = JSON.stringify(event());
    const headers = Object.entries(signed(body)).flatMap(([key, value]) => [`${key}: ${value}`]);
    headers.push(headers.find((line) => line.startsWith('webhook-signature'))!);
    const answer = await new Promise<string>((resolve, reject) => {
      let text = '';
      const socket = connect(Number(url.port), '127.0.0.1', () =>
        socket.write(
          [
            'POST / HTTP/1.1',
            'host: x',
            'connection: close',
            `content-length: ${body.length}`,
            ...headers,
            '',
            body,
          ].join('\r\n'),
        ),
      );
      socket.on('data', (chunk) => (text += chunk.toString()));
      socket.once('close', () => resolve(text));
      socket.once('error', reject);
    });
    expect(answer).toContain(' 401 ');
    expect(answer).toContain('duplicate_header');
  });

  it('goes on when a sender goes away in the middle of its body', async () => {
    const { receiver: one } = receiver();
    const url = new URL(await listening(nodeListener(one)));
    await new Promise((resolve) => {
      const socket = connect(Number(url.port), '127.0.0.1', () => {
        socket.end('POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 100\r\n\r\nhalf');
      });
      socket.once('close', resolve);
      socket.resume();
    });
    const body = JSON.stringify(event());
    expect((await fetch(url, { method: 'POST', body, headers: signed(body) })).status).toBe(200);
  });
});

describe('Express with a parser before the receiver', () => {
  it('says what is wrong, in place of refusing every signature', async () => {
    const app = express().use(express.json()).all('/webhooks', expressHandler(receiver().receiver));
    app.use(
      ((error: Error, _request, response, _next) =>
        void response.status(500).send(error.message)) as express.ErrorRequestHandler,
    );
    const body = JSON.stringify(event());
    const answer = await fetch(await listening(app), { method: 'POST', body, headers: signed(body) });
    expect([answer.status, await answer.text()]).toEqual([
      500,
      expect.stringMatching(/before any body parser/),
    ]);
  });
});

describe('Fetch-style frameworks', () => {
  it('are served by Hono and Next.js route handlers', async () => {
    const { receiver: one } = receiver();
    const app = new Hono().all('/webhooks', honoHandler(one, { ip: () => '192.0.2.1' }));
    const route = nextRoute(one, { ip: (request) => request.headers.get('x-real-ip') ?? undefined });
    const body = JSON.stringify(event());
    const post = { method: 'POST', body, headers: { ...signed(body), 'x-real-ip': '192.0.2.1' } };
    expect((await app.request('/webhooks', post)).status).toBe(200);
    expect(await (await route.POST(new Request('http://127.0.0.1/', post))).json()).toEqual({
      received: 1,
      new: 0,
    });
    expect((await route.GET(new Request('http://127.0.0.1/'))).status).toBe(405);
    expect(
      (await route.POST(new Request('http://127.0.0.1/', { ...post, headers: signed(body) }))).status,
    ).toBe(403);
  });
});

describe('AWS Lambda', () => {
  const body = JSON.stringify(event({ recipient: 'zoë@example.com' }));
  const lambda = (): ReturnType<typeof lambdaHandler> => lambdaHandler(receiver().receiver);
  const v2 = (over: Partial<LambdaEventV2>): LambdaEventV2 => ({
    version: '2.0',
    rawPath: '/webhooks',
    rawQueryString: '',
    headers: signed(body),
    requestContext: { domainName: 'x.example', http: { method: 'POST', sourceIp: '192.0.2.1' } },
    isBase64Encoded: false,
    ...over,
  });
  const v1 = (over: Partial<LambdaEventV1>): LambdaEventV1 => ({
    httpMethod: 'POST',
    path: '/webhooks',
    multiValueHeaders: Object.fromEntries(
      Object.entries(signed(body)).map(([name, value]) => [name, [value]]),
    ),
    requestContext: { identity: { sourceIp: '192.0.2.1' } },
    body,
    isBase64Encoded: false,
    ...over,
  });

  it('is served in both formats, bodies as text or base64', async () => {
    const base64 = { body: Buffer.from(body).toString('base64'), isBase64Encoded: true };
    for (const it of [v2({ body }), v2(base64), v1({}), v1(base64)])
      expect(await lambda()(it)).toMatchObject({ statusCode: 200, body: '{"received":1,"new":1}' });
    const name = 'webhook-id';
    const twice = { ...v1({}).multiValueHeaders, [name]: ['a', 'b'] };
    expect(await lambda()(v1({ multiValueHeaders: twice }))).toMatchObject({ statusCode: 401 });
    expect(await lambda()(v1({ httpMethod: 'GET', body: null }))).toMatchObject({ statusCode: 405 });
    expect(await lambda()(v2({}))).toMatchObject({ statusCode: 401 });
  });
});
