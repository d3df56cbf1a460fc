/** The story of every sandbox recipient (API.md, last table), by both doors, told to a webhook and compared with the log. */

import type { EventEnvelope, PushedEnvelope } from '@postrider/contract/events';
import { foldState } from '@postrider/contract/state';
import { describe, expect, it } from 'vitest';
import { Api } from '../kit/api.ts';
import type { Hook } from '../kit/receiver.ts';
import { mailer } from '../kit/smtp.ts';
import { ALL_THERE, tally } from '../kit/tally.ts';
import { started } from '../kit/started.ts';

interface Story {
  recipient: string;
  /** After `accepted`. */
  events: string[];
  /** What the data of each of those says at least. */
  data: object[];
  status: string;
  previous: string;
  terminal: boolean;
  suppressed?: 'bounce' | 'complaint' | 'unsubscribe';
}

const TAKEN = { server: 'mx.sandbox.test', smtp_response: expect.stringMatching(/^250 2\.0\.0 /) };
const READER = { ip: '203.0.113.42', machine: false };
const FULL = { smtp_code: 452, enhanced_code: '4.2.2' };
const TROUBLE = { smtp_code: 451, enhanced_code: '4.3.0' };
const GREY = { smtp_code: 451 };

function deferred(reply: object, attempt: number): object {
  return { ...reply, attempt, next_attempt_at: expect.stringMatching(/Z$/) };
}

const STORIES: Story[] = [
  {
    recipient: 'delivered@sandbox.test',
    events: ['delivered'],
    data: [TAKEN],
    status: 'delivered',
    previous: 'accepted',
    terminal: false,
  },
  {
    recipient: 'somebody@example.net',
    events: ['delivered'],
    data: [TAKEN],
    status: 'delivered',
    previous: 'accepted',
    terminal: false,
  },
  {
    recipient: 'bounce@sandbox.test',
    events: ['bounce'],
    data: [
      {
        bounce_type: 'hard',
        bounce_category: 'invalid_email',
        smtp_code: 550,
        enhanced_code: '5.1.1',
        was_automatic: true,
        suppressed: true,
      },
    ],
    status: 'bounce',
    previous: 'accepted',
    terminal: true,
    suppressed: 'bounce',
  },
  {
    recipient: 'blocked@sandbox.test',
    events: ['bounce'],
    data: [
      {
        bounce_type: 'hard',
        bounce_category: 'blocked',
        smtp_code: 550,
        enhanced_code: '5.7.1',
        suppressed: false,
      },
    ],
    status: 'bounce',
    previous: 'accepted',
    terminal: true,
  },
  {
    recipient: 'mailbox-full@sandbox.test',
    events: ['deferred', 'deferred', 'soft_bounce'],
    data: [
      deferred(FULL, 1),
      deferred(FULL, 2),
      { ...FULL, bounce_type: 'soft', bounce_category: 'mailbox_full', was_automatic: true },
    ],
    status: 'soft_bounce',
    previous: 'deferred',
    terminal: true,
  },
  {
    recipient: 'soft-bounce@sandbox.test',
    events: ['deferred', 'soft_bounce'],
    data: [deferred(TROUBLE, 1), { ...TROUBLE, bounce_type: 'soft', bounce_category: 'other' }],
    status: 'soft_bounce',
    previous: 'deferred',
    terminal: true,
  },
  {
    recipient: 'defer@sandbox.test',
    events: ['deferred', 'deferred', 'delivered'],
    data: [deferred(GREY, 1), deferred(GREY, 2), TAKEN],
    status: 'delivered',
    previous: 'deferred',
    terminal: false,
  },
  {
    recipient: 'slow@sandbox.test',
    events: ['delivered'],
    data: [TAKEN],
    status: 'delivered',
    previous: 'accepted',
    terminal: false,
  },
  {
    recipient: 'unknown@sandbox.test',
    events: ['deferred', 'delivered'],
    data: [{ ...deferred({ smtp_code: null }, 1), outcome: 'unknown' }, TAKEN],
    status: 'delivered',
    previous: 'deferred',
    terminal: false,
  },
  {
    recipient: 'complaint@sandbox.test',
    events: ['delivered', 'complaint'],
    data: [TAKEN, { feedback_type: 'abuse', complaint_type: 'abuse' }],
    status: 'complaint',
    previous: 'delivered',
    terminal: true,
    suppressed: 'complaint',
  },
  {
    recipient: 'open@sandbox.test',
    events: ['delivered', 'open'],
    data: [TAKEN, READER],
    status: 'open',
    previous: 'delivered',
    terminal: false,
  },
  {
    recipient: 'click@sandbox.test',
    events: ['delivered', 'open', 'click'],
    data: [TAKEN, READER, { ...READER, url: 'https://shop.example/order?id=7', link_id: expect.any(String) }],
    status: 'click',
    previous: 'open',
    terminal: false,
  },
  {
    recipient: 'unsubscribe@sandbox.test',
    events: ['delivered', 'unsubscribe'],
    data: [TAKEN, { method: 'one_click' }],
    status: 'unsubscribe',
    previous: 'delivered',
    terminal: true,
    suppressed: 'unsubscribe',
  },
  {
    recipient: 'Bounce+Order-7@Sandbox.Test',
    events: ['bounce'],
    data: [{ smtp_code: 550, enhanced_code: '5.1.1' }],
    status: 'bounce',
    previous: 'accepted',
    terminal: true,
    suppressed: 'bounce',
  },
];

const kit = started();

const TEXT = 'Your order: https://shop.example/order?id=7.';
type Send = (sandbox: Api, to: string) => Promise<void>;

const DOORS: Record<'api' | 'smtp', Send> = {
  async api(sandbox, to) {
    const { recipients } = await sandbox.send({ to, text: TEXT });
    expect(recipients).toHaveLength(1);
  },
  async smtp(sandbox, to) {
    const info = await mailer(kit.server.smtp, sandbox.key ?? '').sendMail({
      from: 'shop@example.com',
      to,
      subject: 'Hello',
      text: TEXT,
    });
    expect(info.response).toMatch(/^250 2\.0\.0 queued as msg_[0-9a-z]{26}$/);
  },
};

describe.each(['api', 'smtp'] as const)('by %s', (door) => {
  it.each(STORIES)('$recipient', async (story) => {
    const { sandbox } = await kit.server.project();
    const hook = kit.receiver.hook();
    const endpoint = await sandbox.createEndpoint({ url: hook.url, event_types: ['*'] });

    await DOORS[door](sandbox, story.recipient);
    await sandbox.advance(61);

    const log = await sandbox.events();
    const told = await expectBothEnds(log, hook, endpoint.secret);
    const mail = told.filter((event) => event.message_id !== null);
    expect(mail.map((event) => event.event_type)).toEqual(['accepted', ...story.events]);
    expect(mail[0]?.data).toMatchObject({ via: door, size: expect.any(Number) });
    expect(mail.slice(1).map((event) => event.data)).toMatchObject(story.data);
    expectOrder(mail);
    await expectState(sandbox, mail, story);
    await expectSuppression(sandbox, hook, story, door);
  });
});

/** Everything in the log arrived, once, as it is in the log, signed; the `seq` has no gap. */
async function expectBothEnds(log: EventEnvelope[], hook: Hook, secret: string): Promise<PushedEnvelope[]> {
  const told = await hook.untilEvents(log.length);
  expect(tally(ids(log), ids(told))).toEqual(ALL_THERE);
  expect(told.map((event) => event.seq)).toEqual(told.map((_, index) => index + 1));
  const byId = new Map(told.map((event) => [event.event_id, event]));
  for (const event of log) expect(byId.get(event.event_id)).toEqual({ ...event, seq: expect.any(Number) });
  hook.verifyAll(secret);
  return told;
}

function ids(events: readonly { event_id: string }[]): string[] {
  return events.map((event) => event.event_id);
}

/** Times never go back, and what was announced is what came. */
function expectOrder(mail: PushedEnvelope[]): void {
  const times = mail.map((event) => Date.parse(event.timestamp));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
  for (const [index, event] of mail.entries()) {
    const announced = event.data['next_attempt_at'];
    if (typeof announced === 'string') expect(times[index + 1]).toBeGreaterThanOrEqual(Date.parse(announced));
  }
}

/** The state in the last event, in the message, and folded from what arrived in any order is the same. */
async function expectState(sandbox: Api, mail: PushedEnvelope[], story: Story): Promise<void> {
  const state = { status: story.status, previous: story.previous, terminal: story.terminal };
  expect(mail.at(-1)?.state).toEqual(state);
  expect(foldState(mail.toReversed())).toEqual(state);
  const message = await sandbox.message(mail[0]?.message_id ?? '');
  expect(message.recipients).toMatchObject([{ status: story.status, state }]);
}

/** Whoever is suppressed is not mailed again, and is told so; everybody else is. */
async function expectSuppression(
  sandbox: Api,
  hook: Hook,
  story: Story,
  door: 'api' | 'smtp',
): Promise<void> {
  const suppressions = await sandbox.suppressions();
  const cause = hook.events.find((event) => event.event_type === story.suppressed);
  const known = suppressions.map(({ reason, event_id }) => ({ reason, event_id }));
  expect(known).toEqual(
    story.suppressed === undefined ? [] : [{ reason: story.suppressed, event_id: cause?.event_id }],
  );
  const before = hook.events.length;
  await DOORS[door](sandbox, story.recipient);
  await sandbox.advance(0);
  const [next] = (await hook.untilEvents(before + 1)).slice(before);
  if (story.suppressed === undefined) {
    expect(next?.event_type).toBe('accepted');
    return;
  }
  expect(next).toMatchObject({
    event_type: 'dropped',
    data: {
      reason: 'suppressed',
      suppression: {
        reason: story.suppressed,
        event_id: cause?.event_id,
        created_at: suppressions[0]?.created_at,
      },
    },
    state: { status: 'dropped', previous: null, terminal: true },
  });
  await sandbox.advance(120);
  expect(hook.events).toHaveLength(before + 1);
}

it('slow@sandbox.test is not delivered before 60 s of the environment have passed', async () => {
  const { sandbox } = await kit.server.project();
  await sandbox.send({ to: 'slow@sandbox.test' });
  await sandbox.advance(55);
  expect((await sandbox.events()).map((event) => event.event_type)).toEqual(['accepted']);
  await sandbox.advance(6);
  const events = await sandbox.events();
  expect(events.map((event) => event.event_type)).toEqual(['accepted', 'delivered']);
  expect(events[1]?.data['delivery_latency_ms']).toBeGreaterThanOrEqual(60_000);
});

it('every story at once in one message, each recipient on its own', async () => {
  const { sandbox } = await kit.server.project();
  const hook = kit.receiver.hook();
  await sandbox.createEndpoint({ url: hook.url });
  const addresses = STORIES.map((story) => story.recipient);
  const { message_id, recipients } = await sandbox.send({ to: addresses, text: TEXT });
  expect(recipients.map(({ status }) => status)).toEqual(addresses.map(() => 'accepted'));
  await sandbox.advance(61);

  const wanted = STORIES.flatMap(({ recipient, events }) =>
    ['accepted', ...events].map((type, index) => `${recipient.toLowerCase()} ${index} ${type}`),
  );
  const told = await hook.untilEvents(wanted.length);
  const counts = new Map<string, number>();
  const arrived = told.map((event) => {
    const recipient = event.recipient?.toLowerCase() ?? '';
    const index = counts.get(recipient) ?? 0;
    counts.set(recipient, index + 1);
    expect(event.message_id).toBe(message_id);
    return `${recipient} ${index} ${event.event_type}`;
  });
  expect(tally(wanted, arrived)).toEqual(ALL_THERE);
});
