/** A report with the verdict of the rule table on each of its recipients. */

import type { BounceCategory } from '@postrider/contract/events';
import { classifyBounce } from '../../domain/bounce-rules/classify.ts';
import type { BounceRuleTable, BounceVerdict } from '../../domain/bounce-rules/rule.ts';
import { BOUNCE_RULES } from '../../domain/bounce-rules/table.ts';
import type { MailReport, ReportedRecipient } from './report.ts';

export interface ExplainedRecipient extends ReportedRecipient {
  outcome: 'bounce' | 'soft_bounce' | 'deferred' | 'complaint';
  /** Null for a complaint. */
  category: BounceCategory | null;
  /** Id of the rule that decided; `feedback.<type>` for a complaint. */
  rule: string;
  /** The address itself is to blame, so a verified report of this suppresses it. */
  address_at_fault: boolean;
}

export interface ExplainedReport extends MailReport {
  recipients: ExplainedRecipient[];
}

/** Many recipients of one report are refused in the same words. */
const MAX_REMEMBERED = 100;

export function explainReport(report: MailReport, table: BounceRuleTable = BOUNCE_RULES): ExplainedReport {
  const remembered = new Map<string, BounceVerdict>();
  const verdictOf = (recipient: ReportedRecipient): BounceVerdict => {
    const { smtp_code, enhanced_code, diagnostic, remote } = recipient;
    const key = JSON.stringify([smtp_code, enhanced_code, diagnostic, remote]);
    const known = remembered.get(key);
    if (known !== undefined) return known;
    const verdict = classifyBounce(
      { smtp_code, enhanced_code, text: diagnostic, remote, given_up: true },
      table,
    );
    if (remembered.size < MAX_REMEMBERED) remembered.set(key, verdict);
    return verdict;
  };
  return {
    ...report,
    recipients: report.recipients.map((recipient) => explain(recipient, report, verdictOf)),
  };
}

function explain(
  recipient: ReportedRecipient,
  report: MailReport,
  verdictOf: (recipient: ReportedRecipient) => BounceVerdict,
): ExplainedRecipient {
  if (recipient.action === 'complained')
    return {
      ...recipient,
      outcome: 'complaint',
      category: null,
      rule: `feedback.${report.feedback?.feedback_type ?? 'other'}`,
      address_at_fault: false,
    };
  const { rule, category, outcome, address_at_fault } = verdictOf(recipient);
  if (recipient.action === 'delayed')
    return { ...recipient, outcome: 'deferred', category, rule, address_at_fault: false };
  return {
    ...recipient,
    outcome: outcome === 'hard' ? 'bounce' : 'soft_bounce',
    category,
    rule,
    address_at_fault,
  };
}
