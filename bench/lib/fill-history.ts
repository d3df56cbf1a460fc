/**
 * A history as mail leaves it behind: per unit one message with its recipient and the events accepted, delivered and
 * open, and one custom event; five deliveries of those four events, over two endpoints. The times are spread over the
 * days that retention keeps; the MIME of messages that old is gone.
 */

import type { StateSnapshot } from '../../packages/contract/src/events.ts';
import { factsOf, stateOf } from '../../packages/contract/src/state.ts';
import { Filler } from './fill.ts';
import { data } from './payload.ts';

const DAY_MS = 86_400_000;
/** Well within the 30 days, so that retention finds nothing to do while it is measured. */
const OLDEST_DAYS = 25;
const NEWEST_DAYS = 8;
const PER_UNIT = 5;
/** People who get mail more than once. */
const ADDRESSES = 500_000;

const DATA = {
  accepted: JSON.stringify({ via: 'api', size: 1423 }),
  delivered: JSON.stringify({
    smtp_response: '250 2.0.0 Ok: queued as 4Xk2Zq1y5Fz',
    server: 'mx1.example.com',
    delivery_latency_ms: 412,
  }),
  open: JSON.stringify({
    ip: '192.0.2.17',
    user_agent: 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36',
    os: 'Windows',
    client: 'Chrome',
    machine: false,
  }),
} as const;
type MailType = keyof typeof DATA;
const MAIL_TYPES = Object.keys(DATA) as MailType[];

export function fillHistory(dir: string, endpointIds: readonly string[], deliveries: number): void {
  const filler = new Filler(dir);
  const [some, all] = endpointIds.map((id) => filler.lane(id)) as [number, number];
  const units = Math.ceil(deliveries / PER_UNIT);
  const oldest = Date.now() - OLDEST_DAYS * DAY_MS;
  const step = ((OLDEST_DAYS - NEWEST_DAYS) * DAY_MS) / units;
  for (let unit = 0; unit < units; unit++)
    fillUnit(filler, unit, Math.floor(oldest + unit * step), some, all);
  filler.finish();
}

function fillUnit(filler: Filler, unit: number, at: number, some: number, all: number): void {
  const mid = unit + 1;
  const message = { mid, message_id: filler.id('msg', at) };
  const recipient = `person-${(unit * 7919) % ADDRESSES}@shop-customers.example.com`;
  insertMessage(filler, message, at);
  let facts = 0;
  for (const event_type of MAIL_TYPES) {
    facts |= factsOf({ event_type });
    // The first endpoint has no use for `accepted`, the other takes all; so five deliveries with the custom one.
    const lanes = event_type === 'accepted' ? [] : event_type === 'open' ? [some] : [some, all];
    const state = stateOf(facts);
    settle(filler, { event_type, at, message, recipient, data: DATA[event_type], state, lanes });
  }
  filler.insert('recipient', { mid, n: 0, address: recipient, role: 'to', facts });
  const custom = { event_type: 'custom.order.paid', data: JSON.stringify(data(unit)), state: null };
  settle(filler, { ...custom, at, message: null, recipient: null, lanes: [some, all] });
}

function insertMessage(filler: Filler, { mid, message_id }: Message, at: number): void {
  filler.insert('message', {
    mid,
    message_id,
    env: filler.env,
    via: 'api',
    sender: 'shop@example.com',
    subject: 'Your order is on its way',
    stream: 'transactional',
    tags: '[]',
    metadata: '{}',
    campaign_id: null,
    size: 1423,
    created_at: at,
    send_at: null,
    expires_at: null,
    cancelled_at: null,
    options: '{}',
  });
}

interface Message {
  mid: number;
  message_id: string;
}
interface NewSettled {
  event_type: string;
  at: number;
  message: Message | null;
  recipient: string | null;
  data: string;
  state: StateSnapshot | null;
  lanes: readonly number[];
}

function settle(filler: Filler, event: NewSettled): void {
  const { log, seqs } = filler.event(event);
  for (const [n, lane] of event.lanes.entries()) {
    filler.insert('settled', {
      lane,
      seq: seqs[n] as number,
      log,
      status: 1,
      attempts: 1,
      at: event.at + 40,
      http_status: 204,
      latency_ms: 1.5,
      error: null,
      error_detail: null,
      excerpt: null,
    });
  }
}
