/**
 * The state of one (message, recipient) as a fold over its events.
 *
 * The fold keeps a set of facts and joins them with OR, so every permutation and every duplication of the
 * same events ends in the same state: events overtake one another, and receivers get some of them twice.
 */

import type { MessageStatus, StateSnapshot } from './events.ts';

/**
 * Statuses from weakest to strongest: the strongest fact seen is the status.
 * A bounce outranks `delivered` and `open` because relays report late and scanners open what is then refused;
 * an unsubscribe or a complaint is a person's act on mail in hand, so nothing outranks it.
 */
export const STATUS_ORDER: readonly MessageStatus[] = [
  'accepted',
  'deferred',
  'delivered',
  'open',
  'click',
  'soft_bounce',
  'bounce',
  'dropped',
  'unsubscribe',
  'complaint',
];

const BIT: ReadonlyMap<string, number> = new Map(STATUS_ORDER.map((status, rank) => [status, 1 << rank]));

const TERMINAL: ReadonlySet<MessageStatus> = new Set<MessageStatus>([
  'soft_bounce',
  'bounce',
  'dropped',
  'unsubscribe',
  'complaint',
]);

/** A set of facts about one (message, recipient), one bit per status. 0 is the empty set. */
export type FactSet = number;

/** What the fold needs of an event. */
export interface FoldableEvent {
  event_type: string;
  data?: unknown;
}

/** The facts one event adds. Events that say nothing about delivery (custom, operational) add none. */
export function factsOf(event: FoldableEvent): FactSet {
  const bit = BIT.get(event.event_type);
  if (bit === undefined) return 0;
  // A prefetch or a link scan is no sign of a person; it is reported but moves no state.
  if ((event.event_type === 'open' || event.event_type === 'click') && isMachine(event.data)) return 0;
  return bit;
}

/** The state that a set of facts amounts to; null for the empty set. */
export function stateOf(facts: FactSet): StateSnapshot | null {
  const top = strongest(facts, STATUS_ORDER.length);
  if (top < 0) return null;
  const below = strongest(facts, top);
  const status = STATUS_ORDER[top] as MessageStatus;
  return {
    status,
    previous: below < 0 ? null : (STATUS_ORDER[below] as MessageStatus),
    terminal: TERMINAL.has(status),
  };
}

/**
 * The state of one (message, recipient) after `events`, in whatever order and however often they came.
 * Null when none of them says anything about delivery.
 */
export function foldState(events: Iterable<FoldableEvent>): StateSnapshot | null {
  let facts: FactSet = 0;
  for (const event of events) facts |= factsOf(event);
  return stateOf(facts);
}

function strongest(facts: FactSet, below: number): number {
  for (let rank = below - 1; rank >= 0; rank--) if ((facts & (1 << rank)) !== 0) return rank;
  return -1;
}

function isMachine(data: unknown): boolean {
  return typeof data === 'object' && data !== null && (data as { machine?: unknown }).machine === true;
}
