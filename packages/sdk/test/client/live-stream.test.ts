/** The live stream as an iterator: over dropped connections, cut pieces and restarts, and to its end. */

import type { EventEnvelope } from '@postrider/contract/events';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { emit } from '../../../server/test/kit/replays.ts';
import { started } from '../../../server/test/kit/started.ts';
import { startTestServer } from '../../../server/test/kit/test-server.ts';
import { inTime, waitFor } from '../../../server/test/kit/wait.ts';
import { createClient, PostriderConnectionError, type PostriderClient } from '../../src/client/client.ts';
import { SseParser, type SseBlock } from '../../src/client/sse.ts';
import { events, hangUp, MisbehavingServer, problem, silence, text } from './misbehaving-server.ts';

const parts = started();
let server: MisbehavingServer;
beforeAll(async () => {
  server = await MisbehavingServer.start();
});
afterAll(() => server.close());

function clientOf(timeout_ms = 5_000): PostriderClient {
  return createClient({ url: server.url, apiKey: 'pr_test_x', timeout_ms });
}
function block(id: string): string {
  return `id: ${id}\ndata: {"event_id":"${id}","event_type":"open"}\n\n`;
}
async function take(stream: AsyncIterable<EventEnvelope>, count: number): Promise<string[]> {
  const ids: string[] = [];
  for await (const { event_id } of stream) if (ids.push(event_id) === count) break;
  return ids;
}
const lastIds = (): unknown[] => server.requests.map(({ headers }) => headers['last-event-id']);

describe('with connections that break', () => {
  it('comes back with the last id, that of a heartbeat too, and gives each event once', async () => {
    server.answers(
      events(['retry: 1\n: open\nid: evt_0\n\n'], 'drop'),
      hangUp,
      events([block('evt_1'), block('evt_2'), block('evt_3').slice(0, 20)], 'drop'),
      problem(503, 'shutting_down', { 'retry-after': '0' }),
      events([block('evt_3'), ': keep-alive\nid: evt_9\n\n'], 'end'),
      events([block('evt_10')], 'keep'),
    );
    const ids = await inTime('the stream', take(clientOf().events.stream(), 4));
    expect(ids).toEqual(['evt_1', 'evt_2', 'evt_3', 'evt_10']);
    expect(lastIds()).toEqual([undefined, 'evt_0', 'evt_0', 'evt_2', 'evt_2', 'evt_9']);
    await waitFor('end of the connection', async () => (await server.connections()) === 0);
  });

  it('gives up a connection that fell silent', async () => {
    server.answers(events(['retry: 1\n', block('evt_1')], 'keep'), events([block('evt_2')], 'keep'));
    const stream = clientOf().events.stream({}, { silence_ms: 100 });
    expect(await inTime('the stream', take(stream, 2))).toEqual(['evt_1', 'evt_2']);
    expect(lastIds()).toEqual([undefined, 'evt_1']);
  });

  it('begins after the event that is named, and sends the filter each time', async () => {
    server.answers(events(['retry: 1\n\n'], 'end'), events([block('evt_2')], 'keep'));
    const stream = clientOf().events.stream({ event_type: ['open', 'click'] }, { last_event_id: 'evt_1' });
    await take(stream, 1);
    expect(lastIds()).toEqual(['evt_1', 'evt_1']);
    expect(new Set(server.requests.map(({ url }) => url))).toEqual(
      new Set(['/v1/events/stream?event_type=open%2Cclick']),
    );
  });

  it('throws when too many in a row bring nothing, and at once for what does not pass', async () => {
    server.answers(events(['retry: 1\n\n'], 'end'));
    const ended = clientOf().events.stream({}, { retries: 2 }).next();
    await expect(ended).rejects.toThrow(PostriderConnectionError);
    expect(server.requests).toHaveLength(3);
    for (const answer of [
      problem(401, 'unauthorized'),
      problem(410, 'gone'),
      text(200, '<html>', { 'content-type': 'text/html' }),
      events(['data: no json\n\n'], 'keep'),
    ]) {
      server.answers(answer);
      await expect(inTime('the refusal', clientOf().events.stream().next())).rejects.toThrow(/stream/);
      expect(server.requests).toHaveLength(1);
    }
  });
});

describe('to its end', () => {
  it('the signal ends it without an error: waiting, connecting, or between two events', async () => {
    for (const answer of [events([block('evt_1')], 'keep'), silence, problem(503, 'overloaded')]) {
      server.answers(answer);
      const ids: string[] = [];
      const signal = AbortSignal.timeout(80);
      const ending = (async () => {
        for await (const event of clientOf().events.stream({}, { signal })) ids.push(event.event_id);
      })();
      await inTime('the end', ending);
      expect(ids.length).toBeLessThanOrEqual(1);
    }
    const stop = new AbortController();
    server.answers(events([block('evt_1') + block('evt_2')], 'keep'));
    for await (const { event_id } of clientOf().events.stream({}, { signal: stop.signal })) {
      expect(event_id).toBe('evt_1');
      stop.abort();
    }
    await waitFor('end of the connections', async () => (await server.connections()) === 0);
  });
});

describe('with a real server', () => {
  it('gives every event once, in order, over a restart', async () => {
    let real = await startTestServer();
    const { http, keys, dir } = real;
    try {
      const { sandbox } = await real.project();
      await emit(sandbox, 3, 'custom.before');
      const client = createClient({ url: http, apiKey: sandbox.key ?? '' });
      const got: string[] = [];
      const stop = new AbortController();
      const following = (async () => {
        const filter = { event_type: 'custom.*' } as const;
        for await (const event of client.events.stream(filter, { signal: stop.signal }))
          got.push(event.event_id);
      })();
      const wanted: string[] = [];
      // The stream is open once it brings something.
      await waitFor('an event', async () => {
        wanted.push(...(await emit(sandbox, 1)));
        return got.length > 0;
      });
      wanted.splice(0, wanted.indexOf(got[0] ?? ''));
      wanted.push(...(await emit(sandbox, 40)));
      await waitFor('all so far', () => got.length === wanted.length);
      await real.stop(true);
      real = await startTestServer({ http: { port: Number(new URL(http).port) } }, dir);
      wanted.push(...(await emit(sandbox, 40)));
      await waitFor('the rest', () => got.length === wanted.length);
      expect(got).toEqual(wanted);
      stop.abort();
      await inTime('the end', following);
      expect(keys.sandbox).toMatch(/^pr_test_/);
    } finally {
      await real.stop();
    }
  });

  it('a key that is revoked ends it with 401', async () => {
    const { sandbox } = await parts.server.project();
    const { key, key_id } = await sandbox.createKey('reader', ['read']);
    const client = createClient({ url: parts.server.http, apiKey: key });
    await emit(sandbox, 1);
    const [first] = await sandbox.events();
    const stream = client.events.stream({}, { last_event_id: first?.event_id });
    const next = stream.next();
    await emit(sandbox, 1);
    await next;
    const refused = expect(stream.next()).rejects.toMatchObject({ status: 401 });
    await sandbox.ok('DELETE', `/v1/api-keys/${key_id}`);
    await inTime('the refusal', refused);
  });
});

describe('the parser', () => {
  const STREAM =
    ': hello\r\nretry: 20\r\n\r\nid: 1\r\ndata: a\r\ndata: b\n\ndata:c\rid\r\rid: x\0y\ndata:\n\nevent: e\nodd\n\ndata: open';
  const BLOCKS: SseBlock[] = [
    { data: null, id: null, retry: 20 },
    { data: 'a\nb', id: '1', retry: null },
    { data: 'c', id: '', retry: null },
    { data: '', id: null, retry: null },
  ];

  it('reads the same wherever the text is cut', () => {
    for (let cut = 0; cut <= STREAM.length; cut++) {
      const parser = new SseParser();
      expect([...parser.push(STREAM.slice(0, cut)), ...parser.push(STREAM.slice(cut))]).toEqual(BLOCKS);
    }
    const parser = new SseParser();
    expect(STREAM.split('').flatMap((character) => [...parser.push(character)])).toEqual(BLOCKS);
  });

  it('does not keep what has no end, in one line or in many', () => {
    for (const piece of ['x'.repeat(100), `data: ${'x'.repeat(100)}\n`]) {
      const parser = new SseParser(1_000);
      const pushed = (): number => {
        let n = 0;
        for (; n < 100; n++) Array.from(parser.push(piece));
        return n;
      };
      expect(pushed).toThrow(/longer than 1000 characters/);
    }
    const whole = new SseParser(1_000);
    for (let n = 0; n < 100; n++) expect([...whole.push(`data: ${'x'.repeat(100)}\n\n`)]).toHaveLength(1);
  });
});
