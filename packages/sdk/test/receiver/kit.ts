/** Events, signatures and waiting for the tests of the receiver. */

import { createHmac, randomBytes } from 'node:crypto';
import { sendarixSignature, standardKey, standardSignature, type Hmac } from '@postrider/contract/sign';
import type { ReceivedEvent } from '../../src/receiver/event.ts';
import type { NewJob } from '../../src/receiver/store.ts';

export const SECRET = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
export const OLD_SECRET = `whsec_${Buffer.alloc(24, 8).toString('base64')}`;

const hmac: Hmac<Uint8Array> = (key, head, body, encoding) =>
  createHmac('sha256', key).update(head).update(body).digest(encoding);

let made = 0;

export function event(over: Partial<ReceivedEvent> = {}): ReceivedEvent {
  made++;
  return {
    event_id: `evt_${made}_${randomBytes(4).toString('hex')}`,
    event_type: 'delivered',
    timestamp: '2026-04-19T14:32:01.123Z',
    message_id: `msg_${made}`,
    recipient: 'ann@example.com',
    data: {},
    environment: 'live',
    tags: [],
    metadata: {},
    campaign_id: null,
    state: null,
    seq: null,
    ...over,
  };
}

export function job(over: Partial<NewJob> = {}, about: Partial<ReceivedEvent> = {}): NewJob {
  const it = over.event ?? event(about);
  return {
    id: it.event_id,
    consumer: 'default',
    event: it,
    orderKey: it.message_id,
    replay: null,
    lane: 'lane',
    ...over,
  };
}

export interface Signing {
  secret?: string;
  id?: string;
  timestamp?: number;
  replay?: string;
}

export function signed(body: string | Uint8Array, signing: Signing = {}): Record<string, string> {
  const { secret = SECRET, id = `req_${++made}`, replay } = signing;
  const timestamp = signing.timestamp ?? Math.floor(Date.now() / 1000);
  const bytes = typeof body === 'string' ? new TextEncoder().encode(body) : body;
  return {
    'content-type': 'application/json',
    'webhook-id': id,
    'webhook-timestamp': String(timestamp),
    'webhook-signature': standardSignature(hmac, [standardKey(secret)], id, timestamp, bytes),
    ...(replay !== undefined && { 'postrider-replay': replay }),
  };
}

export function sendarixSigned(body: string, secret: string): Record<string, string> {
  const key = new TextEncoder().encode(secret);
  return {
    'x-sendarix-timestamp': String(Math.floor(Date.now() / 1000)),
    'x-sendarix-signature': sendarixSignature(hmac, key, new TextEncoder().encode(body)),
  };
}

export function request(body: string, headers: Record<string, string> = signed(body)): Request {
  return new Request('http://127.0.0.1/webhooks', { method: 'POST', headers, body });
}

/** Waits for a fact, at most five seconds. */
export async function until(fact: () => boolean | Promise<boolean>): Promise<void> {
  const end = Date.now() + 5_000;
  while (!(await fact())) {
    if (Date.now() > end) throw new Error(`It did not come to be: ${String(fact)}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
