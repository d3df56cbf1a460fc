/** What the filters in front of other people's servers say in words of their own. */

import { from, phrases, type BounceRule } from './rule.ts';

export const FILTER_RULES: readonly BounceRule[] = [
  ...from('mimecast', [
    {
      id: 'mimecast.unknown',
      category: 'invalid_email',
      address_at_fault: true,
      text: ['invalid recipient - https://community.mimecast.com'],
    },
    {
      id: 'mimecast.reputation',
      category: 'blocked',
      text: ['csi.mimecast.org', 'host network not allowed'],
    },
    {
      id: 'mimecast.greylist',
      category: 'policy',
      outcome: 'soft',
      text: [
        'internal resources are temporarily unavailable - https://community.mimecast',
        'internal resources are temporarily unavailable',
      ],
    },
    {
      id: 'mimecast.policy',
      category: 'policy',
      text: phrases(`
      administrative prohibition | rejected by header based | envelope blocked | blocked senders |
      anti-spoofing policy`),
    },
    {
      id: 'mimecast.virus',
      category: 'content',
      text: ['local ct signature', 'malware signature', 'rejected by virus'],
    },
  ]),
  ...from('proofpoint', [
    {
      id: 'proofpoint.blocked',
      category: 'blocked',
      text: ['proofpoint.com/dnsbl-lookup', 'ipcheck.proofpoint.com', 'blocked by proofpoint'],
    },
  ]),
  ...from('cisco', [
    {
      id: 'cisco.reputation',
      category: 'blocked',
      text: [
        "due to the sending mta's poor reputation",
        'your access to submit messages to this e-mail system has been rejected',
        'senderbase.org',
      ],
    },
    {
      id: 'cisco.unknown',
      category: 'invalid_email',
      address_at_fault: true,
      text: ['#5.1.0 address rejected'],
    },
  ]),
  ...from('barracuda', [
    {
      id: 'barracuda.blocked',
      category: 'blocked',
      text: ['barracudacentral.org', 'barracudanetworks.com/reputation'],
    },
    {
      id: 'barracuda.policy',
      category: 'spam',
      text: ['permanent failure for one or more recipients'],
      also: [':blocked'],
    },
  ]),
  ...from('symantec', [
    {
      id: 'symantec.reputation',
      category: 'blocked',
      text: phrases(`
      connection refused due to abuse | blocked by symantec | ers.symantec.com |
      messagelabs.com/support/blacklist | connection rejected by policy [7.7]`),
    },
    {
      id: 'symantec.content',
      category: 'spam',
      text: ['message filtered. refer to the troubleshooting page', 'message filtered. please see the faqs'],
    },
  ]),
  ...from('trend', [
    {
      id: 'trend.blocked',
      category: 'blocked',
      text: ['ers.trendmicro.com', 'trend micro rbl', 'trend micro email reputation'],
    },
  ]),
  ...from('cloudmark', [
    {
      id: 'cloudmark.blocked',
      category: 'blocked',
      text: ['csi.cloudmark.com', 'cloudmark poor reputation'],
    },
  ]),
];
