/** The page that lists the bounce rules, made from the table. */

import type { BounceCategory } from '@postrider/contract/events';
import type { BounceRule, BounceRuleTable } from '../rule.ts';
import { SOURCES } from '../sources.ts';

const CATEGORIES: Readonly<Record<BounceCategory, string>> = {
  invalid_email: 'there is no such mailbox',
  domain_not_found: 'the domain does not exist, or takes no mail',
  suspended: 'the account is closed, disabled or unused for long',
  mailbox_full: 'no room for the message at the moment',
  message_too_large: 'the message is larger than the other side takes',
  blocked: 'the sending address or domain is on a block list, or has a bad reputation',
  spam: 'the message was taken for unwanted mail',
  content: 'a virus, a forbidden attachment, or a message that breaks the format',
  auth_failure: 'SPF, DKIM, DMARC, reverse DNS or a login failed',
  policy: 'a rule of the other side, greylisting among them',
  rate_limited: 'too much, too fast, or too many connections',
  relay_denied: 'that server does not take mail for this domain from us',
  network: 'no connection, or one that broke',
  timeout: 'no answer in time, or the queue gave up',
  other: 'none of these, or not told',
};
const SHOWN_PHRASES = 4;

export function rulesPage({ version, rules }: BounceRuleTable): string {
  const categories = Object.entries(CATEGORIES).map(([category, meaning]) => {
    const blames = rules.some((rule) => rule.category === category && rule.address_at_fault === true);
    return `- \`${category}\`: ${meaning}.${blames ? ' Suppresses the address when the rule blames it.' : ''}`;
  });
  return `${HEAD}
## Categories

${categories.join('\n')}

## Rules, version ${version}

Asked in this order; the first that matches decides. "by code" is hard for class 5, soft for class 4, and without any
code hard in a report and soft in a session. When no rule matches, the rule is \`unknown\`: by code, \`other\`, nobody blamed.

${rules.map(row).join('\n')}

## Sources

${Object.entries(SOURCES)
  .map(([name, where]) => `- ${name}: ${where}`)
  .join('\n')}
`;
}

function row(rule: BounceRule): string {
  const blames = rule.address_at_fault === true ? ', blames the address' : '';
  return `- \`${rule.id}\`: ${rule.outcome ?? 'by code'}, \`${rule.category}\`${blames}. ${criteria(rule)}. (${rule.source})`;
}

function criteria(rule: BounceRule): string {
  const parts = [
    rule.provider === undefined ? '' : `at ${rule.provider}`,
    rule.smtp === undefined ? '' : rule.smtp.join(', '),
    rule.enhanced === undefined ? '' : rule.enhanced.join(', '),
    rule.text === undefined ? '' : phrases(rule.text),
    rule.also === undefined ? '' : `with ${phrases(rule.also)}`,
    rule.never === undefined ? '' : `without ${phrases(rule.never)}`,
  ];
  return parts.filter((part) => part !== '').join('; ');
}

function phrases(list: readonly string[]): string {
  const more = list.length - SHOWN_PHRASES;
  const shown = list.slice(0, SHOWN_PHRASES).map((phrase) => `“${phrase}”`);
  return `${shown.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

const HEAD = `# Bounces

What other servers say, in a session or in a report that comes back, is classified by one table of rules:
\`packages/server/src/domain/bounce-rules/\`. The rule's id is in the event. A hard outcome becomes \`bounce\`, a soft one
\`deferred\` and, when the attempts are used up, \`soft_bounce\`. Only a hard outcome of a rule that blames the address
suppresses it: a block list, a full mailbox or a policy never does. A report suppresses only when the token of our
return path verifies.

\`\`\`
postrider explain-bounce FILE…
\`\`\`

tells what a report says, without server and store. Each line has \`kind\`, and for each recipient \`outcome\`:

- \`bounce\`: a report that mail was given up: RFC 3464, RFC 6533, and the texts of servers that do not speak it. Its
  recipients are \`bounce\` or \`soft_bounce\`, and \`deferred\` where the same report tells of a delay.
- \`delayed\`: it is still tried; \`deferred\`.
- \`complaint\`: a feedback report (RFC 5965, RFC 6650) or Microsoft's junk mail report; \`complaint\`. Reports of the types
  \`not-spam\` and \`auth-failure\` are none.
- \`auto_reply\`: a vacation notice or another automatic answer (RFC 3834); no recipients.
- \`other\`: everything else: letters, replies and forwards that quote a bounce, receipts (RFC 8098), reports of success; no
  recipients.

\`address\` is the one that was written to (Original-Recipient, else Final-Recipient), or null when the report does not tell
it. At most 10,000 recipients of a report are read.

Words come before codes, because servers misuse codes: a full mailbox with 5.1.1, an unknown user with 5.7.1, a block
list with 421. What blames the sender stands before what blames the address, so that a refusal which names both never
suppresses. A bounce is only what a machine sent as a whole mail: never a quotation, never an attachment.

This page is made from the table; \`vitest run packages/server/src/domain/bounce-rules/rules-page.test.ts --update=all\` writes it.
`;
