/**
 * Words that blame the sender: its addresses, its name, its reputation, its rate. They stand before the words that
 * blame the address, so that a refusal which names both never suppresses.
 */

import { from, phrases, type BounceRule } from './rule.ts';

export const SENDER_RULES: readonly BounceRule[] = [
  ...from('spamhaus', [
    {
      id: 'text.blocklist',
      category: 'blocked',
      text: phrases(`
      spamhaus | dnsbl | blocklist | block list | blacklist | black list | black-list | black listed |
      blocked using | found in dns list | realtime block | real-time block | sorbs.net | spamcop.net |
      uceprotect | backscatterer.org | junkemailfilter | spamrl.com | is listed at | listed by https |
      abuseat.org | invaluement | senderscore.com | mailspike | spfbl.net | nixspam | abusix | by rbl |
      an rbl | in rbl | on rbl | the rbl | dns rbl | rbl list`),
      never: phrases(
        `blacklisted by recipient | uribl | surbl | dbl.spamhaus | url in | body contains | dnsbl lookup fail`,
      ),
    },
  ]),
  ...from('servers', [
    {
      id: 'text.link_blocklist',
      category: 'spam',
      text: phrases(`
      uribl | surbl | dbl.spamhaus | contains a url listed | contains an url listed |
      body contains a blacklisted | blacklisted url`),
    },
    {
      id: 'text.reputation',
      category: 'blocked',
      text: phrases(`
      poor reputation | bad reputation | low reputation | sender reputation | ip reputation |
      domain reputation | your ip identified as spammer | you are not allowed to connect | banned ip |
      ip is banned | ip banned | ip address is banned | ip address has been blocked |
      ip has been blocked | your ip is blocked | client host blocked | blocked for spam |
      blocked for abuse | dynamic ip | dialup | dial-up | dynamic/residential | currently sending spam |
      has been blocked by | rejected based on geographical | country is blocked |
      mail server has been blocked | your host is blocked | denied due to spam list |
      mail from your server | bounced-spammer | you are in the spammer list |
      server has been temporarily blocked | rejected by the realtime`),
      never: ['not blocked'],
    },
    {
      id: 'text.too_many_unknown',
      category: 'blocked',
      text: phrases(`
      too many invalid recipients | too many unknown recipients | too many bad recipients |
      too many invalid commands | directory harvest | too many unknown users |
      too many failed recipients | too many recipients rejected`),
    },
  ]),
  ...from('iana', [
    { id: 'text.dmarc', category: 'auth_failure', text: ['dmarc'] },
    {
      id: 'text.spf',
      category: 'auth_failure',
      text: phrases(`
      spf fail | spf check | spf record | spf=fail | spf validation | failed spf |
      sender policy framework | openspf. | spf hardfail | spf unauthorized | not authorized by spf |
      spf (sender policy | spf-result | spf rule | spf test | spf error | spf policy | spf incorrect |
      please see http://www.open-spf | spf:`),
    },
    { id: 'text.sender_id', category: 'auth_failure', text: ['purported responsible address', 'sender id'] },
    {
      id: 'text.dkim',
      category: 'auth_failure',
      text: phrases(`
      dkim sign | dkim fail | dkim verif | dkim validation | domainkeys | no dkim | dkim required |
      dkim check | message not signed | unsigned message`),
    },
  ]),
  ...from('servers', [
    {
      id: 'text.reverse_dns',
      category: 'auth_failure',
      text: phrases(`
      reverse dns | reverse lookup | reverse hostname | cannot find your hostname |
      cannot find your reverse | no ptr | ptr record | missing ptr | forward-confirmed | reverse mapping |
      does not resolve to | helo command rejected | invalid helo | bad helo | helo/ehlo |
      fix reverse dns | rdns`),
    },
    {
      id: 'text.sender_refused',
      category: 'policy',
      text: phrases(`
      sender address rejected | sender rejected | sender denied | sender verify failed |
      sender verification | sender not verified | could not verify sender | unable to verify sender |
      cannot verify sender | sender callout | callout verification | verify the sender | invalid sender |
      bad sender | unknown sender | sender domain | domain of sender | sender address does not |
      sender is not allowed | sender not allowed | from address not | from domain | return path |
      envelope sender | sender blocked | sender is blocked | sender has been blocked |
      mail from refused | refused mail from | your email address | your domain | not accept mail from |
      don't accept mail from | do not accept mail from | mail from your domain | backscatter protection | unroutable sender | unrouteable sender |
      from: domain | provide a valid from | sender not pre-approved`),
    },
  ]),
  ...from('rfc6647', [
    {
      id: 'text.greylist',
      category: 'policy',
      outcome: 'soft',
      text: phrases(`
      greylist | graylist | grey-list | gray-list | grey list | postgrey | first contact |
      come back later | try again in | temporarily rejected. try again | please retry later | delayed for`),
    },
  ]),
  ...from('servers', [
    {
      id: 'text.relay',
      category: 'relay_denied',
      text: phrases(`
      relay access denied | relaying denied | relay denied | relay not permitted |
      relaying not permitted | relaying not allowed | relaying is not | unable to relay |
      not permitted to relay | cannot relay | we do not relay | don't relay | no relaying |
      relaying prohibited | relay prohibited | relay operation rejected | not a relay |
      not an open relay | not a gateway | isn't in my list of allowed rcpthosts |
      list of allowed rcpthosts | we do not host | not a local domain | relaying mail to | relaying to |
      relaying through | authentication required for relay | authenticate before |
      must be authenticated | authentication is required | authentication required |
      domain isn't allowed to be relayed | local relay only | smtp auth required | relay through |
      turn on smtp authentication`),
    },
  ]),
];
