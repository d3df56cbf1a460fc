/**
 * Tenants and environments never see each other's data, by any identifier through any route. The calls are made from
 * the OpenAPI document, so that a new route is covered without being named.
 */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Api, type Answer, type CallOptions } from '../kit/api.ts';
import { bodiesFor, operations, type Operation } from '../kit/openapi.ts';
import { Receiver } from '../kit/receiver.ts';
import { createTenants, pathsFor, snapshot, type Tenant } from '../kit/tenancy-world.ts';
import { startTestServer } from '../kit/test-server.ts';
import { inTime } from '../kit/wait.ts';

interface Caller {
  name: string;
  api: Api;
  /** Null: the key opens nothing at all. */
  tenant: Tenant | null;
  scopes: string[];
  admin: boolean;
}

const server = await startTestServer();
const receiver = await Receiver.start();
const routes = await operations(server.admin);
const tenants = await createTenants(server, receiver);
const callers = await createCallers();
const aboutOne = routes.filter((route) => Object.keys(route.kinds).length > 0);
const aboutNone = routes.filter(
  (route) => Object.keys(route.kinds).length === 0 && route.access !== 'public',
);

afterAll(async () => {
  await server.stop();
  await receiver.close();
  expect(server.complaints).toEqual([]);
});

async function createCallers(): Promise<Caller[]> {
  const made: Caller[] = [
    { name: 'no key', api: new Api(server.http, null), tenant: null, scopes: [], admin: false },
    {
      name: 'a key nobody made',
      api: new Api(server.http, `pr_test_${'x'.repeat(43)}`),
      tenant: null,
      scopes: [],
      admin: false,
    },
    { name: 'an administrator', api: server.admin, tenant: null, scopes: [], admin: true },
  ];
  for (const tenant of tenants) {
    const all = ['send', 'read', 'manage'];
    made.push({ name: `${tenant.name} with all scopes`, api: tenant.api, tenant, scopes: all, admin: false });
    for (const scope of all) {
      const { key } = await tenant.api.createKey(scope, [scope]);
      made.push({
        name: `${tenant.name} with ${scope}`,
        api: new Api(server.http, key),
        tenant,
        scopes: [scope],
        admin: false,
      });
    }
    const { key, key_id } = await tenant.api.createKey('revoked', all);
    await tenant.api.ok('DELETE', `/v1/api-keys/${key_id}`);
    made.push({
      name: `${tenant.name} with a revoked key`,
      api: new Api(server.http, key),
      tenant: null,
      scopes: [],
      admin: false,
    });
  }
  return made;
}

/** What a call about something foreign must be answered; null when the route may be called and names nothing. */
function refusal(route: Operation, caller: Caller): number | null {
  if (caller.tenant === null && !caller.admin) return 401;
  if (caller.admin !== (route.access === 'admin')) return 403;
  if (!caller.admin && route.access !== 'any' && !caller.scopes.includes(route.access)) return 403;
  if (route.sandboxOnly && caller.tenant?.environment === 'live') return 404;
  return Object.keys(route.kinds).length > 0 ? 404 : null;
}

function strangersTo(caller: Caller): Tenant[] {
  return tenants.filter((tenant) => tenant !== caller.tenant);
}

/** Nothing of `stranger` is in the answer, but what the caller said itself and what they share: their project. */
function expectNoLeak(answer: Answer, stranger: Tenant, tenant: Tenant | null, said: string): void {
  const heard = `${answer.text}\n${JSON.stringify([...answer.headers])}`;
  const known = new Set(tenant?.secrets);
  const leaked = stranger.secrets.filter(
    (secret) => heard.includes(secret) && !said.includes(secret) && !known.has(secret),
  );
  expect(leaked).toEqual([]);
}

function callsOf(route: Operation, stranger: Tenant): CallOptions[] {
  if (route.body === null) return [{}];
  if (route.body.contentType === 'text/csv')
    return [{ raw: 'address\nnew@example.com\n', headers: { 'content-type': 'text/csv' } }];
  return bodiesFor(route.body.schema, (prefix) => stranger.idOf(prefix)).map((json) => ({ json }));
}

async function call(
  route: Operation,
  caller: Caller,
  path: string,
  options: CallOptions,
): Promise<[Answer, string]> {
  const said = `${decodeURIComponent(path)} ${JSON.stringify(options.json ?? '')}`;
  return [await caller.api.call(route.method, path, options), said];
}

function snapshots(): Promise<Record<string, string>[]> {
  return Promise.all(tenants.map((tenant) => snapshot(tenant, routes)));
}

it('the document names routes of every kind, and every tenant has what they name', () => {
  expect(routes.length).toBeGreaterThan(35);
  expect(aboutOne.length).toBeGreaterThan(20);
  for (const route of routes) expect([route.path, route.access]).toEqual([route.path, expect.any(String)]);
  for (const kind of new Set(aboutOne.flatMap((route) => Object.values(route.kinds))))
    expect([kind, tenants.filter((tenant) => (tenant.ids[kind] ?? []).length > 0).length]).toEqual([
      kind,
      kind === 'message' ? 2 : 4,
    ]);
});

describe('routes that name something, called about what is another environment’s', () => {
  let before: Record<string, string>[];
  beforeAll(async () => {
    before = await snapshots();
  });

  it.each(aboutOne)('$method $path', async (route) => {
    for (const caller of callers)
      for (const stranger of strangersTo(caller))
        for (const path of pathsFor(route, stranger))
          for (const options of callsOf(route, stranger)) {
            const [answer, said] = await call(route, caller, path, options);
            expect([caller.name, path, answer.status]).toEqual([caller.name, path, refusal(route, caller)]);
            expectNoLeak(answer, stranger, caller.tenant, said);
          }
  });

  it('changed nothing', async () => {
    expect(await snapshots()).toEqual(before);
  });
});

describe('routes that name nothing', () => {
  let before: Record<string, string>[];
  beforeAll(async () => {
    before = await snapshots();
  });

  it.each(aboutNone)('$method $path refuses whoever may not call it', async (route) => {
    for (const caller of callers) {
      const status = refusal(route, caller);
      if (status === null) continue;
      for (const stranger of strangersTo(caller))
        for (const options of callsOf(route, stranger)) {
          const [answer, said] = await call(route, caller, route.path, options);
          expect([caller.name, answer.status]).toEqual([caller.name, status]);
          expectNoLeak(answer, stranger, caller.tenant, said);
        }
    }
  });

  const lists = aboutNone.filter(
    (route) => route.method === 'GET' && !route.stream && route.access !== 'admin',
  );
  it.each(lists)('$method $path shows nothing foreign, whatever its parameters say', async (route) => {
    for (const caller of callers) {
      if (caller.tenant === null || refusal(route, caller) !== null) continue;
      for (const stranger of strangersTo(caller)) {
        const words = [stranger.marker, ...Object.values(stranger.ids).flatMap((ids) => ids.slice(0, 1))];
        const cursor = await cursorOf(route, stranger);
        const queries = route.query.flatMap((name) =>
          (name === 'cursor' ? cursor : words).map((word) => `?${name}=${encodeURIComponent(word)}`),
        );
        for (const query of ['', ...queries]) {
          const [answer, said] = await call(route, caller, route.path + query, {});
          expect(answer.status).not.toBe(500);
          expectNoLeak(answer, stranger, caller.tenant, said);
        }
      }
    }
  });

  it('changed nothing', async () => {
    expect(await snapshots()).toEqual(before);
  });
});

/** What names `stranger` and not `tenant`. */
function strangersWords(stranger: Tenant, tenant: Tenant): string[] {
  return stranger.secrets.filter((secret) => !tenant.secrets.includes(secret));
}

/** The cursor of the second page of a list, as its owner gets it. */
async function cursorOf(route: Operation, tenant: Tenant): Promise<string[]> {
  if (!route.query.includes('cursor') || refusalOf(route, tenant)) return [];
  const page = await tenant.api.get<{ next_cursor: string | null }>(`${route.path}?limit=1`);
  return page.next_cursor === null ? [] : [page.next_cursor];
}

function refusalOf(route: Operation, tenant: Tenant): boolean {
  return route.sandboxOnly && tenant.environment === 'live';
}

const creating = aboutNone.filter(
  (route) => route.method !== 'GET' && route.access !== 'admin' && route.body !== null,
);
it.each(creating)(
  '$method $path with foreign identifiers in its body touches its own environment only',
  async (route) => {
    for (const tenant of tenants) {
      const others = tenants.filter((other) => other !== tenant);
      const before = await Promise.all(others.map((other) => snapshot(other, routes)));
      for (const stranger of others)
        for (const options of callsOf(route, stranger)) {
          const answer = await tenant.api.call(route.method, route.path, options);
          expect(answer.status).not.toBe(500);
          expectNoLeak(answer, stranger, tenant, JSON.stringify(options.json ?? ''));
          const namesForeign = strangersWords(stranger, tenant).some((secret) =>
            JSON.stringify(options.json ?? '').includes(secret),
          );
          if (namesForeign) expect([404, 422]).toContain(answer.status);
        }
      expect(await Promise.all(others.map((other) => snapshot(other, routes)))).toEqual(before);
    }
  },
);

describe.each(routes.filter((route) => route.stream))('$method $path', (route) => {
  it('resumes after events of its own environment only, and carries nothing else', async () => {
    const [stranger, tenant] = tenants.filter((one) => one.environment === 'sandbox') as [Tenant, Tenant];
    const foreign = await tenant.api.call('GET', route.path, {
      headers: { 'last-event-id': stranger.ids['event']?.[0] ?? '' },
    });
    expect(foreign.status).toBe(410);
    expectNoLeak(foreign, stranger, tenant, stranger.ids['event']?.[0] ?? '');

    const ending = new AbortController();
    const response = await fetch(new URL(`${route.path}?event_type=custom.mine,custom.theirs`, server.http), {
      headers: { authorization: `Bearer ${tenant.api.key}` },
      signal: ending.signal,
    });
    expect(response.status).toBe(200);
    await stranger.api.post('/v1/events', { event_type: 'custom.theirs' });
    await tenant.api.post('/v1/events', { event_type: 'custom.mine' });
    const text = await inTime('the stream', readUntil(response, 'custom.mine'));
    ending.abort();
    expect(text).not.toContain('custom.theirs');
  });
});

async function readUntil(response: Response, word: string): Promise<string> {
  let text = '';
  const decoder = new TextDecoder();
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    if (text.includes(word)) break;
  }
  return text;
}
