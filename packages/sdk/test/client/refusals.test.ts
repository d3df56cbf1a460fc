/** Servers and networks that misbehave: what is tried again, what is not, and what the caller is told. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { waitFor } from '../../../server/test/kit/wait.ts';
import {
  createClient,
  PostriderApiError,
  PostriderConnectionError,
  type ClientOptions,
  type PostriderClient,
} from '../../src/client/client.ts';
import { cutOff, hangUp, json, MisbehavingServer, problem, silence, text } from './misbehaving-server.ts';

const KEY = 'pr_test_thekeythatnobodymaysee';
const MAIL = { from: 'a@example.com', to: 'b@example.com', subject: 's', text: 't' };
const ACCEPTED = { message_id: 'msg_1', recipients: [] };
const EMPTY = { data: [], next_cursor: null };

let server: MisbehavingServer;
beforeAll(async () => {
  server = await MisbehavingServer.start();
});
afterAll(() => server.close());

function clientOf(options: Partial<ClientOptions> = {}): PostriderClient {
  return createClient({ url: server.url, apiKey: KEY, ...options });
}

async function errorOf(call: Promise<unknown>): Promise<Error & Record<string, unknown>> {
  const error = await call.then(
    () => new Error('it did not fail'),
    (thrown: unknown) => thrown as Error,
  );
  expect(`${error.stack} ${JSON.stringify(error)}`).not.toContain(KEY);
  return error as Error & Record<string, unknown>;
}

describe('what is tried again', () => {
  it('a creating call, with the same key and the same body', async () => {
    server.answers(
      hangUp,
      problem(503, 'overloaded', { 'retry-after': '0' }),
      problem(429, 'too_many_requests'),
      json(202, ACCEPTED),
    );
    expect(await clientOf().messages.send(MAIL)).toEqual(ACCEPTED);
    expect(server.requests).toHaveLength(4);
    expect(new Set(server.requests.map(({ body }) => body)).size).toBe(1);
    const keys = new Set(server.requests.map(({ headers }) => headers['idempotency-key']));
    expect([...keys]).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
  });

  it('another call has another key, and the caller may give one', async () => {
    server.answers(json(202, ACCEPTED));
    const { messages } = clientOf();
    await messages.send(MAIL);
    await messages.send(MAIL);
    await messages.send(MAIL, { idempotency_key: 'order-1' });
    const [first, second, third] = server.requests.map(({ headers }) => headers['idempotency-key']);
    expect(first).not.toBe(second);
    expect(third).toBe('order-1');
    await expect(messages.send(MAIL, { idempotency_key: 'two words' })).rejects.toThrow(/idempotency_key/);
  });

  it('a reading call whose answer was cut off, and one that a gateway could not pass on', async () => {
    server.answers(cutOff, text(502, '<html>Bad gateway</html>'), json(200, EMPTY));
    expect(await clientOf().messages.list()).toEqual(EMPTY);
    expect(server.requests).toHaveLength(3);
  });

  it('waits for as long as the server asks', async () => {
    server.answers(problem(503, 'overloaded', { 'retry-after': '1' }), json(200, EMPTY));
    const begun = performance.now();
    await clientOf().messages.list();
    expect(performance.now() - begun).toBeGreaterThan(990);
  });

  it('a removal: a 404 after a lost answer means that it is done', async () => {
    server.answers(hangUp, problem(404, 'not_found'));
    await clientOf().endpoints.delete('end_1');
    server.answers(problem(404, 'not_found'));
    expect(await errorOf(clientOf().endpoints.delete('end_1'))).toMatchObject({ status: 404 });
    server.answers(problem(429, 'too_many_requests'), problem(404, 'not_found'));
    expect(await errorOf(clientOf().endpoints.delete('end_1'))).toMatchObject({ status: 404 });
  });
});

describe('what is not', () => {
  it('an action whose repetition would be another one, unless it was refused', async () => {
    const { sandbox, endpoints, deliveries } = clientOf();
    for (const act of [
      () => sandbox.advance(60),
      () => endpoints.rotateSecret('end_1'),
      () => endpoints.test('end_1'),
      () => deliveries.bulkRetry({ filter: {}, all: true }),
    ])
      for (const answer of [hangUp, cutOff, problem(503, 'overloaded', { 'retry-after': '0' })]) {
        server.answers(answer);
        await errorOf(act());
        expect(server.requests).toHaveLength(1);
      }
    server.answers(problem(429, 'too_many_requests', { 'retry-after': '0' }), json(200, { steps: 1 }));
    expect(await sandbox.advance(60)).toEqual({ steps: 1 });
  });

  it('what the server refuses for good, and what is no answer of Postrider', async () => {
    for (const answer of [
      problem(401, 'unauthorized'),
      problem(409, 'idempotency_conflict'),
      problem(422, 'validation_failed'),
      problem(500, 'internal'),
      text(200, '<html>Welcome to the hotel</html>'),
      json(200, ['a list']),
      text(302, '', { location: 'https://elsewhere.example/' }),
    ]) {
      server.answers(answer);
      await errorOf(clientOf().messages.send(MAIL));
      expect(server.requests).toHaveLength(1);
    }
  });

  it('more often than it is allowed to, nor after a wait that is too long', async () => {
    server.answers(hangUp);
    await errorOf(clientOf({ retries: 2 }).messages.list());
    expect(server.requests).toHaveLength(3);
    await errorOf(clientOf().messages.list({}, { retries: 0 }));
    expect(server.requests).toHaveLength(4);
    server.answers(problem(503, 'overloaded', { 'retry-after': '86400' }));
    expect(await errorOf(clientOf().messages.list())).toMatchObject({ status: 503, retry_after: 86_400 });
    expect(server.requests).toHaveLength(1);
  });
});

describe('time', () => {
  it('a server that never answers is left after timeout_ms, and so is one that stops in the middle', async () => {
    const drip: Parameters<MisbehavingServer['answers']>[0] = (response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).write('{"data":');
    };
    for (const answer of [silence, drip]) {
      server.answers(answer);
      const error = await errorOf(clientOf({ timeout_ms: 100, retries: 1 }).messages.list());
      expect(error).toBeInstanceOf(PostriderConnectionError);
      expect(error).toMatchObject({ reason: 'timeout', call: 'GET /v1/messages' });
      expect(server.requests).toHaveLength(2);
    }
  });

  it("the caller's signal ends a call, in the middle of a request or of a wait", async () => {
    server.answers(silence);
    const request = AbortSignal.timeout(50);
    expect(await errorOf(clientOf().messages.list({}, { signal: request }))).toBe(request.reason);
    server.answers(problem(503, 'overloaded', { 'retry-after': '30' }));
    const wait = AbortSignal.timeout(50);
    expect(await errorOf(clientOf().messages.list({}, { signal: wait }))).toBe(wait.reason);
    server.answers(json(200, EMPTY));
    const before = AbortSignal.abort(new Error('not even begun'));
    expect(await errorOf(clientOf().messages.list({}, { signal: before }))).toBe(before.reason);
    expect(server.requests).toHaveLength(0);
  });
});

describe('what the caller is told', () => {
  it('names the call, the code, the fields and what to do', async () => {
    const errors = [{ path: '/to', message: 'must be an address' }];
    const body = { type: 't', title: 't', status: 422, code: 'validation_failed', detail: 'No.', errors };
    server.answers(json(422, { ...body, instance: 'req-7' }));
    const error = await errorOf(clientOf().messages.send(MAIL));
    expect(error).toBeInstanceOf(PostriderApiError);
    expect(error).toMatchObject({
      status: 422,
      code: 'validation_failed',
      detail: 'No.',
      errors,
      request_id: 'req-7',
    });
    expect(error.message).toBe(
      'POST /v1/messages answered 422 validation_failed: No. /to: must be an address. Mend the fields named in `errors`.',
    );
  });

  it('says what it got when that is not what Postrider sends', async () => {
    server.answers(text(403, '<h1>Blocked by\nyour company</h1>'));
    const blocked = await errorOf(clientOf().messages.list());
    expect(blocked).toMatchObject({ status: 403, code: null });
    expect(blocked.message).toContain('<h1>Blocked by your company</h1>');
    server.answers(text(200, '<html>'));
    expect((await errorOf(clientOf().messages.list())).message).toContain('Check that `url`');
    server.answers(json(200, { data: 'none' }));
    expect(await errorOf(clientOf().messages.list())).toMatchObject({ reason: 'unexpected_answer' });
    server.answers(text(302, '', { location: 'https://elsewhere.example/' }));
    const moved = await errorOf(clientOf().messages.list());
    expect(moved).toMatchObject({ reason: 'redirected' });
    expect(moved.message).toContain('https://elsewhere.example/');
    const page = { data: [1], next_cursor: 'same' };
    server.answers(json(200, page));
    const circle = clientOf().messages.iterate();
    await circle.next();
    await circle.next();
    expect(await errorOf(circle.next())).toMatchObject({ reason: 'unexpected_answer' });
  });

  it('does not wait for the end of a refusal that has none', async () => {
    server.answers((response) => {
      response.writeHead(400, { 'content-type': 'text/plain' });
      const more = (): void => {
        while (!response.destroyed && response.write('no '.repeat(10_000)));
      };
      response.on('drain', more);
      more();
    });
    const error = await errorOf(clientOf().messages.list());
    expect(error).toMatchObject({ status: 400, code: null });
    expect(error.message.length).toBeLessThan(500);
    await waitFor('end of the connection', async () => (await server.connections()) === 0);
  });

  it('never shows the key, whoever repeats it', async () => {
    const echo = {
      type: 't',
      title: 't',
      status: 400,
      code: 'malformed_request',
      detail: `Bearer ${KEY}`,
      errors: [],
    };
    server.answers(json(400, echo));
    expect((await errorOf(clientOf().messages.list())).message).toContain('Bearer [API key]');
    server.answers(text(200, `you sent ${KEY}`));
    await errorOf(clientOf().messages.list());
    server.answers(text(302, '', { location: `https://elsewhere.example/?key=${KEY}` }));
    await errorOf(clientOf().messages.list());
    const fetch = async (): Promise<Response> => {
      throw new Error(`could not send ${KEY}`, { cause: new Error(`with ${KEY}`) });
    };
    expect((await errorOf(clientOf({ fetch, retries: 0 }).messages.list())).message).toContain(
      'could not send',
    );
    expect(JSON.stringify(clientOf())).not.toContain(KEY);
    expect(() => createClient({ url: server.url, apiKey: `${KEY}\n` })).toThrow(/^apiKey must/);
  });

  it('refuses what cannot be right before anything is sent', async () => {
    const wrong: Partial<ClientOptions>[] = [
      { url: 'mail.example.com' },
      { url: 'ftp://mail.example.com' },
      { url: 'https://a:b@mail.example.com' },
      { url: 'https://mail.example.com/?x' },
      { timeout_ms: 0 },
      { timeout_ms: Number.NaN },
      { retries: -1 },
      { retries: 1.5 },
    ];
    for (const options of wrong) expect(() => clientOf(options)).toThrow(TypeError);
    server.answers(json(200, {}));
    for (const id of ['', '.', '..']) await expect(clientOf().messages.get(id)).rejects.toThrow(TypeError);
    await clientOf().messages.get('../events?x');
    expect(server.requests.map(({ url }) => url)).toEqual(['/v1/messages/..%2Fevents%3Fx']);
  });
});

it('the server may be below a path', async () => {
  for (const end of ['/mail', '/mail/', '/mail/v1', '/mail/v1/']) {
    server.answers(json(200, EMPTY));
    await clientOf({ url: `${server.url}${end}` }).messages.list({ limit: 1 });
    expect(server.requests[0]?.url).toBe('/mail/v1/messages?limit=1');
  }
});
