/** The client's calls against the OpenAPI document of a real server, both ways: what is in one and not in the other fails. */

import { describe, expect, it } from 'vitest';
import { operations, type Operation } from '../../../server/test/kit/openapi.ts';
import { started } from '../../../server/test/kit/started.ts';
import { createClient, type PostriderClient } from '../../src/client/client.ts';
import type {
  DeliveryListQuery,
  EndpointQuery,
  EventFilter,
  EventListQuery,
  FeedQuery,
  MessageListQuery,
  PageQuery,
  SuppressionListQuery,
} from '../../src/client/queries.ts';

const parts = started();

/** For whoever runs the process: probes and Prometheus, not applications. */
const OPERATORS = ['GET /healthz', 'GET /metrics', 'GET /readyz'];

const PAGE: Required<PageQuery> = { limit: 2, cursor: 'c' };
const RANGE = { after: '2026-01-01T00:00:00Z', before: '2026-02-01T00:00:00Z' };
const EVENTS: Required<EventFilter> = {
  event_type: ['bounce', 'custom.*'],
  message_id: 'msg_1',
  recipient: 'ann@example.com',
  campaign_id: 'c',
  tag: 't',
  ...RANGE,
};
const EVENT_LIST: Required<EventListQuery> = { ...EVENTS, ...PAGE };
const MESSAGES: Required<MessageListQuery> = {
  recipient: 'ann@example.com',
  status: 'bounce',
  tag: 't',
  campaign_id: 'c',
  q: 'text',
  ...RANGE,
  ...PAGE,
};
const DELIVERIES: Required<DeliveryListQuery> = {
  status: 'failed',
  endpoint_id: 'end_1',
  event_id: 'evt_1',
  message_id: 'msg_1',
  ...RANGE,
  ...PAGE,
};
const SUPPRESSIONS: Required<SuppressionListQuery> = { reason: 'manual', q: 'text', ...PAGE };
const FEED: Required<FeedQuery> = { after: 1, ...PAGE };
const ENDPOINT: Required<EndpointQuery> = { show_secret: true };

type Resource = keyof PostriderClient;
/** Every method of the client, called with all that its query can have. The compiler sees to it that none is missing. */
type Calls = {
  [Name in Resource]: { [Method in keyof PostriderClient[Name]]: (api: PostriderClient[Name]) => unknown };
};
const MAIL = { from: 'a@example.com', to: 'b@example.com', subject: 's', text: 't' };
const CALLS: Calls = {
  messages: {
    send: (api) => api.send(MAIL),
    batch: (api) => api.batch([MAIL]),
    list: (api) => api.list(MESSAGES),
    iterate: (api) => api.iterate(MESSAGES).next(),
    get: (api) => api.get('msg_1'),
    events: (api) => api.events('msg_1', PAGE),
    raw: (api) => api.raw('msg_1'),
    content: (api) => api.content('msg_1'),
    cancel: (api) => api.cancel('msg_1'),
  },
  events: {
    record: (api) => api.record({ event_type: 'custom.a' }),
    list: (api) => api.list(EVENT_LIST),
    iterate: (api) => api.iterate(EVENT_LIST).next(),
    get: (api) => api.get('evt_1'),
    stream: (api) => api.stream(EVENTS, { retries: 0 }).next(),
  },
  endpoints: {
    create: (api) => api.create({ url: 'https://example.com' }),
    list: (api) => api.list(PAGE),
    iterate: (api) => api.iterate(PAGE).next(),
    get: (api) => api.get('end_1', ENDPOINT),
    update: (api) => api.update('end_1', { description: 'd' }),
    delete: (api) => api.delete('end_1'),
    test: (api) => api.test('end_1'),
    rotateSecret: (api) => api.rotateSecret('end_1', { overlap_seconds: 1 }),
    enable: (api) => api.enable('end_1', { backfill: false }),
    disable: (api) => api.disable('end_1'),
    stats: (api) => api.stats('end_1'),
    feed: (api) => api.feed('end_1', FEED),
    iterateFeed: (api) => api.iterateFeed('end_1', FEED).next(),
    checkpoints: (api) => api.checkpoints('end_1', PAGE),
    verifyCheckpoints: (api) => api.verifyCheckpoints('end_1'),
  },
  deliveries: {
    list: (api) => api.list(DELIVERIES),
    iterate: (api) => api.iterate(DELIVERIES).next(),
    get: (api) => api.get('del_1'),
    retry: (api) => api.retry('del_1'),
    discard: (api) => api.discard('del_1'),
    bulkRetry: (api) => api.bulkRetry({ filter: {}, all: true }),
    bulkDiscard: (api) => api.bulkDiscard({ filter: {}, all: true }),
  },
  replays: {
    create: (api) => api.create({ endpoint_id: 'end_1' }),
    list: (api) => api.list(PAGE),
    iterate: (api) => api.iterate(PAGE).next(),
    get: (api) => api.get('rpl_1'),
    cancel: (api) => api.cancel('rpl_1'),
  },
  suppressions: {
    add: (api) => api.add({ address: 'ann@example.com' }),
    list: (api) => api.list(SUPPRESSIONS),
    iterate: (api) => api.iterate(SUPPRESSIONS).next(),
    get: (api) => api.get('ann@example.com'),
    delete: (api) => api.delete('ann@example.com'),
    importCsv: (api) => api.importCsv('ann@example.com\n'),
    exportCsv: (api) => api.exportCsv().next(),
  },
  apiKeys: {
    create: (api) => api.create({ name: 'n', scopes: ['read'] }),
    list: (api) => api.list(PAGE),
    iterate: (api) => api.iterate(PAGE).next(),
    revoke: (api) => api.revoke('key_1'),
    environment: (api) => api.environment(),
  },
  sandbox: {
    messages: (api) => api.messages(PAGE),
    iterateMessages: (api) => api.iterateMessages(PAGE).next(),
    raw: (api) => api.raw('msg_1'),
    clock: (api) => api.clock(),
    advance: (api) => api.advance(1),
  },
  projects: { create: (api) => api.create({ name: 'n' }), list: (api) => api.list() },
};

interface Sent {
  method: string;
  path: string;
  query: string[];
  headers: Headers;
  body: string | undefined;
}

/** The first request of a call. */
async function sentBy(call: (client: PostriderClient) => unknown): Promise<Sent> {
  const sent: Sent[] = [];
  const client = createClient({
    url: 'http://client.test',
    apiKey: 'pr_test_x',
    retries: 0,
    fetch: async (url, init) => {
      const { pathname, searchParams } = new URL(url);
      sent.push({
        method: init.method ?? 'GET',
        path: pathname,
        query: [...searchParams.keys()].sort(),
        headers: new Headers(init.headers),
        body: init.body as string | undefined,
      });
      return new Response('no', { status: 400 });
    },
  });
  await expect(call(client)).rejects.toMatchObject({ status: 400 });
  expect(sent).toHaveLength(1);
  return sent[0] as Sent;
}

function matches(operation: Operation, sent: Sent): boolean {
  const pattern = operation.path.replace(/\{\w+\}/g, '[^/]+');
  return operation.method === sent.method && new RegExp(`^${pattern}$`).test(sent.path);
}

/** A literal path comes before one with parameters: `/suppressions/export` is no address. */
function operationOf(all: readonly Operation[], sent: Sent): Operation | undefined {
  const found = all.filter((operation) => matches(operation, sent));
  return found.find(({ path }) => !path.includes('{')) ?? found[0];
}

/** Whether the document says that the call takes an Idempotency-Key. */
async function takesKey(method: string, path: string): Promise<boolean> {
  type Described = Record<string, Record<string, { 'x-idempotent'?: boolean }>>;
  const { paths } = await parts.server.admin.get<{ paths: Described }>('/openapi.json');
  return paths[path]?.[method.toLowerCase()]?.['x-idempotent'] === true;
}

const names = (Object.keys(CALLS) as Resource[]).flatMap((resource) =>
  Object.keys(CALLS[resource]).map((method) => [resource, method] as const),
);
function perform(client: PostriderClient, resource: Resource, method: string): unknown {
  const calls = CALLS[resource] as unknown as Record<string, (api: unknown) => unknown>;
  return calls[method]?.(client[resource]);
}

describe('the client and the routes', () => {
  it('calls every method that the client has', () => {
    const client = createClient({ url: 'http://client.test', apiKey: 'pr_test_x' });
    const methods = Object.entries(client).flatMap(([resource, object]) =>
      Object.getOwnPropertyNames(Object.getPrototypeOf(object))
        .filter((name) => name !== 'constructor')
        .map((name) => `${resource}.${name}`),
    );
    expect(names.map((name) => name.join('.')).sort()).toEqual(methods.sort());
  });

  it('has a method for every route, and a route for every method', async () => {
    const all = await operations(parts.server.admin);
    const called = new Set<string>();
    for (const [resource, method] of names) {
      const sent = await sentBy((client) => perform(client, resource, method));
      const operation = operationOf(all, sent);
      expect(operation, `${resource}.${method} calls ${sent.method} ${sent.path}`).toBeDefined();
      if (operation !== undefined) called.add(`${operation.method} ${operation.path}`);
    }
    const routes = all.map(({ method, path }) => `${method} ${path}`);
    expect([...called].sort()).toEqual(routes.filter((route) => !OPERATORS.includes(route)).sort());
    expect(routes).toEqual(expect.arrayContaining(OPERATORS));
  });

  it.each(names)(
    '%s.%s sends the parameters, the body and the key that the route takes',
    async (resource, method) => {
      const all = await operations(parts.server.admin);
      const sent = await sentBy((client) => perform(client, resource, method));
      const operation = operationOf(all, sent);
      if (/^(iterate|verify)/.test(method))
        expect(operation?.query).toEqual(expect.arrayContaining(sent.query));
      else expect(sent.query).toEqual(operation?.query.sort());
      expect(sent.headers.has('idempotency-key')).toBe(await takesKey(sent.method, operation?.path ?? ''));
      expect(sent.headers.get('authorization')).toBe('Bearer pr_test_x');
      if (sent.body !== undefined)
        expect(sent.headers.get('content-type')).toBe(operation?.body?.contentType);
      expect(sent.body === undefined || operation?.body !== null).toBe(true);
    },
  );
});
