/**
 * Words about the mailbox, the domain, and the room in it, whoever runs the server. Words come before codes, because
 * servers misuse codes: a full mailbox with 5.1.1, an unknown user with 5.7.1.
 */

import { from, phrases, type BounceRule } from './rule.ts';

export const MAILBOX_RULES: readonly BounceRule[] = [
  ...from('servers', [
    {
      id: 'text.mailbox_full',
      category: 'mailbox_full',
      outcome: 'soft',
      text: phrases(`
      mailbox full | mailbox is full | mailbox has exceeded | mailbox exceeded | mailbox size limit |
      mailbox quota | inbox is full | inbox full | over quota | overquota |
      over the maximum allowed quota | over disk quota | over its disk quota | over the allowed quota |
      over allotted quota | quota exceeded | quota exceed | exceeded quota | exceeds quota |
      exceed quota | exceeded the quota | exceeding quota | exceeded its quota | exceeded their quota |
      exceeded his | quota has been exceeded | quota full | quota violation | quota limit | disk quota |
      storage quota | out of quota | not enough space | not enough storage | insufficient space |
      insufficient storage space in mailbox | exceeded storage allocation | exceeded storage |
      exceeds storage | storage limit | storage exceeded | account is full | account full |
      folder is full | mail box full | mailbox would exceed | would exceed mailbox | would be over |
      full mailbox | maildir over | mailfolder is full | box is full | no space left in mailbox |
      no room in mailbox | user storage | cuota | boîte pleine | casella piena | postfach voll |
      mailbox voll | 邮箱空间 | 邮箱已满 | over-quota | quota is exceeded | quota reached | mailbox capacity |
      mailbox exceeds | exceeds allowed size | mail quota | user quota | allocated space | disk space |
      space is full | user is full | mailbox storage | mailbox space`),
      never: phrases(`
      sending quota | daily quota | rate quota | message quota | hourly quota | sender quota |
      sender has exceeded | relay quota`),
    },
    {
      id: 'text.too_large',
      category: 'message_too_large',
      text: phrases(`
      message too large | message is too large | message too big | message is too big |
      message size exceed | size exceeds | exceeds size limit | exceeds the size |
      exceeds maximum message size | exceeds the maximum | exceeds fixed maximum | exceeds fixed limit |
      exceeded maximum | exceeds maximum | exceeds limit | max message size | maximum message size |
      message size limit | mail size limit | size limit exceeded | message length exceeds |
      message exceeds | message file too big | header size exceeds | larger than | too large to |
      too big for | maximum allowed size | maximal size | exceeds administrative limit | rejected: size |
      max size | size limit | size limitation | message too long | mail too large | email too large |
      message content too long | too large`),
      never: phrases(`rate limit | connections | mailbox | recipients | number of messages`),
    },
  ]),
  ...from('servers', [
    {
      id: 'text.rate',
      category: 'rate_limited',
      outcome: 'soft',
      text: phrases(`
      rate limit | ratelimit | rate-limit | too many connections | too many concurrent |
      too many simultaneous | too many sessions | too many messages | too many emails | too many mails |
      too much mail | too quickly | too fast | throttl | exceeded the rate | exceeded rate |
      limit exceeded | sending limit | hourly limit | daily limit | connection limit | connection rate |
      maximum number of connections | maximum connections | max connections | number of messages |
      messages per | connections per | sending quota | daily quota | sender quota | sender has exceeded |
      excessive traffic | mail flood | slow down | server busy | server is busy | service busy |
      concurrency | traffic volume | unexpected volume | frequency | relay quota | reached your daily |
      exceeded your | sending too`),
    },
  ]),
  ...from('rfc5321', [
    {
      id: 'text.too_many_recipients',
      category: 'rate_limited',
      outcome: 'soft',
      text: phrases(`too many recipients | too many rcpt | number of recipients | recipients limit`),
    },
  ]),
  ...from('servers', [
    {
      id: 'text.suspended',
      category: 'suspended',
      address_at_fault: true,
      text: phrases(`
      account is disabled | account disabled | account has been disabled | account is inactive |
      account inactive | account is not active | account not active | account has been suspended |
      account suspended | account is suspended | account has been deactivated | account deactivated |
      account is deactivated | account is locked | account locked | account has been locked |
      account closed | account is closed | account has been closed | account expired |
      account has expired | expired account | account is blocked | account has been blocked |
      account terminated | mailbox disabled | mailbox is disabled | mailbox has been disabled |
      mailbox is inactive | mailbox inactive | mailbox suspended | mailbox is suspended |
      mailbox has been suspended | mailbox is locked | mailbox locked | mailbox deactivated |
      mailbox has been deactivated | mailbox is deactivated | mailbox is blocked | mailbox blocked |
      mailbox is frozen | mailbox is not active | mailbox expired | user disabled | user is disabled |
      user inactive | user is inactive | inactive user | user is suspended | user has been suspended |
      user not active | user is not active | user is locked | user account is expired |
      user account is disabled | recipient is inactive | recipient suspended | recipient is suspended |
      recipient disabled | recipient is disabled | inactive mailbox | inactive account |
      disabled account | disabled mailbox | disabled recipient | suspended account | dormant |
      not been activated | no longer active | account has been terminated | address is disabled |
      address disabled | address has been disabled | email disabled | login disabled | kontingent gesperrt`),
      never: ['sender account', 'your account'],
    },
    {
      id: 'text.delivery_loop',
      category: 'network',
      text: phrases(`
      too many hops | hop count exceeded | mail loop | mail forwarding loop | loops back to myself |
      routing loop | loop detected | too many received | maximum hop count | excessive recursion |
      loop back to myself`),
    },
  ]),
  ...from('rfc7505', [
    {
      id: 'text.null_mx',
      category: 'domain_not_found',
      address_at_fault: true,
      text: phrases(`
      null mx | nullmx | does not accept mail | does not accept email | domain does not accept |
      does not receive mail | no mail is accepted | service not available (nullmx)`),
      never: ['from'],
    },
  ]),
  ...from('servers', [
    {
      id: 'text.dns_try_again',
      category: 'network',
      text: phrases(`
      host not found, try again | name server timeout | temporary dns | dns timeout |
      dns lookup timed out | temporary failure in name resolution | temporary lookup failure |
      name service error for | servfail | host lookup did not complete | dns server failure |
      lowest numbered mx record points to local | malformed or unexpected name server reply | eai_again |
      name server error | cname lookup failed temporarily | transient dns`),
      never: phrases(
        `type=a: host not found | type=aaaa: host not found | type=mx: host not found | no data record`,
      ),
    },
    {
      id: 'text.domain_not_found',
      category: 'domain_not_found',
      address_at_fault: true,
      text: phrases(`
      host or domain name not found | domain not found | domain name not found | no such domain |
      unknown domain | domain unknown | domain does not exist | domain doesn't exist |
      domain is not valid | invalid domain | unknown host | host unknown | unknown mail host |
      host not found | no such host | couldn't find any host named |
      couldn't find any host by that name | couldn't find a mail exchanger | no route to domain |
      no mx record | no mx for | no mail exchanger | unrouteable mail domain | unroutable mail domain |
      unrouteable domain | unresolvable domain | unresolvable host |
      all relevant mx records point to non-existent hosts |
      an mx or srv record indicated no smtp service | nxdomain | dns domain | bad destination system |
      bad destination host | name or service not known | enotfound | dns error | illegal host/domain |
      no valid hosts | failed to resolve | could not resolve | cannot resolve | unable to resolve |
      name not resolved | hostname lookup | domain lookup | no data record of requested type |
      no relay host for domain | domain is invalid | domain of the recipient | non-existent domain |
      nonexistent domain | not a valid domain | dns lookup | no mail server`),
    },
  ]),
  ...from('servers', [
    {
      id: 'text.user_unknown',
      category: 'invalid_email',
      address_at_fault: true,
      text: phrases(`
      user unknown | unknown user | user not found | user is unknown | user doesn't exist |
      user does not exist | user not known | user not exist | user not local | user invalid |
      invalid user | user is invalid | no such user | no such a user | not a valid user |
      not a known user | not a user | no user | user name is not valid | user not listed |
      unknown local user | unknown local part | unknown local-part | recipient unknown |
      unknown recipient | recipient not found | recipient does not exist | recipient doesn't exist |
      recipient not exist | invalid recipient | recipient invalid | recipient is invalid |
      no such recipient | not a valid recipient | not a known recipient | recipient is not known |
      recipient not known | recipient name is not recognized | recipient not recognized |
      recipient address unknown | recipient address does not exist | bad recipient |
      nonexistent recipient | recipient address rejected: user | recipient address rejected: unknown |
      recipient address rejected: undeliverable | recipient address rejected: unverified |
      recipient address rejected: no such | mailbox not found | mailbox unknown | unknown mailbox |
      mailbox does not exist | mailbox doesn't exist | mailbox not exist | no such mailbox | no mailbox |
      invalid mailbox | mailbox invalid | mailbox unavailable | mailbox not available |
      mailbox is unavailable | mailbox is not available | mailbox name not allowed |
      bad destination mailbox | not a valid mailbox | nonexistent mailbox | unknown address |
      address unknown | address is unknown | address does not exist | address doesn't exist |
      address not exist | address not found | no such address | address not known | invalid address |
      address invalid | address is invalid | not a valid address | not a deliverable | bad address |
      bad destination email address | bad destination address | undeliverable address |
      unrouteable address | unroutable address | unrouteable user | no longer valid | no longer exist |
      no longer in use | no longer accepts mail | no longer on server | no longer employed | has moved |
      account does not exist | account doesn't exist | account not found | no such account |
      unknown account | account unknown | account that you tried to reach does not exist |
      invalid account | no account | not our customer | is not a known | not in address directory |
      not in the directory | not in my address book | no such person |
      no one by that name | nobody by that name | no such name | nosuchuser |
      recipnotfound | recipientnotfound | addressee unknown | addressee is unknown |
      destination addresses were unknown | this address does not receive mail | doesn't have an account |
      does not have an account | is not accepting any mail | is not valid here | has left the |
      unbekannt | existiert nicht | inconnu |
      n'existe pas | inexistant | no existe | desconocido | inexistente | sconosciut | non esiste |
      desconhecido | não existe | nieznany | nie istnieje | не существует | не найден | 不存在 | 存在しません |
      宛先不明 | 존재하지 | address is no longer | mailbox is no longer | account is no longer |
      user is no longer | recipient is no longer | not listed in domino | not listed in public |
      no longer with the | no longer with us | does not exist | doesn't exist | not exist |
       unknown mail user | no mail user | not known at this site |
      not known here | no such local user | have an account | no longer on | not in our |
      nonexistent user | non-existent user | no such email`),
      never: ['sender'],
    },
  ]),
];
