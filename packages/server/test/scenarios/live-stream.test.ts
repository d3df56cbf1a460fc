/** The live stream: what happens, as it happens; and a reader who comes back with `Last-Event-ID` misses nothing. */

import type { EventsAccepted } from '@postrider/contract/schemas/event';
import { expect, it } from 'vitest';
import type { Api } from '../kit/api.ts';
import { started } from '../kit/started.ts';
import { ALL_THERE, tally } from '../kit/tally.ts';
import { inTime, waitFor } from '../kit/wait.ts';

const kit = started({ http: { stream_heartbeat_ms: 100 } });

interface Stream {
  ids: string[];
  types: string[];
  comments: string[];
  /** The last `id:` line, as a browser keeps it. */
  lastId: string | null;
  close(): void;
  ended: Promise<void>;
}

async function follow(api: Api, query = '', lastEventId: string | null = null): Promise<Stream> {
  const ending = new AbortController();
  const response = await fetch(new URL(`/v1/events/stream${query}`, api.base), {
    headers: {
      authorization: `Bearer ${api.key}`,
      ...(lastEventId === null ? {} : { 'last-event-id': lastEventId }),
    },
    signal: ending.signal,
  });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/event-stream/);
  const stream: Stream = {
    ids: [],
    types: [],
    comments: [],
    lastId: lastEventId,
    close: () => ending.abort(),
    ended: Promise.resolve(),
  };
  stream.ended = read(response, stream).catch((error: unknown) => {
    if (!ending.signal.aborted) throw error;
  });
  await waitFor('the stream to open', () => stream.comments.includes('open'));
  return stream;
}

async function read(response: Response, stream: Stream): Promise<void> {
  const decoder = new TextDecoder();
  let text = '';
  for await (const chunk of response.body as ReadableStream<Uint8Array>) {
    text += decoder.decode(chunk, { stream: true });
    const blocks = text.split('\n\n');
    text = blocks.pop() ?? '';
    for (const block of blocks) take(block, stream);
  }
}

function take(block: string, stream: Stream): void {
  const lines = block.split('\n').map((line) => /^([a-z]*): ?(.*)$/.exec(line) ?? []);
  for (const [, field, value = ''] of lines) {
    if (field === '') stream.comments.push(value);
    if (field === 'id') stream.lastId = value;
    if (field !== 'data') continue;
    const event = JSON.parse(value) as { event_id: string; event_type: string };
    expect(event.event_id).toBe(stream.lastId);
    stream.ids.push(event.event_id);
    stream.types.push(event.event_type);
  }
}

async function pour(api: Api, batches: number): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < batches; n++) {
    const events = Array.from({ length: 25 }, (_, k) => ({
      event_type: `custom.${k % 2 === 0 ? 'even' : 'odd'}`,
    }));
    const { data } = await api.post<EventsAccepted>('/v1/events', { events });
    ids.push(...data.map((one) => one.event_id));
  }
  return ids;
}

it('a reader that breaks off again and again while events pour in gets every event once, in order', async () => {
  const { sandbox } = await kit.server.project();
  const steady = await follow(sandbox);
  const got: string[] = [];
  let lastId: string | null = null;
  const first = await follow(sandbox);
  const pouring = Promise.all([pour(sandbox, 20), pour(sandbox, 20), pour(sandbox, 20)]);
  let poured = false;
  void pouring.then(() => (poured = true));
  let stream = first;
  for (let times = 0; times < 12; times++) {
    // A fast server is done before the twelfth time: then there is nothing more to break off from.
    await waitFor('some events', () => stream.ids.length >= 40 || poured);
    stream.close();
    await stream.ended;
    got.push(...stream.ids);
    ({ lastId } = stream);
    stream = await follow(sandbox, '', lastId);
  }
  const sent = (await pouring).flat();
  await waitFor('the rest', () => got.length + stream.ids.length >= sent.length);
  got.push(...stream.ids);
  stream.close();

  expect(tally(sent, got)).toEqual(ALL_THERE);
  const log = (await sandbox.events()).map((event) => event.event_id);
  expect(got).toEqual(log);
  await waitFor('the steady reader', () => steady.ids.length >= sent.length);
  expect(steady.ids).toEqual(log);
  steady.close();
}, 60_000);

it('without Last-Event-ID it starts now', async () => {
  const { sandbox } = await kit.server.project();
  await pour(sandbox, 1);
  const stream = await follow(sandbox);
  const sent = await pour(sandbox, 1);
  await waitFor('the new events', () => stream.ids.length >= sent.length);
  expect(stream.ids).toEqual(sent);
  stream.close();
});

it('filters like the list, and its heartbeats move a reader on whose filter seldom matches', async () => {
  const { sandbox } = await kit.server.project();
  const stream = await follow(sandbox, '?event_type=custom.seldom');
  const sent = await pour(sandbox, 2);
  await waitFor('a heartbeat past them', () => stream.lastId === sent.at(-1));
  expect(stream.ids).toEqual([]);
  await sandbox.post('/v1/events', { event_type: 'custom.seldom' });
  await waitFor('the one event', () => stream.types.length > 0);
  expect(stream.types).toEqual(['custom.seldom']);
  stream.close();
});

it('mail events come too, with the message that they are about', async () => {
  const { sandbox } = await kit.server.project();
  const stream = await follow(sandbox);
  const { message_id } = await sandbox.send({ to: 'click@sandbox.test' });
  await waitFor('the story', () => stream.types.length >= 4);
  expect(stream.types).toEqual(['accepted', 'delivered', 'open', 'click']);
  expect((await sandbox.events(`?message_id=${message_id}`)).map((event) => event.event_id)).toEqual(
    stream.ids,
  );
  stream.close();
});

it('an unknown Last-Event-ID is refused, as nobody knows what came between', async () => {
  const { sandbox } = await kit.server.project();
  for (const [id, status] of [
    [`evt_${'0'.repeat(26)}`, 410],
    ['rubbish', 400],
  ] as const) {
    const answer = await sandbox.call('GET', '/v1/events/stream', { headers: { 'last-event-id': id } });
    expect(answer.status).toBe(status);
  }
});

it('ends when the key that opened it is revoked', async () => {
  const { sandbox } = await kit.server.project();
  const { key, key_id } = await sandbox.createKey('reader', ['read']);
  const reader = Object.create(sandbox, { key: { value: key } }) as Api;
  const stream = await follow(reader);
  await sandbox.ok('DELETE', `/v1/api-keys/${key_id}`);
  await inTime('the end of the stream', stream.ended);
});
