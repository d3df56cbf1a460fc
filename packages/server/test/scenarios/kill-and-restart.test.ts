/** kill -9 in the middle of the load, and a restart on the same folder: what was acknowledged is there, all of it. */

import type { EventEnvelope } from '@postrider/contract/events';
import type { EventsAccepted } from '@postrider/contract/schemas/event';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import type { Api } from '../kit/api.ts';
import { ChildServer, dataFolder } from '../kit/child-server.ts';
import { eventOf, type Hook, Receiver } from '../kit/receiver.ts';
import { mailer, signedIn } from '../kit/smtp.ts';
import { ALL_THERE, tally } from '../kit/tally.ts';
import { waitFor } from '../kit/wait.ts';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await Receiver.start();
});
afterAll(() => receiver.close());

/** What was acknowledged, by both doors. */
interface Taken {
  messages: string[];
  events: string[];
}

/** Sends without end until the server is gone; only what was acknowledged counts. */
async function load(api: Api, smtp: { host: string; port: number }, taken: Taken): Promise<void> {
  const mail = { from: 'shop@example.com', subject: 'Hello', text: 'Hi.' };
  const transport = mailer(smtp, api.key ?? '');
  const senders = [
    async () => void taken.messages.push((await api.send({ to: 'defer@sandbox.test' })).message_id),
    async () => {
      const { data } = await api.post<EventsAccepted>('/v1/events', {
        events: Array.from({ length: 20 }, (_, n) => ({ event_type: 'custom.load', data: { n } })),
      });
      taken.events.push(...data.map((one) => one.event_id));
    },
    async () => {
      const info = (await transport.sendMail({ ...mail, to: 'bounce+x@sandbox.test' })) as {
        response: string;
      };
      taken.messages.push(/msg_\w+/.exec(info.response)?.[0] ?? '');
    },
  ];
  await Promise.all(senders.flatMap((send) => [untilGone(send), untilGone(send)]));
  transport.close();
}

async function untilGone(send: () => Promise<void>): Promise<void> {
  for (;;) {
    try {
      await send();
    } catch (error) {
      // The connection broke: the server was killed. A refusal of a running server would be a fault.
      if ((error as Error).name === 'Refused') throw error;
      return;
    }
  }
}

/** Each test starts several processes. */
vi.setConfig({ testTimeout: 120_000 });

describe('kill -9', () => {
  it('twice under load loses nothing that was acknowledged, and leaves no event without its delivery', async () => {
    const folder = await dataFolder();
    onTestFinished(() => folder.remove());
    // The first attempt of every seventh delivery fails, so that there are retries at any moment.
    const hook = receiver.hook((request) => {
      const fails = eventOf(request).seq % 7 === 0 && request.headers['postrider-attempt'] === '1';
      return { status: fails ? 500 : 200 };
    });
    const taken: Taken = { messages: [], events: [] };
    let server = await ChildServer.start(folder);
    onTestFinished(() => server.kill());
    const keys = server.keys;
    await server.sandbox.createEndpoint({ url: hook.url, event_types: ['*'], retry_schedule: [1, 1, 1, 1] });

    for (const enough of [60, 160]) {
      const loading = load(server.sandbox, server.smtp, taken);
      const from = taken.messages.length;
      await waitFor(
        'some load',
        () => taken.messages.length >= from + enough / 4 && hook.requests.length > enough,
      );
      await server.kill();
      await loading;
      server = await ChildServer.start(folder);
      expect(server.keys).toEqual(keys);
    }

    await expectNothingLost(server.sandbox, hook, taken);
    expect(await server.stop()).toMatchObject({ code: 0 });
  });
});

async function expectNothingLost(api: Api, hook: Hook, taken: Taken): Promise<void> {
  await api.advance(60);
  const log = await api.events();
  const custom = log.filter((event) => event.event_type === 'custom.load').map((event) => event.event_id);
  expect(tally(taken.events, custom).lost).toEqual([]);
  const messages = await api.all<{ message_id: string }>('/v1/messages');
  const stored = messages.map((one) => one.message_id);
  expect(tally(taken.messages, stored).lost).toEqual([]);
  expectStories(log, stored);

  // Every event in the log was pushed, and nothing that is not in the log.
  const all = log.map((event) => event.event_id);
  await waitFor('end of the deliveries', async () => (await api.deliveries('?status=pending')).length === 0);
  const acknowledged = new Set(hook.events.map((event) => event.event_id));
  expect(tally(all, acknowledged)).toEqual(ALL_THERE);
  const seqs = [...new Set(hook.requests.map((request) => eventOf(request).seq))].toSorted((a, b) => a - b);
  expect(seqs).toEqual(seqs.map((_, index) => index + 1));
  const deliveries = await api.deliveries();
  expect(deliveries.filter((one) => one.status !== 'delivered')).toEqual([]);
  expect(
    tally(
      all,
      deliveries.map((one) => one.event_id),
    ),
  ).toEqual(ALL_THERE);
}

/** Every message in the store has its whole story, acknowledged or not: there are no halves. */
function expectStories(log: EventEnvelope[], messages: string[]): void {
  const stories = new Map<string, string[]>(messages.map((message_id) => [message_id, []]));
  for (const { message_id, event_type } of log)
    if (message_id !== null) stories.get(message_id)?.push(event_type);
  const known = [['accepted', 'deferred', 'deferred', 'delivered'], ['accepted', 'bounce'], ['dropped']].map(
    (story) => story.join(' '),
  );
  for (const story of stories.values()) expect(known).toContain(story.join(' '));
  expect([...stories.values()].flat()).toHaveLength(log.filter((event) => event.message_id !== null).length);
}

describe('SIGTERM', () => {
  it('with attempts in flight ends within 15 s and loses nothing', async () => {
    const folder = await dataFolder();
    onTestFinished(() => folder.remove());
    const slow = receiver.hook({ status: 200, delay_ms: 700 });
    const hanging = receiver.hook('hang');
    const server = await ChildServer.start(folder);
    onTestFinished(() => server.kill());
    for (const { url } of [slow, hanging])
      await server.sandbox.createEndpoint({ url, event_types: ['custom.*'], retry_schedule: [1, 1] });
    const taken: Taken = { messages: [], events: [] };
    const loading = load(server.sandbox, server.smtp, taken);
    await slow.untilRequests(2);
    await hanging.untilRequests(2);
    const { code, ms } = await server.stop();
    expect(code).toBe(0);
    expect(ms).toBeLessThan(15_000);
    await loading;

    // Attempts that were under way when it stopped were let end, and what they came to is on disk.
    const before = slow.events.length;
    hanging.behave({ status: 200 });
    slow.behave({ status: 200 });
    const next = await ChildServer.start(folder);
    onTestFinished(() => next.kill());
    await next.sandbox.advance(60);
    const log = (await next.sandbox.events('?event_type=custom.load')).map((event) => event.event_id);
    expect(tally(taken.events, log).lost).toEqual([]);
    expect(before).toBeGreaterThan(0);
    expect(
      tally(
        log,
        slow.events.map((event) => event.event_id),
      ),
    ).toEqual(ALL_THERE);
    expect(tally(log, new Set(hanging.events.map((event) => event.event_id)))).toEqual(ALL_THERE);
    const stored = (await next.sandbox.all<{ message_id: string }>('/v1/messages')).map(
      (one) => one.message_id,
    );
    expect(tally(taken.messages, stored).lost).toEqual([]);
    await next.stop();
  });

  it('while a client is in the middle of a message: it is told, and nothing of it is kept', async () => {
    const folder = await dataFolder();
    onTestFinished(() => folder.remove());
    const server = await ChildServer.start(folder);
    onTestFinished(() => server.kill());
    const client = await signedIn(server.smtp, server.keys.sandbox);
    await client.ask('MAIL FROM:<shop@example.com>');
    await client.ask('RCPT TO:<delivered@sandbox.test>');
    await client.ask('DATA');
    await client.sendAll(Buffer.from('From: shop@example.com\r\nSubject: half of it\r\n\r\nand then'));
    expect(await server.stop()).toMatchObject({ code: 0 });
    expect(await client.closed()).toMatch(/^421 4\.3\.2 [^\r\n]*\r\n$/);

    const next = await ChildServer.start(folder);
    onTestFinished(() => next.kill());
    expect(await next.sandbox.all('/v1/messages')).toEqual([]);
    await next.stop();
  });
});
