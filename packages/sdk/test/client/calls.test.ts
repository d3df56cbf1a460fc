/** Every resource of the client with a real server. */

import { Buffer } from 'node:buffer';
import type { PushedEnvelope } from '@postrider/contract/events';
import type { MessageBody } from '@postrider/contract/schemas/message';
import { beforeAll, describe, expect, it } from 'vitest';
import { started } from '../../../server/test/kit/started.ts';
import { waitFor } from '../../../server/test/kit/wait.ts';
import { createClient, PostriderApiError, type PostriderClient } from '../../src/client/client.ts';

const parts = started();
let client: PostriderClient;
beforeAll(async () => {
  const admin = createClient({ url: parts.server.http, apiKey: parts.server.keys.admin });
  const { keys, project_id } = await admin.projects.create({ name: 'client' });
  const { data } = await admin.projects.list();
  expect(data.map((project) => project.project_id)).toContain(project_id);
  client = createClient({ url: parts.server.http, apiKey: keys.sandbox });
});

function mail(part: Partial<MessageBody> = {}): MessageBody {
  return {
    from: 'Shop <shop@example.com>',
    to: 'delivered@sandbox.test',
    subject: 'Hello',
    text: 'Hi.',
    ...part,
  };
}
async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = [];
  for await (const item of items) list.push(item);
  return list;
}

describe('messages and events', () => {
  it('sends, reads back, and gives the same answer to the same key', async () => {
    const options = { idempotency_key: 'order-1001' };
    const message = mail({ tags: ['one'], subject: 'Größe' });
    const sent = await client.messages.send(message, options);
    expect(await client.messages.send(message, options)).toEqual(sent);
    await expect(client.messages.send(mail(), options)).rejects.toMatchObject({
      code: 'idempotency_conflict',
    });
    const { message_id } = sent;
    expect(await client.messages.get(message_id)).toMatchObject({ message_id, subject: 'Größe', via: 'api' });
    expect(await client.messages.content(message_id)).toMatchObject({ subject: 'Größe', text: 'Hi.\n' });
    const raw = await client.messages.raw(message_id);
    expect(Buffer.from(raw).toString()).toMatch(/^[A-Za-z-]+: .*\r\n/);
    await waitFor('delivered', async () => (await client.messages.events(message_id)).data.length === 2);
    const [newest] = (await client.messages.events(message_id, { limit: 1 })).data;
    expect(newest).toMatchObject({ event_type: 'delivered', message_id });
    expect(await client.events.get(newest?.event_id ?? '')).toEqual(newest);
    expect((await client.messages.list({ tag: 'one', q: 'gr', status: 'delivered' })).data).toHaveLength(1);
  });

  it('a batch has its answers in order; a scheduled message is cancelled', async () => {
    const { data } = await client.messages.batch([mail(), mail({ to: 'nobody' }), mail()]);
    expect(data.map((one) => ('error' in one ? one.error.code : 'ok'))).toEqual([
      'ok',
      'validation_failed',
      'ok',
    ]);
    const send_at = new Date(Date.now() + 3_600_000).toISOString();
    const { message_id } = await client.messages.send(mail({ send_at }));
    const cancelled = await client.messages.cancel(message_id);
    expect(cancelled).toEqual({ message_id, cancelled: ['delivered@sandbox.test'] });
  });

  it('iterates over pages, newest first, and asks for no more than is taken', async () => {
    const made = Array.from({ length: 25 }, (_, n) => ({ event_type: 'custom.page', data: { n } }) as const);
    const { data } = await client.events.record(made);
    await client.events.record({ event_type: 'custom.other' });
    const found = await all(client.events.iterate({ event_type: ['custom.page'], limit: 10 }));
    expect(found.map((event) => event.event_id)).toEqual(data.map((one) => one.event_id).toReversed());
    let requests = 0;
    const counting = createClient({
      url: parts.server.http,
      apiKey: await anotherKey(),
      fetch: (url, init) => {
        requests++;
        return fetch(url, init);
      },
    });
    for await (const event of counting.events.iterate({ event_type: 'custom.*', limit: 5 }))
      if (event.data['n'] === 20) break;
    expect(requests).toBe(2);
  });

  it('names the field that does not fit', async () => {
    const error = await client.messages.send(mail({ to: 'nobody' })).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(PostriderApiError);
    expect(error).toMatchObject({ status: 422, errors: [{ path: '/to' }], request_id: expect.any(String) });
  });
});

async function anotherKey(): Promise<string> {
  return (await client.apiKeys.create({ name: 'another', scopes: ['read'] })).key;
}

describe('endpoints, deliveries and replays', () => {
  it('are made, changed, tested, asked and removed', async () => {
    const hook = parts.receiver.hook();
    const { endpoints } = client;
    const made = await endpoints.create({ url: hook.url, event_types: ['custom.life'] });
    const { endpoint_id } = made;
    expect(made.secret).toMatch(/^whsec_/);
    expect(await endpoints.get(endpoint_id)).not.toHaveProperty('secret');
    expect(await endpoints.get(endpoint_id, { show_secret: true })).toHaveProperty('secret', made.secret);
    expect(await endpoints.update(endpoint_id, { description: 'mine' })).toMatchObject({
      description: 'mine',
    });
    expect(await endpoints.test(endpoint_id, { event_type: 'bounce' })).toMatchObject({ delivered: true });
    expect((await endpoints.rotateSecret(endpoint_id)).secret).not.toBe(made.secret);
    expect(await endpoints.disable(endpoint_id)).toMatchObject({ status: 'disabled' });
    expect(await endpoints.enable(endpoint_id)).toMatchObject({ status: 'enabled' });
    expect(await endpoints.stats(endpoint_id)).toMatchObject({ pending: 0, breaker: 'closed' });
    expect((await all(endpoints.iterate())).map((one) => one.endpoint_id)).toContain(endpoint_id);
    await endpoints.delete(endpoint_id);
    await expect(endpoints.get(endpoint_id)).rejects.toMatchObject({ status: 404, code: 'not_found' });
  });

  it('dead letters are found, put back, given up and replayed', async () => {
    let status = 500;
    const hook = parts.receiver.hook(() => ({ status }));
    const { deliveries, endpoints, replays } = client;
    const event_types = ['custom.dead'];
    const { endpoint_id } = await endpoints.create({ url: hook.url, event_types, retry_schedule: [] });
    await client.events.record(Array.from({ length: 3 }, () => ({ event_type: 'custom.dead' }) as const));
    const dead = async (): Promise<string[]> =>
      (await all(deliveries.iterate({ status: 'failed', endpoint_id, limit: 2 }))).map(
        (one) => one.delivery_id,
      );
    await waitFor('dead letters', async () => (await dead()).length === 3);
    const [first = '', second = ''] = await dead();
    expect(await deliveries.get(first)).toMatchObject({ status: 'failed', attempts: [{ status: 500 }] });
    expect(await deliveries.discard(first)).toMatchObject({ status: 'discarded' });
    status = 200;
    await deliveries.retry(second);
    await waitFor('delivery', async () => (await deliveries.get(second)).status === 'delivered');
    expect(await deliveries.bulkDiscard({ filter: { endpoint_id } })).toEqual({ matched: 1, more: false });
    expect(await deliveries.bulkRetry({ filter: { endpoint_id } })).toEqual({ matched: 0, more: false });
    const counted = await replays.create({ endpoint_id, dry_run: true });
    expect(counted).toEqual({ replay_id: null, matched: 3, status: 'dry_run' });
    const { replay_id } = await replays.create({ endpoint_id });
    const ended = async (): Promise<boolean> => (await replays.get(replay_id ?? '')).status === 'completed';
    await waitFor('end of the replay', ended);
    expect((await all(replays.iterate())).map((one) => one.replay_id)).toEqual([replay_id]);
    await expect(replays.cancel(replay_id ?? '')).rejects.toMatchObject({ code: 'conflict' });
  });

  it('the feed goes on after a seq', async () => {
    const hook = parts.receiver.hook();
    const { endpoint_id } = await client.endpoints.create({ url: hook.url, event_types: ['custom.feed'] });
    await client.events.record(Array.from({ length: 12 }, () => ({ event_type: 'custom.feed' }) as const));
    const seqs = (events: PushedEnvelope[]): number[] => events.map((event) => event.seq);
    const whole = await all(client.endpoints.iterateFeed(endpoint_id, { limit: 5 }));
    expect(seqs(whole)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    expect(seqs(await all(client.endpoints.iterateFeed(endpoint_id, { after: 10, limit: 1 })))).toEqual([
      11, 12,
    ]);
    expect(await client.endpoints.feed(endpoint_id, { after: 12 })).toMatchObject({ data: [], last_seq: 12 });
  });
});

describe('suppressions, keys and the sandbox', () => {
  it('suppressions go in and out, one by one and as CSV', async () => {
    const { suppressions } = client;
    await suppressions.add({ address: 'ann+x@example.com' });
    await suppressions.add([{ address: 'bob@example.com', reason: 'complaint' }]);
    expect(await suppressions.get('ann+x@example.com')).toMatchObject({ reason: 'manual' });
    expect(await suppressions.importCsv('address,reason\ncid@example.com,bounce\n')).toEqual({ imported: 1 });
    const bounced = await all(suppressions.iterate({ reason: 'bounce', limit: 1 }));
    expect(bounced.map((one) => one.address)).toEqual(['cid@example.com']);
    const csv = (await all(suppressions.exportCsv())).join('');
    const addresses = new Set(csv.split('\n').map((line) => line.split(',')[0]));
    const wanted = ['address', 'ann+x@example.com', 'bob@example.com', 'cid@example.com', ''];
    expect(addresses).toEqual(new Set(wanted));
    await suppressions.delete('ann+x@example.com');
    await expect(suppressions.get('ann+x@example.com')).rejects.toMatchObject({ status: 404 });
    expect(await suppressions.importCsv(csv)).toEqual({ imported: 3 });
    await expect(suppressions.importCsv('nobody\n')).rejects.toMatchObject({ code: 'validation_failed' });
  });

  it('keys are made and revoked, and tell their environment', async () => {
    const { key, key_id } = await client.apiKeys.create({ name: 'reader', scopes: ['read'] });
    const reader = createClient({ url: parts.server.http, apiKey: key });
    expect(await reader.apiKeys.environment()).toMatchObject({
      key_id,
      environment: 'sandbox',
      scopes: ['read'],
    });
    await expect(reader.messages.send(mail())).rejects.toMatchObject({ code: 'insufficient_scope' });
    expect(await client.apiKeys.revoke(key_id)).toMatchObject({ key_id, revoked_at: expect.any(String) });
    await expect(reader.apiKeys.environment()).rejects.toMatchObject({ status: 401 });
    expect((await all(client.apiKeys.iterate({ limit: 1 }))).map((one) => one.key_id)).toContain(key_id);
  });

  it('captured mail is there, and the clock moves', async () => {
    const { message_id } = await client.messages.send(mail({ to: 'slow@sandbox.test' }));
    const before = await client.sandbox.clock();
    const after = await client.sandbox.advance(61);
    expect(Date.parse(after.now) - Date.parse(before.now)).toBeGreaterThanOrEqual(61_000);
    const captured = await all(client.sandbox.iterateMessages({ limit: 2 }));
    expect(captured.find((one) => one.message_id === message_id)).toMatchObject({
      recipients: [{ status: 'delivered' }],
    });
    expect((await client.sandbox.raw(message_id)).byteLength).toBeGreaterThan(50);
  });
});
