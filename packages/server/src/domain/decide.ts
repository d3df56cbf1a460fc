/**
 * The one decision: what an event changes. Pure, so that every store adapter can run it inside the
 * transaction that stores the event, whichever stage the event comes from.
 */

import {
  OPERATIONAL_EVENT_TYPES,
  type StateSnapshot,
  type SuppressionReason,
} from '@postrider/contract/events';
import { factsOf, stateOf, type FactSet } from '@postrider/contract/state';
import type { EndpointRule } from './matching.ts';

export interface DecisionInput {
  event_type: string;
  /** JSON text of the event's data. */
  data: string;
  /** Facts known of (message, recipient) before; null for events without that pair. */
  facts: FactSet | null;
  /** Endpoints of the event's environment that want its type, in lane order (`SubscriptionIndex`). */
  subscribers: readonly EndpointRule[];
  about_endpoint_id?: string | undefined;
}

export interface Decision {
  facts: FactSet | null;
  state: StateSnapshot | null;
  /** Set when the recipient is from now on not to be mailed. */
  suppress: SuppressionReason | null;
  /** The endpoints that get a delivery of this event, unless their filter (`matching`) lets it not pass. */
  deliverTo: readonly EndpointRule[];
}

const OPERATIONAL: ReadonlySet<string> = new Set(OPERATIONAL_EVENT_TYPES);

export function isOperational(eventType: string): boolean {
  return OPERATIONAL.has(eventType);
}

export function decide(input: DecisionInput): Decision {
  const facts = input.facts === null ? null : input.facts | factsAdded(input);
  return {
    facts,
    state: facts === null ? null : stateOf(facts),
    suppress: suppressionFor(input),
    deliverTo: without(input.subscribers, input.about_endpoint_id),
  };
}

function factsAdded(input: DecisionInput): FactSet {
  // Only opens and clicks carry a fact in their data; the others need no parsing in the commit path.
  const looks = input.event_type === 'open' || input.event_type === 'click';
  return factsOf({ event_type: input.event_type, data: looks ? JSON.parse(input.data) : undefined });
}

/** DESIGN section 9: complaint, unsubscribe, and a hard bounce whose rule blames the address. */
function suppressionFor(input: DecisionInput): SuppressionReason | null {
  if (input.event_type === 'complaint' || input.event_type === 'unsubscribe') return input.event_type;
  if (input.event_type !== 'bounce') return null;
  const data = JSON.parse(input.data) as { suppressed?: unknown };
  return data.suppressed === true ? 'bounce' : null;
}

function without(
  subscribers: readonly EndpointRule[],
  endpointId: string | undefined,
): readonly EndpointRule[] {
  if (endpointId === undefined) return subscribers;
  return subscribers.filter((endpoint) => endpoint.endpoint_id !== endpointId);
}
