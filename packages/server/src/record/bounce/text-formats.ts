/**
 * Bounces of servers that do not speak RFC 3464, as data. A mail is one only when a machine sent it and a line of its
 * own text, not a quotation, has one of these openings. All in lower case.
 */

export interface TextFormat {
  id: string;
  /** Part of a line by which the text begins. */
  opening: readonly string[];
  /** It tells of a delay; the message is still tried. */
  delayed?: true;
  /** Words that people use, too: the sender must have the name of a server. */
  vague?: true;
  /** Words before the address on its line, where it does not stand at the line's start. */
  labels?: readonly string[];
  /** Sent by this local part or with this X-Mailer although nothing else says that a machine wrote it. */
  machine?: readonly string[];
  source: string;
}

/** How the copy of the original message begins: nothing after it is the server's own. */
export const COPY_OPENINGS: readonly string[] = [
  '--- below this line is a copy of the message',
  '------ this is a copy of the message',
  '------ this is a copy of your message',
  '------ the body of the message is',
  '--- the header of the original message is following',
  '--- the headers of the original message follow',
  '----- original message',
  '-----original message',
  '   ----- original message follows',
  '----- original message follows',
  '   ----- unsent message follows',
  '----- unsent message follows',
  '   ----- message header follows',
  '--- original message follows',
  '--- returned message',
  '---- start of returned message',
  '--------returned mail follows--------',
  '-------- returned mail --------',
  '-- the header of',
  'original message follows',
  'message headers follow',
  'message text follows',
  'message header follows',
  'original message headers',
  'your message reads',
  'here is your returned mail',
  'a copy of the original message',
  'below this line is a copy',
  'included is a copy of the message header',
  'possibly truncated original message follows',
  'text of undelivered message',
  '| message header',
  '--- below the next line is a copy',
  'the original message was:',
  '---------- forwarded message',
  '-------- forwarded message',
  '----- forwarded message',
  'begin forwarded message',
  'returned message follows',
];

/**
 * How subjects of failure notices read in formats that are not known. With a machine as the sender and somebody named
 * in the text they make a bounce.
 */
export const FAILURE_SUBJECTS: readonly string[] = [
  'undeliver',
  'undelivered',
  'returned mail',
  'returned to sender',
  'mail delivery fail',
  'mail delivery problem',
  'delivery fail',
  'delivery error',
  'failed delivery',
  'failure notice',
  'mail failure',
  'delivery status notification',
  'mail system error',
  'nondeliverable',
  'non-deliverable',
  'could not be delivered',
  'could not deliver',
  'delivery has failed',
  'message status - undeliverable',
  'unzustellbar',
  'nicht zustellbar',
  'non remis',
  'échec de la remise',
  'no se puede entregar',
  'no entregado',
  'non recapitabile',
  'não entregue',
  'onbestelbaar',
  'недоставленн',
  '配信不能',
  '退信',
];

/** The same for delays. */
export const DELAY_SUBJECTS: readonly string[] = [
  'delayed mail',
  'mail delayed',
  'delivery delayed',
  'could not send message for past',
  'still being retried',
  '(delay)',
  'delivery delay',
];

/** Words before an address anywhere in a line of such a notice. */
export const MENTIONS: readonly string[] = [
  'rcpt to:',
  'recipient:',
  'deliver to',
  'delivered to',
  'delivering your mail to',
  'your message to',
  'your mail to',
  'message for',
  'mailbox of',
  'user:',
  'address:',
];

export const TEXT_FORMATS: readonly TextFormat[] = [
  {
    id: 'qmail',
    opening: [
      'hi. this is the qmail-send program',
      'this is the deliver program at',
      "i'm afraid i wasn't able to deliver your message to the following addresses",
      'i tried to deliver a bounce message to this address, but the bounce bounced',
    ],
    source: 'cr.yp.to/proto/qsbmf.txt',
  },
  {
    id: 'exim_delay',
    delayed: true,
    opening: [
      'a message that you sent has not yet been delivered',
      'a message that you have sent has not yet been delivered',
      'the message has not yet been delivered',
    ],
    source: 'Exim specification, warn_message_file',
  },
  {
    id: 'exim',
    opening: [
      'this message was created automatically by mail delivery',
      'a message that you sent could not be delivered',
      'a message that you sent contained no recipient',
      'a message that you sent contained one or more recipient addresses',
    ],
    labels: ['rcpt to:'],
    source: 'Exim specification, bounce_message_file; GMX and 1&1 use the same words',
  },
  {
    id: 'sendmail_delay',
    vague: true,
    delayed: true,
    opening: [
      'the following addresses had transient non-fatal errors',
      'the following addresses had delayed delivery',
      'this is a warning message only',
      'message still undelivered after',
      'will keep trying until message is',
    ],
    source: 'Sendmail, errors of savemail(); conf To-line queue warnings',
  },
  {
    id: 'sendmail',
    opening: [
      'the following addresses had permanent fatal errors',
      'the following addresses had delivery problems',
      'the following addresses had permanent delivery errors',
      'the following addresses have delivery notifications',
      'transcript of session follows',
      'the original message was received at',
    ],
    source: 'Sendmail, errors of savemail()',
  },
  {
    id: 'postfix_delay',
    delayed: true,
    opening: [
      'this is a warning only.  you do not need to resend',
      'your message could not be delivered for more than',
    ],
    source: 'Postfix bounce(5), delay_template',
  },
  {
    id: 'postfix',
    opening: [
      'this is the mail system at host',
      'this is the postfix program at host',
      'this is the mail server at host',
    ],
    source: 'Postfix bounce(5), failure_template',
  },
  {
    id: 'gmail_delay',
    delayed: true,
    opening: ['delivery to the following recipient has been delayed'],
    source: 'Gmail notifications before 2016',
  },
  {
    id: 'gmail',
    opening: [
      'delivery to the following recipient failed permanently',
      'delivery to the following recipients failed',
    ],
    source: 'Gmail notifications before 2016; Microsoft SMTP service',
  },
  {
    id: 'exchange',
    vague: true,
    opening: [
      'did not reach the following recipient',
      'delivery has failed to these recipients',
      'your message did not reach some or all of the intended recipients',
      'could not be reached because',
      'the following recipient(s) could not be reached',
      'the email below could not be delivered to the following user',
      'the following recipient(s) cannot be reached',
    ],
    labels: ['[smtp:', 'recipient:', 'user:'],
    source: 'Microsoft Exchange 5.5 to 2007, non-delivery reports; MailEnable',
  },
  {
    id: 'domino',
    vague: true,
    opening: ['was not delivered to:', 'was not delivered to'],
    source: 'HCL Domino router failure report',
  },
  {
    id: 'yahoo',
    opening: [
      'unable to deliver your message to the following address',
      'unable to deliver message to the following address',
    ],
    source: 'Yahoo! Mail failure notice',
  },
  {
    id: 'aol',
    opening: ['your mail to the following recipients could not be delivered'],
    source: 'AOL, flufl.bounce detectors/aol',
  },
  {
    id: 'imail',
    vague: true,
    machine: ['smtp32'],
    opening: [
      'unknown user:',
      'user mailbox exceeds allowed size:',
      'undeliverable to',
      'delivery failed',
      'unknown host:',
      'invalid final delivery userid:',
    ],
    labels: [
      'unknown user:',
      'user mailbox exceeds allowed size:',
      'undeliverable to',
      'delivery failed',
      'unknown host:',
      'invalid final delivery userid:',
    ],
    source: 'Ipswitch IMail; flufl.bounce detectors/smtp32',
  },
  {
    id: 'mailenable',
    opening: [
      'mailenable: message could not be delivered',
      'message could not be delivered to some recipients',
    ],
    labels: ['recipient: [smtp:', 'recipient:'],
    source: 'MailEnable SMTP connector',
  },
  {
    id: 'mdaemon',
    machine: ['mdaemon'],
    opening: [
      'the attached message had permanent fatal delivery errors',
      'the following addresses did not receive a copy of your message',
      'the attached message could not be delivered',
    ],
    labels: ['failed address:', '> ', 'address:'],
    source: 'MDaemon transcript notice',
  },
  {
    id: 'groupwise',
    opening: ['the message that you sent was undeliverable to the following'],
    source: 'GroupWise Internet Agent',
  },
  {
    id: 'smail',
    vague: true,
    opening: ['failed addresses follow:'],
    source: 'Smail 3; flufl.bounce simplematch',
  },
  {
    id: 'courier',
    vague: true,
    opening: ['undeliverable mail', 'your message to the following recipients cannot be delivered'],
    source: 'Courier, module.dsn',
  },
  {
    id: 'dragonfly',
    opening: ['there was an error delivering your mail to'],
    labels: ['there was an error delivering your mail to'],
    source: 'DragonFly Mail Agent, dma(8)',
  },
  {
    id: 'vtext',
    machine: ['post_master@'],
    opening: ['error: invalid user address'],
    labels: ['rcpt to:'],
    source: 'Mail-to-message gateways of Verizon (Apache James), sisimai lhost/apachejames',
  },
  {
    id: 'kddi',
    vague: true,
    opening: ['each of the following recipients was rejected by a remote', 'the user(s) account is'],
    labels: ['recipient:'],
    source: 'KDDI (ezweb.ne.jp) mail system error',
  },
  {
    id: 'interscan',
    vague: true,
    opening: ['message from interscan', 'unable to deliver message to'],
    labels: ['rcpt to:'],
    source: 'InterScan VirusWall; flufl.bounce simplematch',
  },
  {
    id: 'failed_recipients',
    vague: true,
    opening: [
      'here is your list of failed recipients',
      '------ failed recipients ------',
      'message not delivered to the following addresses',
      'could not deliver message to the following recipient',
      'your message could not be delivered to',
      'your message could not be delivered',
      'your message cannot be delivered',
      'sorry, unable to deliver your message to',
      'a message could not be delivered to',
      'the following address failed',
      'the following addresses failed',
      'the following addresses had',
      'unable to deliver mail',
      'returned mail follows',
      'the following message could not be delivered',
      'your message was not delivered',
      'message could not be delivered',
      'the message you sent could not be delivered',
      'your email could not be delivered',
      'your message has encountered delivery problems',
      'was undeliverable',
      'an error occurred while trying to deliver',
      'an error has occurred while attempting to deliver',
      'delivery failed for the following',
      'mail could not be delivered',
    ],
    labels: [
      'failed recipient:',
      'intended recipient:',
      'undeliverable address:',
      'recipient:',
      'recipients:',
      'to:',
      'address:',
      'addressed to',
      'intended recipients:',
      "user's mailbox is full:",
      'error-for:',
      'for:',
    ],
    source: 'Texts of smaller servers, flufl.bounce simplematch',
  },
];
