/** What a bounce rule is. The rules themselves are data beside this file; `classify.ts` reads them. */

import type { BounceCategory } from '@postrider/contract/events';
import type { ProviderId } from './providers.ts';
import type { SourceId } from './sources.ts';

/** What a server said about one recipient, in a session or in a report. */
export interface SmtpStatement {
  smtp_code: number | null;
  /** RFC 3463, for example `5.1.1`. */
  enhanced_code: string | null;
  /** The reply or diagnostic as it came. */
  text: string;
  /** Host name of the server that said it, when known: the MX in a session, Remote-MTA in a report. */
  remote?: string | null;
  /** It is out of a report that the mail was given up; without any code that is final, in a session it is not. */
  given_up?: boolean;
}

/** Every criterion that is given must hold; the first rule that matches decides. Texts are in lower case. */
export interface BounceRule {
  /** Stays the same over versions as long as the rule means the same; it is in the events. */
  id: string;
  /** The remote server belongs to this provider. */
  provider?: ProviderId;
  /** The reply code is one of these. */
  smtp?: readonly number[];
  /** One of these: `5.7.26`; `x.2.2` in any class; `5.7.606-649` for a range of details; `x.4.n` for every detail. */
  enhanced?: readonly string[];
  /** The text has one of these. */
  text?: readonly string[];
  /** And one of these. */
  also?: readonly string[];
  /** And none of these. */
  never?: readonly string[];
  /** Without it the code decides: soft when it is of class 4, else hard. */
  outcome?: 'hard' | 'soft';
  category: BounceCategory;
  /** A hard outcome says that mail to this address is useless, whoever sends it. Only then it is suppressed. */
  address_at_fault?: true;
  source: SourceId;
}

/** Rules whose facts come from one place. */
export function from(source: SourceId, rules: readonly Omit<BounceRule, 'source'>[]): BounceRule[] {
  return rules.map((rule) => ({ ...rule, source }));
}

/** `a | b | c`, so that a list of many phrases stays readable. */
export function phrases(list: string): string[] {
  return list.split('|').map((phrase) => phrase.trim().replace(/\s+/g, ' '));
}

export interface BounceRuleTable {
  /** A date and a number; changes with every change of a rule. */
  version: string;
  rules: readonly BounceRule[];
}

export interface BounceVerdict {
  /** Id of the rule. */
  rule: string;
  outcome: 'hard' | 'soft';
  category: BounceCategory;
  /** True only for a hard outcome. */
  address_at_fault: boolean;
}
