/**
 * Every reply the SMTP door can give. RFC 5321 section 4.2 for the codes, RFC 3463 and RFC 5248 for the
 * enhanced ones, RFC 2034 for where they stand: in each 2xx, 4xx and 5xx except the greeting and the answer
 * to HELO and EHLO; a 3xx has none.
 */

export interface ReplyEntry {
  code: number;
  /** RFC 3463 code; empty where RFC 2034 wants none. */
  enhanced: string;
  text: string;
  /** Where the reply comes from. */
  source: string;
  /** A fault of the client that counts towards `max_errors`. Refused addresses and messages do not. */
  fault?: true;
  /** The connection ends after this reply. */
  closes?: true;
}

export const REPLIES = {
  help: {
    code: 214,
    enhanced: '2.0.0',
    text: 'EHLO HELO STARTTLS AUTH MAIL RCPT DATA RSET NOOP VRFY HELP QUIT; sign in with an API key as password',
    source: 'RFC 5321 section 4.1.1.8',
  },
  greeting: { code: 220, enhanced: '', text: 'ESMTP Postrider', source: 'RFC 5321 section 4.3.1' },
  tls_ready: { code: 220, enhanced: '2.0.0', text: 'Ready to start TLS', source: 'RFC 3207 section 4' },
  bye: { code: 221, enhanced: '2.0.0', text: 'Bye', source: 'RFC 5321 section 4.1.1.10', closes: true },
  authenticated: {
    code: 235,
    enhanced: '2.7.0',
    text: 'Authentication succeeded',
    source: 'RFC 4954 section 6',
  },
  hello: { code: 250, enhanced: '', text: 'Hello', source: 'RFC 5321 section 4.1.1.1' },
  ok: { code: 250, enhanced: '2.0.0', text: 'OK', source: 'RFC 5321 section 4.2.2' },
  sender_ok: { code: 250, enhanced: '2.1.0', text: 'Sender OK', source: 'RFC 5321 section 4.1.1.2' },
  recipient_ok: { code: 250, enhanced: '2.1.5', text: 'Recipient OK', source: 'RFC 5321 section 4.1.1.3' },
  queued: { code: 250, enhanced: '2.0.0', text: 'queued', source: 'RFC 5321 section 4.2.5' },
  cannot_verify: {
    code: 252,
    enhanced: '2.0.0',
    text: 'Cannot verify; send the message and watch its events',
    source: 'RFC 5321 section 3.5.3',
  },
  challenge: { code: 334, enhanced: '', text: '', source: 'RFC 4954 section 4' },
  start_data: {
    code: 354,
    enhanced: '',
    text: 'End the message with <CRLF>.<CRLF>',
    source: 'RFC 5321 section 4.1.1.4',
  },

  shutting_down: {
    code: 421,
    enhanced: '4.3.2',
    text: 'Shutting down; try again later',
    source: 'RFC 5321 section 3.8, RFC 3463 X.3.2',
    closes: true,
  },
  too_many_connections: {
    code: 421,
    enhanced: '4.7.0',
    text: 'Too many connections; close some or try again later',
    source: 'RFC 5321 section 4.3.2',
    closes: true,
  },
  too_many_errors: {
    code: 421,
    enhanced: '4.7.0',
    text: 'Too many errors; closing',
    source: 'RFC 5321 sections 4.3.2 and 7.8',
    closes: true,
  },
  too_many_idle_commands: {
    code: 421,
    enhanced: '4.7.0',
    text: 'Too many commands without a message; closing',
    source: 'RFC 5321 sections 4.3.2 and 7.8',
    closes: true,
  },
  too_many_failed_auth: {
    code: 421,
    enhanced: '4.7.0',
    text: 'Too many failed authentications; closing',
    source: 'RFC 4954 section 9, RFC 5321 section 4.3.2',
    closes: true,
  },
  not_smtp: {
    code: 421,
    enhanced: '4.7.0',
    text: 'This port speaks SMTP, not HTTP; closing',
    source: 'RFC 5321 section 7.8',
    closes: true,
  },
  endless_line: {
    code: 421,
    enhanced: '4.7.0',
    text: 'Line without an end; closing',
    source: 'RFC 5321 sections 4.5.3.1.4 and 7.8',
    closes: true,
  },
  timed_out: {
    code: 421,
    enhanced: '4.4.2',
    text: 'Timed out waiting for you; closing',
    source: 'RFC 5321 section 4.5.3.2, RFC 3463 X.4.2',
    closes: true,
  },

  store_trouble: {
    code: 451,
    enhanced: '4.3.0',
    text: 'Cannot store the message now; nothing was kept, try again later',
    source: 'RFC 5321 section 4.2.3',
  },
  closing_soon: {
    code: 451,
    enhanced: '4.3.2',
    text: 'Shutting down; nothing was kept, try again later',
    source: 'RFC 3463 X.3.2',
  },
  too_many_recipients: {
    code: 452,
    enhanced: '4.5.3',
    text: 'Too many recipients; send the rest in another transaction',
    source: 'RFC 5321 section 4.5.3.1.10, RFC 3463 X.5.3',
  },
  no_memory: {
    code: 452,
    enhanced: '4.3.1',
    text: 'Too much mail is coming in at once; try again later',
    source: 'RFC 5321 section 4.2.3, RFC 3463 X.3.1',
  },
  auth_trouble: {
    code: 454,
    enhanced: '4.7.0',
    text: 'Cannot check the key now; try again later',
    source: 'RFC 4954 section 6',
  },

  unknown_command: {
    code: 500,
    enhanced: '5.5.1',
    text: 'Command not recognized',
    source: 'RFC 5321 section 4.2.4',
    fault: true,
  },
  malformed_line: {
    code: 500,
    enhanced: '5.5.2',
    text: 'Malformed line',
    source: 'RFC 5321 sections 2.3.8 and 4.1.1, RFC 3463 X.5.2',
    fault: true,
  },
  bare_lf: {
    code: 500,
    enhanced: '5.5.2',
    text: 'The line ends with LF alone; every line ends with CR LF; closing',
    source: 'RFC 5321 sections 2.3.8 and 7.8',
    closes: true,
  },
  line_too_long: {
    code: 500,
    enhanced: '5.5.2',
    text: 'Line too long',
    source: 'RFC 5321 section 4.5.3.1.4',
    fault: true,
  },
  auth_line_too_long: {
    code: 500,
    enhanced: '5.5.6',
    text: 'Authentication exchange line is too long; the limit is 12288 octets',
    source: 'RFC 4954 section 6',
    fault: true,
  },
  bad_argument: {
    code: 501,
    enhanced: '5.5.4',
    text: 'Bad argument',
    source: 'RFC 5321 section 4.2.2, RFC 3463 X.5.4',
    fault: true,
  },
  bad_base64: {
    code: 501,
    enhanced: '5.5.2',
    text: 'Cannot decode the response; it must be base64 of the form the mechanism asks for',
    source: 'RFC 4954 section 4',
    fault: true,
  },
  auth_cancelled: {
    code: 501,
    enhanced: '5.7.0',
    text: 'Authentication cancelled',
    source: 'RFC 4954 section 4',
    fault: true,
  },
  bad_sender: {
    code: 501,
    enhanced: '5.1.7',
    text: 'Bad sender address',
    source: 'RFC 5321 section 4.1.1.2, RFC 3463 X.1.7',
  },
  bad_recipient: {
    code: 501,
    enhanced: '5.1.3',
    text: 'Bad recipient address',
    source: 'RFC 5321 section 4.1.1.3, RFC 3463 X.1.3',
  },
  not_implemented: {
    code: 502,
    enhanced: '5.5.1',
    text: 'Command not implemented',
    source: 'RFC 5321 section 4.2.4',
    fault: true,
  },
  chunking_not_offered: {
    code: 502,
    enhanced: '5.5.1',
    text: 'BDAT is not offered here and its octets must not be read as commands; closing',
    source: 'RFC 3030 section 2, RFC 5321 section 4.2.4',
    closes: true,
  },
  bad_sequence: {
    code: 503,
    enhanced: '5.5.1',
    text: 'Bad sequence of commands',
    source: 'RFC 5321 section 4.1.4',
    fault: true,
  },
  unknown_mechanism: {
    code: 504,
    enhanced: '5.5.4',
    text: 'Mechanism not offered; use PLAIN or LOGIN',
    source: 'RFC 4954 section 4',
    fault: true,
  },
  auth_required: {
    code: 530,
    enhanced: '5.7.0',
    text: 'Authentication required; use AUTH with an API key as password',
    source: 'RFC 4954 section 6, RFC 6409 section 4.3',
    fault: true,
  },
  key_refused: {
    code: 535,
    enhanced: '5.7.8',
    text: 'The password is not a valid API key',
    source: 'RFC 4954 section 6',
  },
  tls_required: {
    code: 538,
    enhanced: '5.7.11',
    text: 'Encryption required for authentication; use STARTTLS first',
    source: 'RFC 4954 section 4, RFC 3463 X.7.11',
    fault: true,
  },
  message_too_large: {
    code: 552,
    enhanced: '5.3.4',
    text: 'Message too large',
    source: 'RFC 1870 section 6, RFC 3463 X.3.4',
  },
  utf8_not_asked: {
    code: 553,
    enhanced: '5.6.7',
    text: 'Address is not ASCII; say SMTPUTF8 in MAIL to use it',
    source: 'RFC 6531 section 3.5',
  },
  no_valid_recipients: {
    code: 554,
    enhanced: '5.5.1',
    text: 'No valid recipients',
    source: 'RFC 5321 section 3.3',
  },
  no_transport: {
    code: 554,
    enhanced: '5.3.5',
    text: 'No transport can carry this message',
    source: 'RFC 5321 section 4.2.3, RFC 3463 X.3.5',
  },
  refused_message: {
    code: 554,
    enhanced: '5.6.0',
    text: 'Message refused',
    source: 'RFC 5321 section 4.2.5, RFC 3463 X.6.0',
  },
  not_allowed: {
    code: 550,
    enhanced: '5.7.1',
    text: 'The key may not send this message',
    source: 'RFC 6409 section 6.1, RFC 3463 X.7.1',
  },
  unknown_parameter: {
    code: 555,
    enhanced: '5.5.4',
    text: 'Parameter not recognized',
    source: 'RFC 5321 section 4.1.1.11',
    fault: true,
  },
} as const satisfies Record<string, ReplyEntry>;

export type ReplyName = keyof typeof REPLIES;

/** One reply, ready to be written. */
export interface Reply {
  name: ReplyName;
  entry: ReplyEntry;
  lines: readonly string[];
}

/** RFC 5321 section 4.5.3.1.5: a reply line has at most 512 octets with code and CR LF. */
const LINE_OCTETS = 512;

/** The reply `name` with the table's words, or with those given. */
export function reply(name: ReplyName, ...lines: string[]): Reply {
  const entry = REPLIES[name];
  return { name, entry, lines: lines.length === 0 ? [entry.text] : lines };
}

/**
 * The octets of a reply. Texts may carry words of a client or of another stage, so whatever is not printable
 * ASCII becomes `?`: a line break in them would be a second reply.
 */
export function renderReply({ entry, lines }: Reply): string {
  const enhanced = entry.enhanced === '' ? '' : `${entry.enhanced} `;
  let wire = '';
  for (const [index, line] of lines.entries()) {
    const head = `${entry.code}${index < lines.length - 1 ? '-' : ' '}${enhanced}`;
    const text = line.replaceAll(/\s+/g, ' ').replaceAll(/[^\x20-\x7e]/g, '?');
    wire += `${head}${text.slice(0, LINE_OCTETS - 2 - head.length)}\r\n`;
  }
  return wire;
}
