/**
 * What the codes alone say, when no words were known: first the enhanced code, then the reply code. A full mailbox is
 * emptied one day, whatever the class of its code; and 550 alone may be any policy, so it never suppresses.
 */

import { from, phrases, type BounceRule } from './rule.ts';

export const CODE_RULES: readonly BounceRule[] = [
  ...from('rfc3463', [
    { id: 'code.x.1.1', category: 'invalid_email', address_at_fault: true, enhanced: ['x.1.1'] },
    { id: 'code.x.1.2', category: 'domain_not_found', address_at_fault: true, enhanced: ['x.1.2'] },
    { id: 'code.x.1.3', category: 'invalid_email', address_at_fault: true, enhanced: ['x.1.3'] },
    { id: 'code.x.1.6', category: 'invalid_email', address_at_fault: true, enhanced: ['x.1.6'] },
    { id: 'code.x.1.sender', category: 'policy', enhanced: ['x.1.7', 'x.1.8'] },
  ]),
  ...from('rfc7505', [
    { id: 'code.x.1.10', category: 'domain_not_found', address_at_fault: true, enhanced: ['x.1.10'] },
  ]),
  ...from('rfc3463', [
    { id: 'code.x.1.n', category: 'other', enhanced: ['x.1.n'] },
    { id: 'code.x.2.1', category: 'suspended', address_at_fault: true, enhanced: ['x.2.1'] },
    { id: 'code.x.2.2', category: 'mailbox_full', outcome: 'soft', enhanced: ['x.2.2'] },
    { id: 'code.x.2.3', category: 'message_too_large', enhanced: ['x.2.3'] },
    { id: 'code.x.2.n', category: 'other', enhanced: ['x.2.n'] },
    { id: 'code.x.3.1', category: 'other', outcome: 'soft', enhanced: ['x.3.1'] },
    { id: 'code.x.3.2', category: 'network', enhanced: ['x.3.2'] },
    { id: 'code.x.3.4', category: 'message_too_large', enhanced: ['x.3.4'] },
    { id: 'code.x.3.n', category: 'other', enhanced: ['x.3.n'] },
    { id: 'code.x.4.4', category: 'domain_not_found', enhanced: ['x.4.4'] },
    { id: 'code.x.4.6', category: 'network', enhanced: ['x.4.6', 'x.4.8'] },
    { id: 'code.x.4.7', category: 'timeout', outcome: 'soft', enhanced: ['x.4.7'] },
    { id: 'code.x.4.n', category: 'network', outcome: 'soft', enhanced: ['x.4.n'] },
    { id: 'code.x.5.3', category: 'rate_limited', outcome: 'soft', enhanced: ['x.5.3'] },
    { id: 'code.x.5.n', category: 'other', enhanced: ['x.5.n'] },
  ]),
  ...from('iana', [
    { id: 'code.x.6.n', category: 'content', enhanced: ['x.6.n'] },
    {
      id: 'code.x.7.owner',
      category: 'invalid_email',
      address_at_fault: true,
      enhanced: ['x.7.17', 'x.7.18'],
    },
    {
      id: 'code.x.7.client_auth',
      category: 'auth_failure',
      // The same codes in answer to RCPT or DATA are a refusal of some other kind.
      smtp: [432, 454, 500, 525, 530, 534, 535, 538],
      enhanced: phrases(`x.7.8 | x.7.9 | x.7.12 | x.7.13 | x.7.14`),
    },
    { id: 'code.x.7.mail_auth', category: 'auth_failure', enhanced: ['x.7.20-27', 'x.7.29'] },
    { id: 'code.x.7.28', category: 'rate_limited', outcome: 'soft', enhanced: ['x.7.28'] },
  ]),
  ...from('rfc3463', [{ id: 'code.x.7.n', category: 'policy', enhanced: ['x.7.n'] }]),
  ...from('servers', [
    {
      id: 'text.recipient_refused',
      category: 'invalid_email',
      text: phrases(`malformed address | recipient rejected | recipient refused | address rejected | recipient denied |
        undeliverable | cannot be delivered | not deliverable`),
    },
  ]),
  ...from('rfc5321', [
    { id: 'smtp.421', category: 'network', outcome: 'soft', smtp: [421] },
    { id: 'smtp.552', category: 'mailbox_full', outcome: 'soft', smtp: [452, 552] },
  ]),
  ...from('iana', [{ id: 'smtp.auth', category: 'auth_failure', smtp: [454, 530, 534, 535, 538] }]),
  ...from('rfc5321', [{ id: 'smtp.551', category: 'invalid_email', outcome: 'hard', smtp: [551, 553] }]),
  ...from('rfc7504', [
    { id: 'smtp.521', category: 'other', outcome: 'hard', smtp: [521] },
    { id: 'smtp.556', category: 'domain_not_found', address_at_fault: true, smtp: [556] },
  ]),
];
