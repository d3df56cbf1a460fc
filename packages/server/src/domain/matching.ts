/** Which endpoints get an event: what each of them asked for, ready to be asked of every event in the commit path. */

import { canTell } from '@postrider/contract/dialects/dialect';
import { DIALECTS } from '@postrider/contract/dialects/dialects';
import type { DialectName } from '@postrider/contract/dialects/names';
import { wantsEventType, type EndpointSettings, type Ordering } from './endpoint.ts';
import { compileFilter, type Filter } from './filter.ts';

/** What the commit path needs to know of an endpoint. */
export interface EndpointRule {
  lane: number;
  endpoint_id: string;
  event_types: readonly string[];
  dialect: DialectName;
  /** Null: no filter, or a stored one that this version cannot read. */
  filter: Filter | null;
  ordering: Ordering;
}

/**
 * A stored filter that does not compile, as a newer or older version may have saved it, lets everything pass: the
 * receiver can ignore an event too many, and nobody can ask for one that was never queued.
 */
export function endpointRule(lane: number, endpoint_id: string, settings: EndpointSettings): EndpointRule {
  const { event_types, dialect, ordering, filter } = settings;
  return {
    lane,
    endpoint_id,
    event_types,
    dialect,
    filter: filter === null ? null : compileFilter(filter).filter,
    ordering,
  };
}

/** Whether an endpoint wants events of this type and its dialect can tell them. If not, no delivery is written. */
export function asksFor(rule: Pick<EndpointRule, 'event_types' | 'dialect'>, eventType: string): boolean {
  const { event_types, dialect } = rule;
  return (
    wantsEventType(event_types, eventType) && canTell(DIALECTS[dialect], eventType, event_types.length > 0)
  );
}

/**
 * Those of `rules` whose filter the event passes, in their order. The envelope's JSON text is parsed once, and only
 * when one of them has a filter.
 */
export function matching(rules: readonly EndpointRule[], envelope: string): readonly EndpointRule[] {
  if (!rules.some((rule) => rule.filter !== null)) return rules;
  const event = JSON.parse(envelope) as object;
  return rules.filter((rule) => rule.filter === null || rule.filter(event));
}
