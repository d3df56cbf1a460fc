/**
 * The dialect of Sendarix: its six members and no others, its signature headers. Types that Sendarix does not
 * have (`dropped`, `custom.…`, operational ones) go, under our name, to endpoints that ask for them by name.
 */

import { sendarixKey, sendarixSignature } from '../sign.ts';
import type { Dialect } from './dialect.ts';
import { readEnvelopeText } from './envelope-text.ts';

const common: Omit<Dialect, 'body'> = {
  types: new Set([
    'accepted',
    'delivered',
    'bounce',
    'soft_bounce',
    'complaint',
    'unsubscribe',
    'open',
    'click',
    'deferred',
  ]),
  open: true,
  contentType: 'application/json',
  batchContentType: null,
  key: sendarixKey,
  /** There is room for one signature: the old secret signs until its overlap ends. */
  headers: (hmac, { current, previous }, stamp, body) => [
    'X-Sendarix-Timestamp',
    String(stamp.timestamp),
    'X-Sendarix-Signature',
    sendarixSignature(hmac, previous ?? current, body),
  ],
};

/** `{event_id, event_type, timestamp, message_id, recipient, data}`. */
export const sendarix: Dialect = {
  ...common,
  body(envelope, _seq, test = false) {
    const { dataEnd } = readEnvelopeText(envelope);
    return `${envelope.slice(0, dataEnd)}${test ? ',"test":true' : ''}}`;
  },
};

/** The short legacy form `{event, message_id, recipient, timestamp}`, the time in unix seconds. */
export const sendarixCompact: Dialect = {
  ...common,
  body(envelope, _seq, test = false) {
    const { event_type, timestamp, message_id, recipient } = readEnvelopeText(envelope);
    const seconds = Math.floor(Date.parse(timestamp) / 1000);
    return `{"event":"${event_type}","message_id":${message_id},"recipient":${recipient},"timestamp":${seconds}${test ? ',"test":true' : ''}}`;
  },
};
