/** Words about the message itself, and about the way there. */

import { from, phrases, type BounceRule } from './rule.ts';

export const MESSAGE_RULES: readonly BounceRule[] = [
  ...from('servers', [
    {
      id: 'text.virus',
      category: 'content',
      text: phrases(`
      virus | malware | trojan | infected | phishing | dangerous attachment | attachment type |
      attachment is not allowed | attachments are not | attachment rejected | prohibited attachment |
      blocked attachment | executable | banned file | banned content | forbidden attachment |
      file extension | unsafe content | restricted attachment | illegal attachment`),
    },
  ]),
  ...from('servers', [
    {
      id: 'text.spam',
      category: 'spam',
      text: phrases(`
      spam | unsolicited | bulk mail | bulk email | junk mail | junkmail | looks like uce | high score |
      spamassassin | bayes | content rejected | message content | rejected by content |
      suspicious content | classified as | blocked by filter | mail content | scored | suspicious`),
    },
  ]),
  ...from('servers', [
    {
      id: 'text.malformed',
      category: 'content',
      text: phrases(`
      rfc 5322 | rfc5322 | rfc 2822 | rfc2822 | rfc 822 | malformed | header error | invalid header |
      missing header | missing required header | missing from | missing date | missing message-id |
      duplicate header | multiple from | from header | bare lf | bare <lf> | bare cr | line too long |
      lines longer | illegal character | mime error | bad mime | charset | conversion | 8bit | smtputf8 |
      subject contains | invalid subject | body type | not rfc`),
      never: ['malformed address'],
    },
  ]),
  ...from('servers', [
    {
      id: 'text.tls',
      category: 'policy',
      text: phrases(`
      starttls | tls required | tls is required | must issue a starttls | encryption required |
      tls not available | certificate | handshake | tls session | tls connection |
      server certificate not | mta-sts | dane`),
    },
  ]),
  ...from('iana', [
    {
      id: 'text.client_auth',
      category: 'auth_failure',
      text: phrases(`
      authentication failed | authentication credentials | bad username |
      username and password not accepted | invalid credentials | auth failed | authentication unsuccessful`),
    },
  ]),
  ...from('servers', [
    {
      id: 'text.policy',
      category: 'policy',
      text: phrases(`
      policy | not authorized | not authorised | unauthorized | not permitted | prohibited |
      administratively | administrator | access denied | access not allowed | not allowed |
      refused by recipient | rejected by recipient | blacklisted by recipient | blocked by recipient |
      not accepted by recipient | closed list | only members | non-members | moderated | not a member |
      subscribers | mailing list | restricted | denied by | client host rejected | command rejected |
      transaction failed | not acceptable | we do not accept | rejected by system | declined |
      mail appears | delivery not authorized | message refused | message rejected | rejected by user |
      forbidden`),
    },
    {
      id: 'text.expired',
      category: 'timeout',
      outcome: 'soft',
      text: phrases(`
      message expired | delivery time expired | retry timeout exceeded | retry time not reached |
      retry timeout | too long on the queue | been in the queue too long | in the queue too long |
      queue too long | could not be delivered for | maximum queue time | maximum time |
      message timed out | message delivery time | gave up | giving up after | unable to deliver in |
      exceeded the maximum time | undeliverable after | delivery attempts have failed |
      connection expired | lifetime`),
    },
  ]),
  ...from('node', [
    {
      id: 'text.timeout',
      category: 'timeout',
      outcome: 'soft',
      text: phrases(`timed out | timeout | time out | etimedout | esockettimedout | took too long`),
    },
  ]),
  ...from('servers', [
    {
      id: 'text.network',
      category: 'network',
      outcome: 'soft',
      text: phrases(`
      connection refused | econnrefused | econnreset | ehostunreach | enetunreach | epipe |
      connection reset | connection dropped | connection closed | connection lost | lost connection |
      lost input channel | lost output channel | connection failed | connection died |
      remote host closed | remote host is not | no route to host | network is unreachable |
      network unreachable | network error | host is down | host unreachable | unreachable |
      unable to connect | could not connect | cannot connect | failed to connect | couldn't connect |
      wasn't able to establish | was unable to establish | unable to establish | unable to contact |
      cannot contact | could not contact | did not respond | not responding | no answer from host |
      bad connection | broken pipe | server not responding | no response | not reachable | socket |
      did not accept our requests to connect | system shutting down | shutting down |
      not accepting network messages | unexpected eof | host name has no`),
    },
  ]),
  ...from('rfc5321', [
    {
      id: 'text.service_unavailable',
      category: 'network',
      text: phrases(`
      service not available | service unavailable | service temporarily unavailable |
      closing transmission channel | closing connection | refused to talk | smart host`),
    },
  ]),
  ...from('servers', [
    {
      id: 'text.server_trouble',
      category: 'other',
      text: phrases(`
      insufficient system storage | insufficient system resources | insufficient resources |
      insufficient disk | no space left on device | out of memory | internal error |
      internal server error | local error in processing | local problem | server error |
      temporary failure | temporarily unavailable | temporary problem | temporary system problem |
      temporary error | try again | try later | temporarily deferred | resources temporarily |
      queue file write error | local configuration error | server configuration | configuration problem |
      mail system | system error | unexpected error | milter | software error | command died |
      exit status | i/o error | input/output error | database error | ldap | mysql |
      resources unavailable | mapping error`),
    },
  ]),
];
