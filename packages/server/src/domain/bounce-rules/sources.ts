/** Where the facts of the rules are published. */

export const SOURCES = {
  rfc3463: 'RFC 3463, Enhanced Mail System Status Codes',
  iana: 'IANA, SMTP Enhanced Status Codes registry (RFC 5248)',
  rfc5321: 'RFC 5321 sections 4.2.2 and 4.2.3, reply codes',
  rfc7504: 'RFC 7504, reply codes 521 and 556',
  rfc7505: 'RFC 7505, null MX',
  rfc6647: 'RFC 6647, greylisting',
  node: 'Node.js, common system errors: nodejs.org/api/errors.html',
  gmail: 'Google, Gmail SMTP errors and codes: support.google.com/a/answer/3726730',
  microsoft:
    'Microsoft, NDR codes in Exchange Online: learn.microsoft.com/exchange/troubleshoot/email-delivery/ndr',
  outlook:
    'Microsoft, Outlook.com SMTP error codes: sendersupport.olc.protection.outlook.com/pm/troubleshooting.aspx',
  yahoo: 'Yahoo, SMTP error codes: senders.yahooinc.com/smtp-error-codes',
  aol: 'AOL, error codes (archived): postmaster.aol.com/error-codes',
  icloud: 'Apple iCloud Mail: support.apple.com/102322, and the replies listed at smtp.codes/icloud',
  comcast: 'Comcast, error codes: xfinity.com/support/articles/email-errors',
  charter: 'Spectrum (Charter), AUP codes of its mail servers',
  cox: 'Cox, error codes: postmaster.cox.net',
  att: 'AT&T, block list replies: observed, zone-eu/zone-mta config/bounces.txt',
  gmx: 'GMX, WEB.DE and 1&1: postmaster.gmx.com/en/error-messages, and smtp.codes/unitedinternet',
  tonline: 'Deutsche Telekom, T-Online postmaster: postmaster.t-online.de',
  orange: 'Orange and Wanadoo, OFR and LPN codes: postmaster.orange.fr',
  free: 'Free (Proxad), refusals of its mail servers',
  mailru: 'Mail.ru, refusals explained to senders: help.mail.ru',
  yandex: 'Yandex Mail, refusals explained to senders: yandex.com/support/mail',
  qq: 'Tencent, bounces explained: service.mail.qq.com, exmail.qq.com',
  netease: 'NetEase and Coremail, return codes: help.mail.163.com, icoremail.vip',
  mimecast: 'Mimecast, SMTP error codes: community.mimecast.com (DOC-1369)',
  proofpoint: 'Proofpoint, dynamic reputation: support.proofpoint.com/dnsbl-lookup.cgi',
  facebook: 'Facebook, response codes: postmaster.facebook.com/response_codes',
  cisco: 'Cisco Secure Email (IronPort), sender group and recipient verification replies',
  barracuda: 'Barracuda Central and Email Gateway Defense: barracudacentral.org',
  symantec: 'Symantec Email Security.cloud (MessageLabs), refusals',
  trend: 'Trend Micro Email Reputation Services: ers.trendmicro.com',
  cloudmark: 'Cloudmark Sender Intelligence: csi.cloudmark.com',
  spamhaus: 'Spamhaus, how block lists are quoted in refusals: check.spamhaus.org',
  servers:
    'Refusals as Postfix, Exim, Sendmail, qmail, Exchange, Domino and Courier word them in their manuals and sources, and as zone-eu/zone-mta collects them in config/bounces.txt',
} as const;

export type SourceId = keyof typeof SOURCES;
