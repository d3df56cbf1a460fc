/** Handlers that keep the application's own list of addresses not to be mailed in step with what happens. Portable. */

import type { SuppressionReason } from '@postrider/contract/events';
import type { ReceivedEvent } from './event.ts';
import type { HandlerContext, Handlers } from './handlers.ts';

export interface Suppression {
  address: string;
  reason: SuppressionReason;
  event_id: string;
  /** Of the event, ISO-8601: of two that contradict each other the later one holds, whichever came first. */
  at: string;
}

export interface SuppressionSyncOptions<Tx> {
  /** Idempotent: it may get the same one again. With `tx` in transactional mode. */
  add: (suppression: Suppression, tx: Tx) => void | Promise<void>;
  /** Someone took an address off the list. */
  remove?: (removal: { address: string; at: string }, tx: Tx) => void | Promise<void>;
  /** Whose events count; `live`: what a sandbox plays must not suppress anybody. */
  environment?: 'live' | 'sandbox';
}

export function suppressionSync<Tx = undefined>({
  add,
  remove,
  environment = 'live',
}: SuppressionSyncOptions<Tx>): Handlers<Tx> {
  const on =
    (reason: SuppressionReason) =>
    ({ event, tx }: HandlerContext<unknown, Tx>): void | Promise<void> => {
      const { recipient: address, event_id, timestamp: at } = event;
      if (address === null || event.environment !== environment || !atFault(event)) return undefined;
      return add({ address, reason, event_id, at }, tx);
    };
  return {
    bounce: on('bounce'),
    complaint: on('complaint'),
    unsubscribe: on('unsubscribe'),
    'suppression.added': ({ event, tx }) => {
      const { address, reason = 'manual' } = event.data as { address?: string; reason?: SuppressionReason };
      if (event.environment !== environment || typeof address !== 'string') return undefined;
      return add({ address, reason, event_id: event.event_id, at: event.timestamp }, tx);
    },
    'suppression.removed': ({ event, tx }) => {
      const { address } = event.data as { address?: string };
      if (event.environment !== environment || typeof address !== 'string') return undefined;
      return remove?.({ address, at: event.timestamp }, tx);
    },
  };
}

/** A bounce that is not the address's fault (a blocklisting, say) says so, and suppresses nobody. */
function atFault({ event_type, data }: ReceivedEvent<unknown>): boolean {
  return event_type !== 'bounce' || (data as { suppressed?: unknown }).suppressed !== false;
}
