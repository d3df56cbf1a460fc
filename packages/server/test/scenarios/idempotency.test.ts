/** `Idempotency-Key`: the same call again has the first answer and no second effect; another body under the key is a conflict. */

import { describe, expect, it } from 'vitest';
import { mail, type Answer, type Api } from '../kit/api.ts';
import { started } from '../kit/started.ts';

const kit = started();

interface Creating {
  path: string;
  body: () => object;
  other: () => object;
  /** Everything the call could have made, as it is listed. */
  made: (api: Api) => Promise<unknown>;
}

function events(api: Api): Promise<unknown> {
  return api.events();
}

const CALLS: Creating[] = [
  {
    path: '/v1/messages',
    body: () => mail({ to: 'nobody@sandbox.test', send_at: '2027-01-01T00:00:00Z' }),
    other: () => mail({ to: 'somebody@sandbox.test', send_at: '2027-01-01T00:00:00Z' }),
    made: async (api) => [await api.all('/v1/messages'), await events(api)],
  },
  {
    path: '/v1/messages/batch',
    body: () => ({ messages: [mail({}), { subject: 'no sender' }, mail({ to: 'bounce@sandbox.test' })] }),
    other: () => ({ messages: Array.from({ length: 4 }, () => mail({ subject: 'other' })) }),
    made: async (api) => (await api.all<{ message_id: string }>('/v1/messages')).map((one) => one.message_id),
  },
  {
    path: '/v1/events',
    body: () => ({ event_type: 'custom.a', data: { n: 1 } }),
    other: () => ({
      events: Array.from({ length: 250 }, () => ({ event_type: 'custom.a', data: { n: 2 } })),
    }),
    made: events,
  },
  {
    path: '/v1/events',
    body: () => ({
      events: Array.from({ length: 250 }, (_, n) => ({ event_type: 'custom.many', data: { n } })),
    }),
    other: () => ({ events: [{ event_type: 'custom.many', data: { n: 'other' } }] }),
    made: events,
  },
  {
    path: '/v1/endpoints',
    body: () => ({ url: kit.receiver.hook().url.replace(/\d+$/, 'same'), event_types: ['custom.none'] }),
    other: () => ({ url: kit.receiver.hook().url, event_types: ['custom.none'] }),
    made: (api) => api.all('/v1/endpoints'),
  },
  {
    path: '/v1/api-keys',
    body: () => ({ name: 'worker', scopes: ['send'] }),
    other: () => ({ name: 'worker', scopes: ['send', 'read'] }),
    made: (api) => api.all('/v1/api-keys'),
  },
  {
    path: '/v1/suppressions',
    body: () => ({ address: 'ann@example.com' }),
    other: () => ({ address: 'bob@example.com' }),
    made: async (api) => [await api.all('/v1/suppressions'), await events(api)],
  },
];

function post(api: Api, path: string, key: string, json: object): Promise<Answer> {
  return api.call('POST', path, { json, headers: { 'idempotency-key': key } });
}

describe.each(CALLS)('POST $path', ({ path, body, other, made }) => {
  it('has one effect and one answer, and refuses another body under the same key', async () => {
    const { sandbox } = await kit.server.project();
    const json = body();
    const first = await post(sandbox, path, 'order-1', json);
    expect(first.status).toBeGreaterThanOrEqual(200);
    expect(first.status).toBeLessThan(300);
    await sandbox.advance(0);
    const after = await made(sandbox);

    for (let again = 0; again < 3; again++) {
      const repeated = await post(sandbox, path, 'order-1', json);
      expect({ status: repeated.status, body: repeated.body }).toEqual({
        status: first.status,
        body: first.body,
      });
    }
    const conflict = await post(sandbox, path, 'order-1', other());
    expect(conflict.status).toBe(409);
    expect((conflict.body as { code: string }).code).toBe('idempotency_conflict');
    expect(await made(sandbox)).toEqual(after);
  });

  it('has one effect when the same call comes twenty times at once', async () => {
    const { sandbox } = await kit.server.project();
    const json = body();
    const answers = await Promise.all(Array.from({ length: 20 }, () => post(sandbox, path, 'race', json)));
    for (const answer of answers) expect(answer.body).toEqual(answers[0]?.body);
    await sandbox.advance(0);
    const after = await made(sandbox);
    await post(sandbox, path, 'race', json);
    expect(await made(sandbox)).toEqual(after);
  });

  it('keeps keys apart between environments and projects', async () => {
    const [one, two] = [await kit.server.project(), await kit.server.project()];
    const json = body();
    const answers = [
      await post(one.sandbox, path, 'shared', json),
      await post(two.sandbox, path, 'shared', json),
    ];
    expect(answers.map((answer) => answer.status)).toEqual([answers[0]?.status, answers[0]?.status]);
    if (path !== '/v1/suppressions') expect(answers[1]?.text).not.toBe(answers[0]?.text);
    expect(await made(two.sandbox)).not.toEqual([]);
  });
});

it('a key used for one call is a conflict for every other', async () => {
  const { sandbox } = await kit.server.project();
  expect((await post(sandbox, '/v1/messages', 'order-7', mail({}))).status).toBe(202);
  expect((await post(sandbox, '/v1/events', 'order-7', { event_type: 'custom.a' })).status).toBe(409);
  expect((await post(sandbox, '/v1/messages/batch', 'order-7', { messages: [mail({})] })).status).toBe(409);
});

it('POST /v1/projects gives the same project and the same keys again', async () => {
  const call = (name: string): Promise<Answer> =>
    post(kit.server.admin, '/v1/projects', 'project-1', { name });
  const first = await call('Idempotent');
  expect(first.status).toBe(201);
  expect((await call('Idempotent')).body).toEqual(first.body);
  expect((await call('Another')).status).toBe(409);
});

it('a refused call keeps nothing under its key', async () => {
  const { sandbox } = await kit.server.project();
  const refused = await post(sandbox, '/v1/messages', 'order-9', { subject: 'nothing else' });
  expect(refused.status).toBe(422);
  const taken = await post(sandbox, '/v1/messages', 'order-9', mail({}));
  expect(taken.status).toBe(202);
});

it.each(['', ' ', 'a b', 'ä', 'x'.repeat(256)])('%j is no key', async (key) => {
  const { sandbox } = await kit.server.project();
  const answer = await sandbox.call('POST', '/v1/messages', {
    json: mail({}),
    headers: { 'idempotency-key': Buffer.from(key).toString('latin1') },
  });
  expect(answer.status).toBe(400);
  expect(await sandbox.all('/v1/messages')).toEqual([]);
});
