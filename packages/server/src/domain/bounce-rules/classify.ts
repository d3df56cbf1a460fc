/** One statement of a server against the rule table. Pure; in-session replies and reports use it alike. */

import { isOf } from './providers.ts';
import { comparable } from './reply.ts';
import type { BounceRule, BounceRuleTable, BounceVerdict, SmtpStatement } from './rule.ts';
import { BOUNCE_RULES } from './table.ts';

/** Rules for what no rule of the table knows: the class of the code decides, and nobody is blamed. */
export const UNKNOWN_RULE = 'unknown';

export function classifyBounce(said: SmtpStatement, table: BounceRuleTable = BOUNCE_RULES): BounceVerdict {
  const text = comparable(said.text);
  const rule = table.rules.find((candidate) => matches(candidate, said, text));
  if (rule === undefined)
    return {
      rule: UNKNOWN_RULE,
      outcome: outcomeByCode(said),
      category: 'other',
      address_at_fault: false,
    };
  const outcome = rule.outcome ?? outcomeByCode(said);
  return {
    rule: rule.id,
    outcome,
    category: rule.category,
    address_at_fault: outcome === 'hard' && rule.address_at_fault === true,
  };
}

/**
 * The reply code has the last word over the enhanced code, as it rules what the other side does next (RFC 5321
 * section 4.2.1). Null when neither is known.
 */
function codeClass(said: SmtpStatement): number | null {
  if (said.smtp_code !== null) return Math.floor(said.smtp_code / 100);
  return said.enhanced_code === null ? null : Number(said.enhanced_code[0]);
}

/** Without any code, a report is final; in a session it is our own trouble, and the next attempt may do. */
function outcomeByCode(said: SmtpStatement): 'hard' | 'soft' {
  return (codeClass(said) ?? (said.given_up === true ? 5 : 4)) === 4 ? 'soft' : 'hard';
}

function matches(rule: BounceRule, said: SmtpStatement, text: string): boolean {
  if (rule.smtp !== undefined && (said.smtp_code === null || !rule.smtp.includes(said.smtp_code)))
    return false;
  if (rule.enhanced !== undefined && !rule.enhanced.some((pattern) => isCode(pattern, said.enhanced_code)))
    return false;
  const has = (part: string): boolean => text.includes(part);
  if (rule.text !== undefined && !rule.text.some(has)) return false;
  if (rule.also !== undefined && !rule.also.some(has)) return false;
  if (rule.never?.some(has) === true) return false;
  return rule.provider === undefined || (typeof said.remote === 'string' && isOf(rule.provider, said.remote));
}

/** `pattern` as `BounceRule.enhanced` describes it. */
function isCode(pattern: string, code: string | null): boolean {
  if (code === null) return false;
  const [wantedClass, wantedSubject, wantedDetail = ''] = pattern.split('.');
  const [codeClass, subject, detail] = code.split('.');
  if ((wantedClass !== 'x' && wantedClass !== codeClass) || wantedSubject !== subject) return false;
  if (wantedDetail === 'n') return true;
  const [first, last = first] = wantedDetail.split('-').map(Number);
  const number = Number(detail);
  return first !== undefined && last !== undefined && number >= first && number <= last;
}
