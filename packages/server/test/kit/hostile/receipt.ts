/** What a hostile endpoint got, and what it said to it: one end of every tally. */

import type { PushedEnvelope } from '@postrider/contract/events';
import type { RawRequest } from './raw-request.ts';

/**
 * open: no answer yet. taken: a whole 2xx head was written and the connection left standing long enough to be read.
 * doubtful: a 2xx head was written that the sender need not have seen. refused: any other final head, or nonsense.
 * none: the connection was broken, or left to itself, without a final head.
 */
export type Said = 'open' | 'taken' | 'doubtful' | 'refused' | 'none';

export interface Receipt {
  /** Of all requests at this path, from 1. */
  number: number;
  /** Wall clock, ms. */
  at: number;
  /** What the test called this life of the server. */
  life: number;
  event_id: string;
  event: PushedEnvelope;
  headers: RawRequest['headers'];
  said: Said;
}

export function receiptOf(request: RawRequest, number: number, life: number): Receipt {
  const event = JSON.parse(request.body.toString('utf8')) as PushedEnvelope;
  const { headers } = request;
  return { number, at: Date.now(), life, event_id: event.event_id, event, headers, said: 'open' };
}
