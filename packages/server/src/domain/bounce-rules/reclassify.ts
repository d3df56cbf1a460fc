/** What another version of the rule table would have said about the past. */

import { classifyBounce } from './classify.ts';
import type { BounceRuleTable, BounceVerdict, SmtpStatement } from './rule.ts';

export interface VerdictChange<Item extends SmtpStatement> {
  item: Item;
  before: BounceVerdict;
  after: BounceVerdict;
  /** What differs; `rule` alone means that the outcome stays and only another rule says so. */
  differs: (keyof BounceVerdict)[];
}

const FIELDS = ['outcome', 'category', 'address_at_fault', 'rule'] as const;

/** Lazily, so that history of any length can be walked; items whose verdict stays are left out. */
export function* reclassify<Item extends SmtpStatement>(
  items: Iterable<Item>,
  from: BounceRuleTable,
  to: BounceRuleTable,
): Generator<VerdictChange<Item>> {
  for (const item of items) {
    const before = classifyBounce(item, from);
    const after = classifyBounce(item, to);
    const differs = FIELDS.filter((field) => before[field] !== after[field]);
    if (differs.length > 0) yield { item, before, after, differs };
  }
}
