/** What the large providers say in words of their own. Asked before the general rules. */

import { from, phrases, type BounceRule } from './rule.ts';

export const PROVIDER_RULES: readonly BounceRule[] = [
  ...from('gmail', [
    {
      id: 'gmail.inactive',
      category: 'suspended',
      address_at_fault: true,
      text: [
        'the email account that you tried to reach is inactive',
        'the email account that you tried to reach is disabled',
      ],
    },
    {
      id: 'gmail.unknown',
      category: 'invalid_email',
      address_at_fault: true,
      text: [
        'the email account that you tried to reach does not exist',
        'support.google.com/mail/?p=nosuchuser',
      ],
    },
    {
      id: 'gmail.quota',
      category: 'mailbox_full',
      outcome: 'soft',
      text: [
        "recipient's inbox is out of storage",
        'account that you tried to reach is over quota',
        '?p=overquota',
      ],
    },
    {
      id: 'gmail.receiving_rate',
      category: 'rate_limited',
      outcome: 'soft',
      text: ['is receiving mail too quickly', 'is receiving mail at a rate that', '?p=receivingrate'],
    },
    {
      id: 'gmail.unauthenticated',
      category: 'auth_failure',
      text: phrases(`
      because the sender is unauthenticated | requires all senders to authenticate |
      ?p=unauthenticatedemail | unauthenticated email from`),
    },
    {
      id: 'gmail.no_ptr',
      category: 'auth_failure',
      text: ['does not meet ipv6 sending guidelines', 'does not have a ptr record'],
    },
    {
      id: 'gmail.rate',
      category: 'rate_limited',
      outcome: 'soft',
      text: phrases(`
      unusual rate of unsolicited mail | unusual rate of email | unusual amount of unsolicited |
      ip address has been temporarily rate limited`),
    },
    {
      id: 'gmail.spam',
      category: 'spam',
      text: phrases(`
      message is likely unsolicited mail | message is likely suspicious | ?p=unsolicitedmessageerror |
      this message has been blocked because its contents`),
      never: ['presents a potential security issue'],
    },
    {
      id: 'gmail.security',
      category: 'content',
      text: ['presents a potential security issue', '?p=blockedmessage'],
    },
    {
      id: 'gmail.low_reputation',
      category: 'blocked',
      text: ['very low reputation of the sending', 'low reputation of the sending'],
    },
  ]),
  ...from('microsoft', [
    {
      id: 'microsoft.unknown',
      category: 'invalid_email',
      address_at_fault: true,
      text: phrases(`
      resolver.adr.recipientnotfound | resolver.adr.exrecipnotfound | not found by smtp address lookup |
      resolver.adr.invalidinsmtp`),
    },
    {
      id: 'microsoft.edge_unknown',
      category: 'invalid_email',
      address_at_fault: true,
      enhanced: ['5.4.1'],
      text: ['recipient address rejected: access denied'],
    },
  ]),
  ...from('outlook', [
    {
      id: 'outlook.unknown',
      category: 'invalid_email',
      address_at_fault: true,
      provider: 'microsoft',
      smtp: [550],
      text: ['requested action not taken: mailbox unavailable'],
    },
  ]),
  ...from('microsoft', [
    {
      id: 'microsoft.quota',
      category: 'mailbox_full',
      outcome: 'soft',
      text: ['quotaexceededexception', 'shutoffquotaexceeded', 'mailboxfull'],
    },
    {
      id: 'microsoft.thread_limit',
      category: 'rate_limited',
      outcome: 'soft',
      text: ['recipient thread limit exceeded', 'concurrent connections limit exceeded'],
    },
    {
      id: 'microsoft.restricted',
      category: 'policy',
      text: phrases(`
      resolver.rst. | sendernotauthenticatedfor | not allowed to send to |
      restricted delivery management | denied by customer policy`),
    },
    { id: 'microsoft.dmarc', category: 'auth_failure', outcome: 'hard', enhanced: ['5.7.509'] },
    { id: 'microsoft.auth_level', category: 'auth_failure', outcome: 'hard', enhanced: ['5.7.515'] },
    { id: 'microsoft.spam', category: 'spam', outcome: 'hard', enhanced: ['5.7.501', '5.7.502'] },
    {
      id: 'microsoft.banned',
      category: 'blocked',
      outcome: 'hard',
      enhanced: phrases(`5.7.503 | 5.7.507 | 5.7.511 | 5.7.513 | 5.7.606-649 | 5.7.703-750`),
    },
  ]),
  ...from('outlook', [
    {
      id: 'microsoft.banned_text',
      category: 'blocked',
      provider: 'microsoft',
      text: phrases(`
      access denied, banned send | traffic not accepted from this ip |
      part of their network is on our block list |
      weren't sent. please contact your internet service provider | sc-001 | sc-002 | ou-001 | bl-001`),
    },
  ]),
  ...from('microsoft', [
    { id: 'microsoft.banned_recipient', category: 'policy', outcome: 'hard', enhanced: ['5.7.505'] },
    {
      id: 'microsoft.suspicious',
      category: 'rate_limited',
      outcome: 'soft',
      enhanced: ['4.7.500-699', '4.7.850-899'],
    },
  ]),
  ...from('outlook', [
    {
      id: 'outlook.rate',
      category: 'rate_limited',
      outcome: 'soft',
      provider: 'microsoft',
      text: ['rp-001', 'rp-002', 'rp-003'],
    },
    { id: 'outlook.dynamic_ip', category: 'blocked', provider: 'microsoft', text: ['dy-001', 'dy-002'] },
    { id: 'outlook.spam', category: 'spam', provider: 'microsoft', text: ['sc-003', 'sc-004', 'ou-002'] },
  ]),
  ...from('microsoft', [
    {
      id: 'microsoft.no_domain',
      category: 'domain_not_found',
      address_at_fault: true,
      enhanced: ['5.4.310'],
    },
    {
      id: 'microsoft.unreachable',
      category: 'network',
      outcome: 'soft',
      enhanced: phrases(`x.4.300 | x.4.312 | x.4.316 | x.4.317`),
    },
    { id: 'microsoft.loop', category: 'network', outcome: 'hard', enhanced: ['5.4.14'] },
    {
      id: 'microsoft.auth_required',
      category: 'relay_denied',
      text: ['client was not authenticated to send anonymous mail'],
    },
  ]),
  ...from('yahoo', [
    {
      id: 'yahoo.unknown',
      category: 'invalid_email',
      address_at_fault: true,
      text: phrases(`
      this user doesn't have a yahoo | this user doesn't have a | not a valid recipient - |
      delivery error: dd requested mail action aborted, mailbox not found | mailbox not found`),
    },
    {
      id: 'yahoo.disabled',
      category: 'suspended',
      address_at_fault: true,
      text: [
        'this account has been disabled or discontinued',
        'account not available',
        'this mailbox is disabled',
      ],
    },
    {
      id: 'yahoo.permanently_deferred',
      category: 'blocked',
      outcome: 'hard',
      text: ['will be permanently deferred', '[tss11]'],
    },
    {
      id: 'yahoo.deferred',
      category: 'rate_limited',
      outcome: 'soft',
      text: phrases(`temporarily deferred due to | [tss01] | [tss02] | [tss03] | [tss04] | [gl01] | [gl02]`),
    },
    {
      id: 'yahoo.blocked',
      category: 'blocked',
      text: phrases(`
      [bl21] | [bl22] | [bl23] | [tss07] | [tss09] | [ipts04] |
      connections not accepted from ip addresses on | connections will not be accepted from`),
    },
    {
      id: 'yahoo.policy',
      category: 'policy',
      text: ['message not accepted for policy reasons', 'message content rejected for policy reasons'],
    },
  ]),
  ...from('aol', [
    {
      id: 'aol.blocked',
      category: 'blocked',
      text: phrases(
        `rtr:bb | rtr:du | rtr:sc | rtr:bl | rly:b1 | rly:b2 | rly:b3 | rly:bl | rly:ir | con:b1`,
      ),
    },
    { id: 'aol.no_ptr', category: 'auth_failure', text: ['rtr:rd'] },
    {
      id: 'aol.rate',
      category: 'rate_limited',
      outcome: 'soft',
      text: phrases(`dyn:t1 | dyn:t2 | rtr:ge | rly:cs4`),
    },
    {
      id: 'aol.content',
      category: 'spam',
      text: phrases(`hvu:b | hvu:b1 | hvu:b2 | rly:bd | rly:ch | rtr:ch | cnt:`),
    },
  ]),
  ...from('icloud', [
    {
      id: 'icloud.blocked',
      category: 'blocked',
      text: ['[hm07]', '[hm08]', 'rejected due to local policy. see https://support.apple.com'],
    },
    {
      id: 'icloud.rate',
      category: 'rate_limited',
      outcome: 'soft',
      text: ['deferred due to excessive volume'],
    },
    // Its owner can switch it on again.
    { id: 'icloud.paused', category: 'suspended', provider: 'apple', text: ['inactive email address'] },
    { id: 'icloud.policy', category: 'spam', text: ['[cs01]', '[cs02]'] },
  ]),
  ...from('comcast', [
    {
      id: 'comcast.unknown',
      category: 'invalid_email',
      address_at_fault: true,
      text: ['not our customer'],
    },
    {
      id: 'comcast.blocked',
      category: 'blocked',
      text: phrases(`comcast block for spam | comcast blacklist | #bl0 | es000001 | es000010`),
    },
    {
      id: 'comcast.rate',
      category: 'rate_limited',
      outcome: 'soft',
      text: phrases(`#rl00 | rl000001 | rl000002 | rl000003`),
    },
  ]),
  ...from('charter', [
    { id: 'charter.aup', category: 'blocked', text: phrases(`aup#i-1 | aup#in-1 | aup#out-1 | aup#o-1`) },
  ]),
  ...from('cox', [
    { id: 'cox.rate', category: 'rate_limited', outcome: 'soft', text: ['cxcnct', 'cxmxrt'] },
    { id: 'cox.sender', category: 'auth_failure', text: ['cxsndr', 'cxdns'] },
    {
      id: 'cox.unknown',
      category: 'invalid_email',
      address_at_fault: true,
      text: ['aup#cxrcpt', 'recipient rejected: aup'],
    },
    {
      id: 'cox.blocked',
      category: 'blocked',
      text: phrases(`ipbl00 | ipbl01 | ipbl1 | cxthrt | cxbl | cdrbl`),
    },
  ]),
  ...from('att', [
    { id: 'att.blocked', category: 'blocked', text: ['dnsbl:attrbl', 'dnsbl:rbl', '_is_blocked'] },
  ]),
  ...from('gmx', [
    {
      id: 'gmx.no_service',
      category: 'blocked',
      text: ['no smtp service'],
      also: phrases(`black | policy | dynamic | reputation`),
    },
    {
      id: 'gmx.bad_dns',
      category: 'auth_failure',
      text: ['bad dns ptr resource record', 'invalid dns mx or a/aaaa resource record', 'invalid dns ptr'],
    },
    {
      id: 'gmx.policy',
      category: 'spam',
      provider: 'gmx',
      text: [
        'reject due to policy restrictions',
        'mail rejected for policy reasons',
        'message rejected because it was classified as spam',
      ],
    },
    {
      id: 'gmx.transaction_failed',
      category: 'blocked',
      provider: 'gmx',
      text: ['nemesis esmtp service not available'],
    },
  ]),
  ...from('tonline', [
    {
      id: 'tonline.blocked',
      category: 'blocked',
      text: ['a problem occurred. (ask your postmaster'],
    },
  ]),
  ...from('orange', [
    {
      id: 'orange.unknown',
      category: 'invalid_email',
      address_at_fault: true,
      text: ['ofr_416', 'destinataire invalide'],
    },
    {
      id: 'orange.disabled',
      category: 'suspended',
      address_at_fault: true,
      text: ['ofr_417', 'destinataire desactiv'],
    },
    {
      id: 'orange.rate',
      category: 'rate_limited',
      outcome: 'soft',
      text: phrases(`ofr004 | ofr005 | ofr_102 | trop de connexions | veuillez essayer plus tard`),
    },
    {
      id: 'orange.spam',
      category: 'spam',
      text: phrases(`ofr_506 | ofr_515 | lpn007_510 | mail rejete | mail rejet`),
    },
    {
      id: 'orange.blocked',
      category: 'blocked',
      text: phrases(`ofr006_ | ofr_100 | lpn105 | lpn007_401 | service refuse`),
    },
  ]),
  ...from('free', [
    {
      id: 'free.rate',
      category: 'blocked',
      text: ['too many spams from your ip', 'too many errors from your ip'],
    },
  ]),
  ...from('mailru', [
    {
      id: 'mailru.unknown',
      category: 'invalid_email',
      address_at_fault: true,
      text: ['message was not accepted -- invalid mailbox', 'is unavailable: user not found'],
    },
    {
      id: 'mailru.disabled',
      category: 'suspended',
      address_at_fault: true,
      text: ['is unavailable: account is disabled', 'account is terminated'],
    },
    { id: 'mailru.spam', category: 'spam', text: ['spam message rejected', 'spam message discarded'] },
    {
      id: 'mailru.rate',
      category: 'rate_limited',
      outcome: 'soft',
      text: ['ratelimit exceeded', 'try again later: rate'],
    },
  ]),
  ...from('yandex', [
    { id: 'yandex.spam', category: 'spam', text: ['rejected under suspicion of spam'] },
    { id: 'yandex.policy', category: 'policy', text: ['policy rejection on the target address'] },
    {
      id: 'yandex.later',
      category: 'rate_limited',
      outcome: 'soft',
      text: ['the service is currently unavailable. please come back later'],
    },
  ]),
  ...from('qq', [
    {
      id: 'qq.unknown',
      category: 'invalid_email',
      address_at_fault: true,
      provider: 'qq',
      text: ['mailbox not found', 'mailbox unavailable or access denied'],
    },
    {
      id: 'qq.rate',
      category: 'rate_limited',
      outcome: 'soft',
      text: phrases(`
      domain frequency limited | ip frequency limited | connection frequency limited |
      sender frequency limited | sending frequency`),
    },
    {
      id: 'qq.content',
      category: 'spam',
      text: phrases(`
      mail content denied | suspected spam ip | mail is rejected by recipients |
      service.mail.qq.com/cgi-bin/help?subtype=1&&id=20022&&no=1000726`),
    },
    { id: 'qq.blocked', category: 'blocked', text: ['suspected bounce attacks', 'ip in blacklist'] },
  ]),
  ...from('netease', [
    {
      id: 'netease.suspended',
      category: 'suspended',
      address_at_fault: true,
      text: ['user suspended', 'user suspend'],
    },
    { id: 'netease.spam', category: 'spam', text: ['dt:spm'] },
    { id: 'netease.spf', category: 'auth_failure', text: ['mi:spf'] },
    {
      id: 'netease.rate',
      category: 'rate_limited',
      outcome: 'soft',
      text: phrases(
        `hl:icc | hl:ifc | hl:ifq | mi:sfq | mi:stc | mi:dmc | mi:cel | mi:ccl | rp:qrc | rp:trc | rp:drc | rp:ccl`,
      ),
    },
    {
      id: 'netease.blocked',
      category: 'blocked',
      text: phrases(`dt:rbl | hl:ipb | hl:ihu | hl:rep | hl:mep`),
    },
  ]),
  ...from('facebook', [
    { id: 'facebook.preferences', category: 'policy', text: ['refused due to recipient preferences'] },
  ]),
];
