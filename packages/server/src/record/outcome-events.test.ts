import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { OutgoingRecipient } from '../domain/message.ts';
import type { Outcome } from '../domain/outcome.ts';
import { outcomeRecord } from './outcome-events.ts';

const ITEM: OutgoingRecipient = {
  outgoing: 7,
  env: 2,
  message_id: 'msg_1',
  recipient: 'ann@example.com',
  from: 'bob@example.com',
  stream: 'transactional',
  size: 10,
  accepted_at: 1_000,
  expires_at: null,
  attempts: 0,
  next_at: 1_000,
};
const DEFERRED: Outcome = {
  kind: 'deferred',
  smtp_code: 451,
  enhanced_code: '4.3.0',
  smtp_message: 'busy',
};

function record(outcome: Outcome, attempt = 1, item: Partial<OutgoingRecipient> = {}, now = 5_000) {
  let ids = 0;
  const made = outcomeRecord({ ...ITEM, ...item }, attempt, outcome, {
    now,
    schedule: [60, 300],
    newEventId: () => `evt_${++ids}`,
  });
  const events = made.events.map((event) => ({ ...event, data: JSON.parse(event.data) as object }));
  return { ...made, events };
}

describe('events of an outcome', () => {
  it('tell of a delivery and what came with it, in order', () => {
    const data = { ip: null, user_agent: null, os: null, client: null, machine: false };
    const { events, ...rest } = record({
      kind: 'delivered',
      smtp_response: '250 OK',
      server: 'mx.test',
      follow_ups: [
        { event_type: 'open', data },
        { event_type: 'click', data: { ...data, link_id: 'l', url: 'https://a.test/' } },
      ],
    });
    expect(rest).toEqual({ env: 2, outgoing: 7, next_at: null, attempted: true });
    expect(events.map(({ event_id, event_type, at }) => [event_id, event_type, at])).toEqual([
      ['evt_1', 'delivered', 5_000],
      ['evt_2', 'open', 5_000],
      ['evt_3', 'click', 5_000],
    ]);
    expect(events[0]).toEqual({
      event_id: 'evt_1',
      event_type: 'delivered',
      at: 5_000,
      message_id: 'msg_1',
      recipient: 'ann@example.com',
      data: { smtp_response: '250 OK', server: 'mx.test', delivery_latency_ms: 4_000 },
      labels: null,
      campaign_id: null,
    });
  });

  it('announce the next attempt by the schedule', () => {
    const { events, next_at } = record(DEFERRED, 2);
    expect(next_at).toBe(305_000);
    expect(events[0]).toMatchObject({
      event_type: 'deferred',
      data: {
        smtp_code: 451,
        enhanced_code: '4.3.0',
        smtp_message: 'busy',
        attempt: 2,
        next_attempt_at: new Date(305_000).toISOString(),
      },
    });
    expect(events[0]?.data).not.toHaveProperty('outcome');
  });

  it('follow a transport that knows better than the schedule', () => {
    expect(record({ ...DEFERRED, retry_after_ms: 1_500 }, 9).next_at).toBe(6_500);
  });

  it('say that the outcome is unknown', () => {
    expect(record({ ...DEFERRED, unknown: true }).events[0]?.data).toMatchObject({ outcome: 'unknown' });
  });

  it('give up at the end of the schedule', () => {
    const { events, next_at } = record({ ...DEFERRED, bounce_category: 'mailbox_full' }, 3);
    expect(next_at).toBeNull();
    expect(events).toMatchObject([
      {
        event_type: 'soft_bounce',
        data: { bounce_type: 'soft', bounce_category: 'mailbox_full', smtp_code: 451, was_automatic: true },
      },
    ]);
    expect(record(DEFERRED, 3).events[0]?.data).toMatchObject({ bounce_category: 'other' });
  });

  it('come back at expiry, without announcing an attempt that will not be', () => {
    const { events, next_at } = record(DEFERRED, 1, { expires_at: 65_000 });
    expect(next_at).toBe(65_000);
    expect(events[0]?.data).toMatchObject({ next_attempt_at: null });
    expect(record(DEFERRED, 1, { expires_at: 65_001 }).events[0]?.data).toMatchObject({
      next_attempt_at: new Date(65_000).toISOString(),
    });
    expect(record({ kind: 'later', after_ms: 100_000, counts: true }, 1, { expires_at: 6_000 }).next_at).toBe(
      6_000,
    );
  });

  it.each([true, false])('carry whether a bounce suppresses: %s', (suppress) => {
    const { events } = record({
      kind: 'bounce',
      smtp_code: 550,
      enhanced_code: '5.1.1',
      smtp_message: 'No such user',
      bounce_category: 'invalid_email',
      rule: 'r',
      suppress,
    });
    expect(events[0]).toMatchObject({
      event_type: 'bounce',
      data: { bounce_type: 'hard', rule: 'r', suppressed: suppress },
    });
  });

  it('are none when only time is asked for', () => {
    expect(record({ kind: 'later', after_ms: 60_000, counts: true })).toMatchObject({
      events: [],
      next_at: 65_000,
      attempted: true,
    });
    expect(record({ kind: 'later', after_ms: 0, counts: false })).toMatchObject({ attempted: false });
  });

  it('say why something was dropped, which is no attempt', () => {
    expect(record({ kind: 'dropped', reason: 'expired' })).toMatchObject({
      events: [{ event_type: 'dropped', data: { reason: 'expired', suppression: null } }],
      next_at: null,
      attempted: false,
    });
  });

  it('never come before their cause, nor the next attempt before the event, on any clock', () => {
    const time = fc.integer({ min: 0, max: 1_000_000 });
    const item = fc.record({
      accepted_at: time,
      next_at: time,
      expires_at: fc.option(time, { nil: null }),
    });
    fc.assert(
      fc.property(item, time, fc.integer({ min: 1, max: 4 }), (given, now, attempt) => {
        const { events, next_at } = record(DEFERRED, attempt, given, now);
        const at = events[0]!.at;
        expect(at).toBeGreaterThanOrEqual(Math.max(given.accepted_at, given.next_at, now));
        if (next_at !== null && given.expires_at === null) expect(next_at).toBeGreaterThan(at);
        if (next_at !== null && given.expires_at !== null)
          expect(next_at).toBeLessThanOrEqual(given.expires_at);
      }),
    );
  });
});
