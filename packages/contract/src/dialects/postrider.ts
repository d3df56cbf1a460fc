/** Our own dialect: the whole envelope with `seq`, signed as Standard Webhooks say. */

import { standardKey, standardSignature } from '../sign.ts';
import type { Dialect } from './dialect.ts';

export const postrider: Dialect = {
  body: (envelope, seq, test = false) =>
    `${envelope.slice(0, -1)},"seq":${seq}${test ? ',"test":true' : ''}}`,
  key: standardKey,
  /** During a rotation both keys sign, the new one first. */
  headers(hmac, { current, previous }, stamp, body) {
    const keys = previous === null ? [current] : [current, previous];
    const headers = [
      'webhook-id',
      stamp.id,
      'webhook-timestamp',
      String(stamp.timestamp),
      'webhook-signature',
      standardSignature(hmac, keys, stamp.id, stamp.timestamp, body),
      'postrider-attempt',
      String(stamp.attempt),
    ];
    if (stamp.replayId) headers.push('postrider-replay', stamp.replayId);
    return headers;
  },
};
