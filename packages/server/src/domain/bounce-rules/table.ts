/** The rules in the order they are asked: what a provider says, what words say, what codes say. */

import { CODE_RULES } from './code-rules.ts';
import { FILTER_RULES } from './filter-rules.ts';
import { MAILBOX_RULES } from './mailbox-rules.ts';
import { MESSAGE_RULES } from './message-rules.ts';
import { PROVIDER_RULES } from './provider-rules.ts';
import type { BounceRuleTable } from './rule.ts';
import { SENDER_RULES } from './sender-rules.ts';

export const BOUNCE_RULES: BounceRuleTable = {
  version: '2026-11-21.1',
  rules: [
    ...PROVIDER_RULES,
    ...FILTER_RULES,
    ...SENDER_RULES,
    ...MAILBOX_RULES,
    ...MESSAGE_RULES,
    ...CODE_RULES,
  ],
};
