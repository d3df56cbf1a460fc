/** Which endpoints of one environment get an event type in their dialect, remembered per type. */

import { asksFor, type EndpointRule } from './matching.ts';

/** Custom types are the customer's to invent, so the memory of them has a bound. */
const REMEMBERED_TYPES = 1000;

export class SubscriptionIndex {
  readonly #rules: readonly EndpointRule[];
  readonly #byType = new Map<string, readonly EndpointRule[]>();

  /** `rules` in lane order. */
  constructor(rules: readonly EndpointRule[]) {
    this.#rules = rules;
  }

  wanting(eventType: string): readonly EndpointRule[] {
    let wanting = this.#byType.get(eventType);
    if (wanting === undefined) {
      wanting = this.#rules.filter((rule) => asksFor(rule, eventType));
      if (this.#byType.size >= REMEMBERED_TYPES) this.#byType.clear();
      this.#byType.set(eventType, wanting);
    }
    return wanting;
  }
}
