/**
 * The state of one (message, recipient) as a fold over its events.
 *
 * The fold keeps a set of facts and joins them with OR, so every permutation and every duplication of the
 * same events ends in the same state: events overtake one another, and receivers get some of them twice.
 */

import type { MessageStatus, StateSnapshot } from './events.ts';

/**
 * Statuses from weakest to strongest: the strongest fact seen is the status.
 * - What a recipient's side did outranks what we decided: after a lost acknowledgement a message can be `dropped`
 *   here and yet be delivered, opened or bounced there.
 * - A bounce outranks `delivered` and `open`, because relays report late and scanners open what is then refused.
 * - An unsubscribe or a complaint is a person's act on mail in hand, so nothing outranks it.
 *
 * The place in this list is the fact's bit in the store, which compares sets by their highest bit: a change of it
 * needs a migration.
 */
export const STATUS_ORDER: readonly MessageStatus[] = [
  'accepted',
  'deferred',
  'dropped',
  'delivered',
  'open',
  'click',
  'soft_bounce',
  'bounce',
  'unsubscribe',
  'complaint',
];

const BIT: ReadonlyMap<string, number> = new Map(STATUS_ORDER.map((status, rank) => [status, 1 << rank]));

/**
 * Facts after which no attempt is made. One of them in the set is enough, whatever the status: so `terminal`,
 * once true, stays true.
 */
const TERMINAL: FactSet = (['dropped', 'soft_bounce', 'bounce', 'unsubscribe', 'complaint'] as const).reduce(
  (set, status) => set | (BIT.get(status) ?? 0),
  0,
);

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
  return {
    status: STATUS_ORDER[top] as MessageStatus,
    previous: below < 0 ? null : (STATUS_ORDER[below] as MessageStatus),
    terminal: (facts & TERMINAL) !== 0,
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
