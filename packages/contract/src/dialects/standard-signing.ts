/** Signed as Standard Webhooks say: our own dialect, and those of products and formats that document no signature. */

import { standardKey, standardSignature } from '../sign.ts';
import type { Dialect } from './dialect.ts';

export const standardSigning: Pick<Dialect, 'key' | 'headers'> = {
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
