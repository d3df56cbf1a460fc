import { afterEach, describe, expect, it } from 'vitest';
import type { Rejection } from '../../src/receiver/accept.ts';
import { fanOut } from '../../src/receiver/fan-out.ts';
import { memoryStore } from '../../src/receiver/memory-store.ts';
import { createReceiver, Unrecoverable, type Receiver } from '../../src/receiver/receiver.ts';
import type { PlainOptions } from '../../src/receiver/options.ts';
import { event, OLD_SECRET, request, SECRET, sendarixSigned, signed, until } from './kit.ts';

let receiver: Receiver | undefined;
afterEach(() => receiver?.close(100));

function open(options: Partial<PlainOptions> = {}): Receiver {
  const store = options.store ?? memoryStore();
  receiver = createReceiver({ secrets: [SECRET], handlers: {}, pollInterval: 5, ...options, store });
  return receiver;
}

async function settled(one: Receiver): Promise<void> {
  await until(async () => {
    const { ready, taken } = await one.counts();
    return ready + taken === 0;
  });
}

describe('a request', () => {
  it('is refused unless it is a POST', async () => {
    const answer = await open().handle(new Request('http://127.0.0.1/', { method: 'GET' }));
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST']);
  });

  it('is read no further than the limit', async () => {
    let read = 0;
    let cancelled = false;
    const body = new ReadableStream({
      pull(controller) {
        controller.enqueue(new Uint8Array(1_000));
        read += 1_000;
      },
      cancel: () => void (cancelled = true),
    });
    const endless = new Request('http://127.0.0.1/', { method: 'POST', body, duplex: 'half' });
    expect((await open({ maxBody: 10_000 }).handle(endless)).status).toBe(413);
    expect(read).toBeLessThan(20_000);
    expect(cancelled).toBe(true);
  });

  it('verifies with any of the secrets, on raw bytes, and is not parsed before', async () => {
    const rejections: Rejection[] = [];
    const one = open({ secrets: [SECRET, OLD_SECRET], onReject: (it) => rejections.push(it) });
    const body = JSON.stringify(event());
    const status = async (it: Request): Promise<number> => (await one.handle(it)).status;
    expect(await status(request(body, signed(body, { secret: OLD_SECRET })))).toBe(200);
    expect(await status(request(`${body} `, signed(body)))).toBe(401);
    expect(await status(request('{"not json', signed(body)))).toBe(401);
    const stale = Math.floor(Date.now() / 1000) - 301;
    expect(await status(request(body, signed(body, { timestamp: stale })))).toBe(401);
    expect(await status(request(body, {}))).toBe(401);
    expect(rejections.map(({ reason }) => reason)).toEqual([
      'no_match',
      'no_match',
      'too_old',
      'missing_header',
    ]);
    const audit = JSON.stringify(rejections);
    for (const hidden of [SECRET, 'ann@example.com', 'v1,']) expect(audit).not.toContain(hidden);
  });

  it('may be asked to come from listed addresses', async () => {
    const one = open({ allowIps: ['192.0.2.0/24', '2001:db8::/32'] });
    const body = JSON.stringify(event());
    const from = async (ip?: string): Promise<number> => (await one.handle(request(body), { ip })).status;
    expect(await Promise.all(['192.0.2.9', '::ffff:192.0.2.9', '2001:db8:1::1'].map(from))).toEqual([
      200, 200, 200,
    ]);
    expect(await Promise.all(['192.0.3.9', '2001:db9::1', 'nonsense', undefined].map(from))).toEqual([
      403, 403, 403, 403,
    ]);
    expect(() => open({ allowIps: ['192.0.2.0/33'] })).toThrow(/192\.0\.2\.0\/33/);
  });

  it('that verifies but cannot be used is answered with 200 and kept', async () => {
    const one = open();
    for (const body of ['{"not json', '{"hello":1}', '[]', '7', 'null', '\u0000'])
      expect((await one.handle(request(body))).status).toBe(200);
    const letters = await one.deadLetters();
    expect(letters.map(({ raw }) => raw)).toContain('{"hello":1}');
    expect(letters.every((letter) => letter.event === null)).toBe(true);
    const good = event();
    const batch = JSON.stringify([good, { event_id: 'evt_x' }, 5]);
    const answer = await one.handle(request(batch, signed(batch, { id: 'bat_1' })));
    expect(await answer.json()).toEqual({ received: 1, new: 1 });
    expect((await one.deadLetters()).filter(({ id }) => id.startsWith('bat_1/'))).toHaveLength(2);
  });

  it('gets 503 while the store cannot keep it, and is not lost when it comes again', async () => {
    const store = memoryStore();
    let broken = true;
    const errors: unknown[] = [];
    const enqueue = store.enqueue.bind(store);
    store.enqueue = (...input) => (broken ? Promise.reject(new Error('disk full')) : enqueue(...input));
    const one = open({ store, onError: (error) => errors.push(error) });
    const body = JSON.stringify(event());
    const answer = await one.handle(request(body));
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '5']);
    expect(errors).toHaveLength(1);
    broken = false;
    expect(await (await one.handle(request(body))).json()).toEqual({ received: 1, new: 1 });
  });
});

describe('the dialects', () => {
  it.each([
    [
      'sendarix',
      {
        event_id: 'e',
        event_type: 'open',
        timestamp: '2026-04-19T14:32:01Z',
        message_id: 'm',
        recipient: 'r',
        data: {},
      },
      'open',
    ],
    [
      'sendarix compact',
      { event: 'bounce', message_id: 'm', recipient: 'r', timestamp: 1776609121 },
      'bounce',
    ],
    [
      'sentinmail',
      {
        id: 'e',
        type: 'clicked',
        recipient: 'r',
        sent_email_id: 'm',
        campaign_id: null,
        metadata: {},
        timestamp: '2026-04-19T14:32:01Z',
      },
      'click',
    ],
    [
      'sendook',
      {
        event: 'message.bounced',
        messageId: 'm',
        payload: { to: ['r'], updatedAt: '2026-04-19T14:32:01Z', bounceType: 'soft' },
      },
      'soft_bounce',
    ],
    [
      'cloudevents',
      { specversion: '1.0', data: event({ event_type: 'complaint', message_id: 'm', recipient: 'r' }) },
      'complaint',
    ],
  ])('%s is read', async (name, body, type) => {
    const seen: unknown[] = [];
    const secrets = name.startsWith('sendarix') ? ['any text'] : [SECRET];
    const one = open({
      secrets,
      handlers: {
        '*': ({ event: it }) => void seen.push([it.event_type, it.message_id, it.recipient]),
        [type]: ({
          event: it,
        }: {
          event: { event_type: string; message_id: string | null; recipient: string | null };
        }) => void seen.push([it.event_type, it.message_id, it.recipient]),
      },
    });
    const text = JSON.stringify(body);
    const headers = name.startsWith('sendarix') ? sendarixSigned(text, 'any text') : signed(text);
    for (let times = 0; times < 2; times++)
      expect((await one.handle(request(text, headers))).status).toBe(200);
    await settled(one);
    expect(seen).toEqual([[type, 'm', 'r']]);
  });
});

describe('handlers', () => {
  it('run outside the request, once per event, with the state before and after', async () => {
    const calls: unknown[] = [];
    let finish = (): void => undefined;
    const held = new Promise<void>((resolve) => (finish = resolve));
    const one = open({
      order: 'message',
      handlers: {
        complaint: ({ state, previous }) => void calls.push(['complaint', state?.status, previous?.status]),
        delivered: async ({ state, previous }) => {
          await held;
          calls.push(['delivered', state?.status, previous?.status]);
        },
        'custom.*': ({ event: it }) => void calls.push(it.event_type),
        'custom.order.*': ({ event: it }) => void calls.push(['order', it.event_type]),
        '*': ({ event: it }) => void calls.push(['other', it.event_type]),
      },
    });
    const about = { message_id: 'msg_s' };
    const batch = JSON.stringify([
      event({ ...about, event_type: 'delivered', seq: 2 }),
      event({ ...about, event_type: 'complaint', seq: 1 }),
    ]);
    for (let times = 0; times < 3; times++) expect((await one.handle(request(batch))).status).toBe(200);
    finish();
    await settled(one);
    expect(calls).toEqual([
      ['complaint', 'complaint', undefined],
      ['delivered', 'complaint', 'complaint'],
    ]);
    calls.length = 0;
    const others = ['custom.order.paid', 'custom.hello', 'open'].map((type) =>
      event({ event_type: type as 'open' }),
    );
    await one.handle(request(JSON.stringify(others)));
    await settled(one);
    expect(calls).toEqual([['order', 'custom.order.paid'], 'custom.hello', ['other', 'open']]);
  });

  it('are tried again, then give up; a permanent error gives up at once; a dead letter can be driven again', async () => {
    const attempts: [string, number][] = [];
    let broken = true;
    const one = open({
      retry: { attempts: 3, delay: () => 1 },
      timeLimit: 50,
      handlers: {
        delivered: ({ attempt }) => {
          attempts.push(['delivered', attempt]);
          if (broken) throw new Error('database unavailable');
        },
        bounce: ({ attempt }) => {
          attempts.push(['bounce', attempt]);
          throw new Unrecoverable('no such customer');
        },
        open: ({ attempt, signal }) => {
          attempts.push(['open', attempt]);
          return attempt > 1
            ? undefined
            : new Promise((_, reject) =>
                signal.addEventListener('abort', () => reject(signal.reason as Error)),
              );
        },
      },
    });
    const events = (['delivered', 'bounce', 'open'] as const).map((type) => event({ event_type: type }));
    await one.handle(request(JSON.stringify(events)));
    await settled(one);
    expect(attempts.filter(([type]) => type === 'delivered').map(([, attempt]) => attempt)).toEqual([
      1, 2, 3,
    ]);
    expect(attempts.filter(([type]) => type === 'bounce')).toHaveLength(1);
    expect(attempts.filter(([type]) => type === 'open')).toHaveLength(2);
    const letters = await one.deadLetters();
    expect(letters.map(({ reason }) => reason).sort()).toEqual(['database unavailable', 'no such customer']);
    broken = false;
    expect(await one.redrive(letters.filter(({ reason }) => reason.startsWith('database')))).toBe(1);
    await settled(one);
    expect(await one.deadLetters()).toHaveLength(1);
  });

  it('never exceed the concurrency, and each consumer of a fan-out retries for itself', async () => {
    let running = 0;
    let most = 0;
    const done = { crm: 0, billing: 0 };
    const one = open({
      concurrency: 3,
      retry: { delay: () => 1 },
      handlers: fanOut({
        crm: {
          '*': async () => {
            most = Math.max(most, ++running);
            await new Promise((resolve) => setTimeout(resolve, 1));
            running--;
            done.crm++;
          },
        },
        billing: {
          '*': ({ attempt }) => {
            if (attempt < 3) throw new Error('not yet');
            done.billing++;
          },
        },
      }),
    });
    await one.handle(
      request(JSON.stringify(Array.from({ length: 20 }, () => event({ event_type: 'received' })))),
    );
    await settled(one);
    expect(done).toEqual({ crm: 20, billing: 20 });
    expect(most).toBe(3);
  });

  it.each([
    ['ignore', 1],
    ['handle', 2],
  ] as const)('see replays with %s %d time(s)', async (replays, times) => {
    const seen: (string | null)[] = [];
    const one = open({ replays, handlers: { delivered: ({ replay }) => void seen.push(replay) } });
    const body = JSON.stringify(event());
    for (const replay of [undefined, 'rpl_1', 'rpl_1'])
      await one.handle(request(body, signed(body, replay === undefined ? {} : { replay })));
    await settled(one);
    expect(seen).toHaveLength(times);
  });

  it('do not see samples of the endpoint test call', async () => {
    const one = open({ handlers: { delivered: () => Promise.reject(new Error('seen')) } });
    const answer = await one.handle(request(JSON.stringify({ ...event(), seq: 0, test: true })));
    expect(answer.status).toBe(200);
    expect(await one.counts()).toEqual({ ready: 0, taken: 0, dead: 0 });
  });
});

describe('a lane', () => {
  it('tells of a seq that never came, once, and no more when it has come', async () => {
    const gaps: unknown[] = [];
    let now = Date.now();
    const one = open({ now: () => now, gapGrace: 60_000, onGap: ({ from, to }) => gaps.push([from, to]) });
    const push = (seqs: number[]): Promise<Response> =>
      one.handle(request(JSON.stringify(seqs.map((seq) => event({ seq })))));
    await push([5, 6, 9, 12]);
    await one.care();
    expect(gaps).toEqual([]);
    await push([7]);
    now += 60_000;
    await one.care();
    await one.care();
    expect(gaps).toEqual([
      [8, 8],
      [10, 11],
    ]);
    await one.ingestEvents([event({ seq: 8 }), event({ seq: 10 })]);
    expect((await one.gaps()).map(({ from, to }) => [from, to])).toEqual([[11, 11]]);
  });
});

describe('options', () => {
  it.each([
    [{ secrets: [] }, /secrets/],
    [{ secrets: [''] }, /secrets/],
    [{ concurrency: 0 }, /concurrency/],
    [{ timeLimit: Number.NaN }, /timeLimit/],
    [{ lease: 30_000 }, /lease/],
    [{ scheme: {} as never }, /either/],
  ])('%o is refused by name', (options, message) => {
    expect(() => open(options)).toThrow(message);
  });
});
