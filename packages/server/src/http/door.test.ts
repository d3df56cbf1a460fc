import { once } from 'node:events';
import { connect } from 'node:net';
import { ERRORS, type Problem } from '@postrider/contract/errors';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { PostriderError } from '../domain/errors.ts';
import { ADMIN_KEY, KNOWN, LIVE_KEY, READ_KEY, SANDBOX_KEY } from './test-kit/fake-services.ts';
import { openDoor, talk, type OpenDoor } from './test-kit/open-door.ts';

const HEAD = `Host: x\r\nAuthorization: Bearer ${SANDBOX_KEY}\r\nContent-Type: application/json\r\n`;

function post(path: string, body: string, headers = ''): string {
  return `POST ${path} HTTP/1.1\r\n${HEAD}${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
}

function problemIn(text: string | undefined): Problem {
  return JSON.parse(text ?? '') as Problem;
}

describe('the door', () => {
  let open: OpenDoor;
  beforeAll(async () => {
    open = await openDoor({ access_log: true, metrics_token: 'tell-me' });
  });
  afterAll(() => open.door.close());
  afterEach(() => {
    open.services.calls.length = 0;
    open.services.fail = null;
    open.services.ready = true;
    open.lines.length = 0;
  });

  async function call(
    method: string,
    path: string,
    options: { key?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<{ status: number; headers: Headers; text: string; json: unknown }> {
    const response = await fetch(open.url + path, {
      method,
      headers: {
        ...(options.key === '' ? {} : { authorization: `Bearer ${options.key ?? SANDBOX_KEY}` }),
        ...(options.body === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(options.body === undefined ? {} : { body: JSON.stringify(options.body) }),
    });
    const text = await response.text();
    const isJson = response.headers.get('content-type')?.includes('json') ?? false;
    return {
      status: response.status,
      headers: response.headers,
      text,
      json: isJson && text !== '' ? JSON.parse(text) : null,
    };
  }

  const { message, event, endpoint, delivery, api_key, suppression } = KNOWN;
  const address = encodeURIComponent(suppression);
  const CALLS: [name: string, method: string, path: string, body: unknown, status: number, input: unknown][] =
    [
      ['submit', 'POST', '/v1/messages', { from: 'x' }, 202, { from: 'x' }],
      ['submitBatch', 'POST', '/v1/messages/batch', { messages: [1, 2] }, 202, [1, 2]],
      ['cancel', 'POST', `/v1/messages/${message}/cancel`, undefined, 200, message],
      ['events', 'POST', '/v1/events', { event_type: 'custom.a' }, 202, { event_type: 'custom.a' }],
      ['createEndpoint', 'POST', '/v1/endpoints', { url: 'x' }, 201, { url: 'x' }],
      [
        'patchEndpoint',
        'PATCH',
        `/v1/endpoints/${endpoint}`,
        { url: 'y' },
        200,
        { id: endpoint, body: { url: 'y' } },
      ],
      ['removeEndpoint', 'DELETE', `/v1/endpoints/${endpoint}`, undefined, 204, endpoint],
      [
        'testEndpoint',
        'POST',
        `/v1/endpoints/${endpoint}/test`,
        undefined,
        200,
        { id: endpoint, type: undefined },
      ],
      [
        'rotateSecret',
        'POST',
        `/v1/endpoints/${endpoint}/rotate-secret`,
        {},
        200,
        { id: endpoint, seconds: 86_400 },
      ],
      [
        'rotateSecret',
        'POST',
        `/v1/endpoints/${endpoint}/rotate-secret`,
        { overlap_seconds: 0 },
        200,
        { id: endpoint, seconds: 0 },
      ],
      [
        'enableEndpoint',
        'POST',
        `/v1/endpoints/${endpoint}/enable`,
        { backfill: false },
        200,
        { id: endpoint, backfill: false },
      ],
      [
        'enableEndpoint',
        'POST',
        `/v1/endpoints/${endpoint}/enable`,
        undefined,
        200,
        { id: endpoint, backfill: true },
      ],
      ['disableEndpoint', 'POST', `/v1/endpoints/${endpoint}/disable`, {}, 200, endpoint],
      ['retry', 'POST', `/v1/deliveries/${delivery}/retry`, undefined, 200, delivery],
      ['discard', 'POST', `/v1/deliveries/${delivery}/discard`, undefined, 200, delivery],
      [
        'addSuppressions',
        'POST',
        '/v1/suppressions',
        { address: 'Ann@EXAMPLE.com' },
        201,
        [{ address: 'Ann@example.com', reason: 'manual' }],
      ],
      ['removeSuppression', 'DELETE', `/v1/suppressions/${address}`, undefined, 204, suppression],
      [
        'createApiKey',
        'POST',
        '/v1/api-keys',
        { name: 'k', scopes: ['send'] },
        201,
        { name: 'k', scopes: ['send'] },
      ],
      ['revokeApiKey', 'DELETE', `/v1/api-keys/${api_key}`, undefined, 200, api_key],
      ['advance', 'POST', '/v1/sandbox/clock/advance', { seconds: 60 }, 200, 60],
    ];
  test.each(CALLS)('%s: %s %s', async (name, method, path, body, status, input) => {
    const answer = await call(method, path, { body });
    expect(answer.status).toBe(status);
    expect(open.services.calls).toMatchObject([{ name, env: 2, input }]);
    if (status === 204) expect(answer.text).toBe('');
    else expect(answer.json).toBeTypeOf('object');
  });

  const READS = [
    '/v1/messages?recipient=a@b.example&status=delivered&tag=t&campaign_id=c&after=2026-01-01&before=2026-01-02T00:00:00Z&q=x&limit=1',
    `/v1/messages/${message}`,
    `/v1/messages/${message}/events?limit=100`,
    `/v1/messages/${message}/content`,
    '/v1/events?event_type=delivered,bounce&event_type=custom.a',
    `/v1/events/${event}`,
    '/v1/endpoints',
    `/v1/endpoints/${endpoint}`,
    `/v1/endpoints/${endpoint}/stats`,
    '/v1/deliveries?status=held',
    `/v1/deliveries/${delivery}`,
    '/v1/suppressions?reason=manual',
    `/v1/suppressions/${address}`,
    '/v1/sandbox/messages',
    '/v1/sandbox/clock',
    '/v1/environment',
  ];
  test.each(READS)('GET %s', async (path) => {
    const answer = await call('GET', path, { key: READ_KEY });
    expect(answer.status).toBe(200);
    expect(answer.json).toBeTypeOf('object');
    const head = await call('HEAD', path, { key: READ_KEY });
    expect([head.status, head.text]).toEqual([200, '']);
  });

  test('a project is made with the first key of each environment', async () => {
    const answer = await call('POST', '/v1/projects', {
      key: ADMIN_KEY,
      body: { name: 'Shop' },
      headers: { 'idempotency-key': 'p' },
    });
    expect(answer.status).toBe(201);
    expect(answer.json).toMatchObject({
      project_id: 'prj_a',
      keys: { live: 'pr_test_new', sandbox: 'pr_test_new' },
    });
    expect(open.services.calls.map(({ name, env, idempotency }) => [name, env, idempotency?.key])).toEqual([
      ['createProject', null, 'p'],
      ['createApiKey', 1, 'p#live'],
      ['createApiKey', 2, 'p#sandbox'],
    ]);
    expect((await call('GET', '/v1/projects', { key: ADMIN_KEY })).json).toMatchObject({
      data: [{ name: 'Shop' }],
    });
  });

  test('MIME is a download', async () => {
    const answer = await call('GET', `/v1/messages/${message}/raw`);
    expect(answer.text).toBe('Subject: x\r\n\r\nbody\r\n');
    expect(answer.headers.get('content-type')).toBe('message/rfc822');
    expect(answer.headers.get('content-disposition')).toContain('attachment');
  });

  test.each([
    ['GET', '/docs/static/nothing.js', 404],
    ['GET', '/nothing', 404],
    ['PUT', '/v1/events', 405],
    ['PROPFIND', '/v1/events', 405],
    ['QUERY', '/v1/events', 400],
  ])('%s %s is %i, and no fault of ours', async (method, path, status) => {
    expect((await call(method, path)).status).toBe(status);
    expect(open.lines.filter(({ level }) => level === 'error')).toEqual([]);
  });

  test('a secret is shown to those who manage, and never cached', async () => {
    const shown = await call('GET', `/v1/endpoints/${endpoint}?show_secret=true`);
    expect(shown.json).toMatchObject({ secret: 'whsec_x' });
    expect(shown.headers.get('cache-control')).toBe('no-store');
    const refused = await call('GET', `/v1/endpoints/${endpoint}?show_secret=true`, { key: READ_KEY });
    expect(refused.status).toBe(403);
    const unknown = await call('GET', '/v1/endpoints/end_x?show_secret=true', { key: READ_KEY });
    expect(unknown.status).toBe(403);
  });

  test('suppressions go out and come in as CSV', async () => {
    const out = await call('GET', '/v1/suppressions/export');
    expect(out.headers.get('content-type')).toContain('text/csv');
    expect(out.text).toBe(
      'address,reason,event_id,created_at\r\nknown@example.com,manual,,1970-01-01T00:00:00.000Z\r\n',
    );
    const csv = `${out.text}"Bea@EXAMPLE.com",complaint,,\r\n`;
    const response = await fetch(`${open.url}/v1/suppressions/import`, {
      method: 'POST',
      headers: { 'x-api-key': SANDBOX_KEY, 'content-type': 'text/csv; charset=utf-8' },
      body: csv,
    });
    expect(await response.json()).toEqual({ imported: 2 });
    expect(open.services.calls[0]?.input).toEqual([
      { address: 'known@example.com', reason: 'manual' },
      { address: 'Bea@example.com', reason: 'complaint' },
    ]);
  });

  test('an Idempotency-Key comes with the fingerprint of method, path and body', async () => {
    const headers = { 'idempotency-key': 'once' };
    for (const [path, body] of [
      ['/v1/events', { a: 1 }],
      ['/v1/events', { a: 1 }],
      ['/v1/events', { a: 2 }],
      ['/v1/messages', { a: 1 }],
    ] as const)
      await call('POST', path, { body, headers });
    const seen = open.services.calls.map(({ idempotency }) => idempotency);
    expect(seen.map((one) => one?.key)).toEqual(['once', 'once', 'once', 'once']);
    const [first, again, otherBody, otherPath] = seen.map((one) => one?.fingerprint);
    expect(first).toMatch(/^[0-9a-f]{64}$/);
    expect(again).toBe(first);
    expect(new Set([first, otherBody, otherPath]).size).toBe(3);
    await call('POST', '/v1/events', { body: { a: 1 } });
    expect(open.services.calls.at(-1)?.idempotency).toBeNull();
  });

  test.each(['overloaded', 'storage_unavailable', 'shutting_down'] as const)(
    '%s is 503 with Retry-After',
    async (code) => {
      open.services.fail = new PostriderError(code, 'Later.', { retryAfterSeconds: 7 });
      const answer = await call('POST', '/v1/events', { body: {} });
      expect(answer.status).toBe(503);
      expect(answer.headers.get('retry-after')).toBe('7');
      expect(answer.json).toMatchObject({ code, detail: 'Later.' });
    },
  );

  test('an unexpected error tells the client nothing, and the log everything', async () => {
    open.services.fail = new Error('the password is swordfish');
    const answer = await call('POST', '/v1/events', { body: {} });
    expect(answer.status).toBe(500);
    expect(answer.text).not.toContain('swordfish');
    const { instance } = answer.json as Problem;
    expect(instance).toMatch(/^req_/);
    expect(answer.headers.get('x-request-id')).toBe(instance);
    expect(open.lines.find((line) => line.level === 'error')?.fields).toMatchObject({
      request_id: instance,
      err: open.services.fail,
    });
  });

  test('keys and bodies are in no log line', async () => {
    await call('POST', '/v1/events', { body: { secret_word: 'swordfish' } });
    await call('GET', '/v1/messages?q=swordfish', { key: 'pr_live_swordfish' });
    await expect.poll(() => open.lines.filter((line) => line.message === 'http.request').length).toBe(2);
    const text = JSON.stringify(open.lines);
    expect(text).not.toContain('swordfish');
    expect(text).not.toContain(SANDBOX_KEY);
    expect(open.lines[0]?.fields).toMatchObject({
      method: 'POST',
      path: '/v1/events',
      status: 202,
      key_id: 'key_test',
    });
  });

  test('health, readiness and metrics', async () => {
    expect((await call('GET', '/healthz', { key: '' })).json).toEqual({ status: 'ok' });
    expect((await call('GET', '/readyz', { key: '' })).json).toEqual({ status: 'ready', reasons: [] });
    open.services.ready = false;
    const unready = await call('GET', '/readyz', { key: '' });
    expect(unready.status).toBe(503);
    expect(unready.json).toEqual({ status: 'not_ready', reasons: ['The store cannot commit.'] });
    expect((await call('GET', '/metrics', { key: '' })).status).toBe(401);
    expect((await call('GET', '/metrics', { key: 'tell-me-more' })).status).toBe(401);
    expect((await call('GET', '/metrics', { key: 'tell-me' })).text).toBe('up 1\n');
  });

  test('the error page has an anchor for every code', async () => {
    const page = (await call('GET', '/docs/errors', { key: '' })).text;
    for (const code of Object.keys(ERRORS)) expect(page).toContain(`id="${code}"`);
  });

  test('the documentation is served from here', async () => {
    const page = await call('GET', '/docs/', { key: '' });
    expect(page.status).toBe(200);
    expect(page.text).not.toMatch(/(?:src|href)="https?:/);
    expect((await call('GET', '/docs/static/swagger-ui-bundle.js', { key: '' })).status).toBe(200);
    const settings = await call('GET', '/docs/static/swagger-initializer.js', { key: '' });
    expect(settings.text.replaceAll(' ', '')).toContain('"validatorUrl":null');
  });

  test('the live environment is another one', async () => {
    const answer = await call('GET', '/v1/environment', { key: LIVE_KEY });
    expect(answer.json).toMatchObject({ environment: 'live', scopes: ['send', 'read', 'manage'] });
    for (const path of [
      `/v1/messages/${message}`,
      `/v1/events/${event}`,
      `/v1/endpoints/${endpoint}`,
      `/v1/deliveries/${delivery}`,
    ])
      expect((await call('GET', path, { key: LIVE_KEY })).status).toBe(404);
  });

  describe('on the wire', () => {
    test('100 Continue goes to those who may send, and to nobody else', async () => {
      const expects = 'Expect: 100-continue\r\n';
      const taken = await talk(open.port, post('/v1/events', '{"a":1}', expects), 2);
      expect(taken.map((answer) => answer.status)).toEqual([100, 202]);
      const refused = await talk(
        open.port,
        `POST /v1/events HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 5\r\n${expects}\r\n`,
      );
      expect(refused.map((answer) => answer.status)).toEqual([401]);
      const tooLarge = await talk(
        open.port,
        `POST /v1/events HTTP/1.1\r\n${HEAD}Content-Length: 999999999\r\n${expects}\r\n`,
      );
      expect(tooLarge.map((answer) => answer.status)).toEqual([413]);
      expect(tooLarge[0]?.headers['connection']).toBe('close');
    });

    test('rubbish after good requests is answered after them', async () => {
      const answers = await talk(
        open.port,
        `${post('/v1/events', '{"a":1}')}${post('/v1/events', '{"a":2}')}rubbish\r\n\r\n`,
        3,
      );
      expect(answers.map((answer) => answer.status)).toEqual([202, 202, 400]);
      expect(open.services.calls.map(({ input }) => input)).toEqual([{ a: 1 }, { a: 2 }]);
    });

    test('two requests in one packet get two answers in order', async () => {
      const answers = await talk(
        open.port,
        `${post('/v1/events', '{}')}GET /v1/nothing HTTP/1.1\r\n${HEAD}\r\n`,
        2,
      );
      expect(answers.map((answer) => answer.status)).toEqual([202, 404]);
    });

    test('a client that has closed its half still gets its answer', async () => {
      const whole = await talk(open.port, post('/v1/events', '{"a":1}'), 1, true);
      expect(whole.map((answer) => answer.status)).toEqual([202]);
      const cut = await talk(open.port, post('/v1/events', '{"a":1}').slice(0, -3), 1, true);
      expect(cut.map((answer) => answer.status)).toEqual([400]);
      expect(open.services.calls).toHaveLength(1);
    });

    test('a body in single octets is one body', async () => {
      const text = post('/v1/events', '{"a":"\u00fc"}');
      const bytes = Buffer.from(text, 'utf8');
      const [answer] = await talk(
        open.port,
        [...bytes].map((byte) => Buffer.from([byte])),
      );
      expect(answer?.status).toBe(202);
      expect(open.services.calls[0]?.input).toEqual({ a: '\u00fc' });
    });
  });
});

describe('time and numbers', () => {
  test.each([
    ['a head that never ends', 'GET /healthz HTTP/1.1\r\nHost: x\r\n'],
    ['a body that never ends', `POST /v1/events HTTP/1.1\r\n${HEAD}Content-Length: 10\r\n\r\n{`],
  ])('%s is 408', async (_name, bytes) => {
    const open = await openDoor({ headers_timeout_ms: 100, request_timeout_ms: 200 });
    try {
      const [answer] = await talk(open.port, bytes);
      expect(answer?.status).toBe(408);
      expect(problemIn(answer?.body).code).toBe('request_timeout');
      expect(open.services.calls).toEqual([]);
    } finally {
      await open.door.close();
    }
  });

  test('large bodies wait outside while there is no room for them', async () => {
    const open = await openDoor({ bodies_bytes: 300_000 });
    try {
      const begin = (headers: string): string =>
        `POST /v1/events HTTP/1.1\r\n${HEAD}${headers}Expect: 100-continue\r\n\r\n`;
      const holder = connect(open.port, '127.0.0.1');
      holder.write(begin('Content-Length: 200000\r\n'));
      await once(holder, 'data');
      const [full] = await talk(open.port, begin('Content-Length: 200000\r\n'));
      expect([full?.status, full?.headers['retry-after'], problemIn(full?.body).code]).toEqual([
        503,
        '1',
        'overloaded',
      ]);
      const [unknownLength] = await talk(open.port, begin('Transfer-Encoding: chunked\r\n'));
      expect(unknownLength?.status).toBe(503);
      expect((await talk(open.port, post('/v1/events', '{}')))[0]?.status).toBe(202);
      holder.destroy();
      await expect
        .poll(async () => (await talk(open.port, begin('Content-Length: 200000\r\n')))[0]?.status)
        .toBe(100);
    } finally {
      await open.door.close();
    }
  });

  test('a client that leaves before it may send takes no room', async () => {
    const open = await openDoor({ bodies_bytes: 300_000 });
    try {
      const head = `POST /v1/events HTTP/1.1\r\n${HEAD}Content-Length: 200000\r\nExpect: 100-continue\r\n\r\n`;
      const { access } = open.services;
      const authenticate = access.authenticate.bind(access);
      const asked = Promise.withResolvers<void>();
      const answer = Promise.withResolvers<void>();
      const done = Promise.withResolvers<void>();
      access.authenticate = async (presented) => {
        asked.resolve();
        await answer.promise;
        setImmediate(done.resolve);
        return authenticate(presented);
      };
      const client = connect(open.port, '127.0.0.1');
      client.write(head);
      await asked.promise;
      open.services.access.authenticate = authenticate;
      client.resetAndDestroy();
      await expect.poll(() => open.door.connections()).toBe(0);
      answer.resolve();
      await done.promise;
      expect((await talk(open.port, head))[0]?.status).toBe(100);
    } finally {
      await open.door.close();
    }
  });

  test('connections past the limit are closed, and the others served', async () => {
    const open = await openDoor({ max_connections: 1 });
    try {
      const first = talk(open.port, `GET /v1/events/stream HTTP/1.1\r\n${HEAD}\r\n`);
      await expect.poll(() => open.services.live.length).toBe(1);
      expect(await talk(open.port, 'GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n').catch(() => [])).toEqual([]);
      await open.door.close();
      await first;
    } finally {
      await open.door.close();
    }
  });

  test('a door that closes lets go of idle and streaming clients', async () => {
    const open = await openDoor();
    const stream = await fetch(`${open.url}/v1/events/stream`, { headers: { 'x-api-key': SANDBOX_KEY } });
    await expect.poll(() => open.services.live.length).toBe(1);
    await fetch(`${open.url}/healthz`);
    await open.door.close();
    expect(await stream.text()).toContain(': open');
    expect(open.services.live[0]?.closed).toBe(true);
    await expect(fetch(`${open.url}/healthz`)).rejects.toThrow();
  });
});
