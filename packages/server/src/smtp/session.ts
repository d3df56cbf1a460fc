/**
 * One SMTP session: commands in, replies out, no sockets. Each command has a method. The order of commands is
 * RFC 5321 section 4.1.4 with RFC 3207 (STARTTLS), RFC 4954 (AUTH) and RFC 6409 (submission) on top.
 */

import { Authentication } from './authentication.ts';
import { isHelloName, splitCommand } from './command.ts';
import type { DataEnd, DataFault } from './data-reader.ts';
import { readRecipient, readSender, tooLarge, tooManyRecipients } from './envelope.ts';
import { reply, type Reply } from './replies.ts';
import type { SessionContext } from './session-context.ts';
import { isUnexpected, submissionReply } from './submission-reply.ts';

type Answer = Reply | Promise<Reply>;

interface Transaction {
  mail_from: string;
  smtputf8: boolean;
  /** Set, because a mailbox named twice gets the message once. */
  recipients: Set<string>;
  /** RCPT commands so far, taken or not. */
  attempts: number;
  started_at: number;
}

/** RFC 5321 section 4.5.3.1.4, with CR LF. */
const LINE_OCTETS = 512;
/** And what SIZE (26), BODY (17), SMTPUTF8 (10) and AUTH (500) add to MAIL. */
const MAIL_LINE_OCTETS = LINE_OCTETS + 553;

const KNOWN_BUT_ABSENT = new Set([
  'EXPN',
  'TURN',
  'ETRN',
  'ATRN',
  'SEND',
  'SOML',
  'SAML',
  'BURL',
  'XCLIENT',
  'XFORWARD',
]);
const HTTP_REQUEST = /^(?:GET|HEAD|POST|PUT|DELETE|PATCH|OPTIONS|TRACE|CONNECT) \S+ HTTP\/\d/i;

export class Session {
  readonly #context: SessionContext;
  #secure = false;
  readonly #authentication: Authentication;
  #hello: { name: string; extended: boolean } | null = null;
  #transaction: Transaction | null = null;
  #faults = 0;
  #idleCommands = 0;
  /** Messages taken. */
  messages = 0;

  constructor(context: SessionContext) {
    this.#context = context;
    this.#authentication = new Authentication(context);
  }

  /** Between MAIL and the answer to DATA. */
  get inTransaction(): boolean {
    return this.#transaction !== null;
  }

  greeting(): Reply {
    return reply('greeting', `${this.#context.name} ESMTP Postrider`);
  }

  /** One complete line of well-formed UTF-8; `octets` counts its CR LF. */
  async line(line: string, octets: number): Promise<Reply> {
    return this.#counted(await this.#dispatch(line, octets));
  }

  /** A line that could not be one. An AUTH exchange it came in is over. */
  broken(name: 'malformed_line' | 'line_too_long', reason?: string): Reply {
    const inExchange = this.#authentication.breakOff();
    if (name === 'line_too_long' && inExchange) return this.#counted(reply('auth_line_too_long'));
    return this.#counted(reason === undefined ? reply(name) : reply(name, reason));
  }

  /** TLS is up: all that was said before is forgotten (RFC 3207 section 4.2). */
  secured(): void {
    this.#secure = true;
    this.#hello = null;
    this.#transaction = null;
    this.#authentication.forget();
  }

  /** DATA has come to its true end. */
  async content(end: DataEnd): Promise<Reply> {
    const transaction = this.#transaction;
    this.#transaction = null;
    if (transaction === null) return this.#counted(reply('bad_sequence'));
    const answer = await this.#submit(transaction, end);
    this.#context.metrics.transaction(answer.name, performance.now() - transaction.started_at);
    if (answer.name === 'queued') {
      this.messages += 1;
      this.#faults = 0;
      this.#idleCommands = 0;
    }
    return this.#counted(answer);
  }

  #counted(answer: Reply): Reply {
    if (answer.entry.fault !== true) return answer;
    this.#faults += 1;
    return this.#faults > this.#context.settings.max_bad_commands ? reply('too_many_errors') : answer;
  }

  #dispatch(line: string, octets: number): Answer {
    if (this.#authentication.exchanging) return this.#authentication.respond(line);
    const { verb, rest } = splitCommand(line);
    if (verb !== 'AUTH' && octets > (verb === 'MAIL' ? MAIL_LINE_OCTETS : LINE_OCTETS)) {
      return reply(
        'line_too_long',
        `Line too long; the limit for this command is ${verb === 'MAIL' ? MAIL_LINE_OCTETS : LINE_OCTETS} octets`,
      );
    }
    if (verb !== 'RCPT') {
      this.#idleCommands += 1;
      if (this.#idleCommands > this.#context.settings.max_idle_commands)
        return reply('too_many_idle_commands');
    }
    return this.#command(verb, rest, line);
  }

  #command(verb: string, rest: string, line: string): Answer {
    switch (verb) {
      case 'EHLO':
        return this.#ehlo(rest);
      case 'HELO':
        return this.#helo(rest);
      case 'STARTTLS':
        return this.#starttls(rest);
      case 'AUTH':
        return this.#auth(rest);
      case 'MAIL':
        return this.#mail(rest);
      case 'RCPT':
        return this.#rcpt(rest);
      case 'DATA':
        return this.#data(rest);
      case 'RSET':
        return this.#rset(rest);
      case 'NOOP':
        return reply('ok');
      case 'VRFY':
        return rest === '' ? reply('bad_argument', 'VRFY takes an address') : reply('cannot_verify');
      case 'HELP':
        return reply('help');
      case 'QUIT':
        return rest === '' ? reply('bye') : reply('bad_argument', 'QUIT takes no argument');
      case 'BDAT':
        return reply('chunking_not_offered');
      default:
        if (KNOWN_BUT_ABSENT.has(verb)) return reply('not_implemented');
        return HTTP_REQUEST.test(line) ? reply('not_smtp') : reply('unknown_command');
    }
  }

  // ---------------------------------------------------------------- hello, TLS

  #ehlo(name: string): Reply {
    if (!isHelloName(name)) return badHello('EHLO');
    this.#hello = { name, extended: true };
    this.#transaction = null;
    const { settings, startTls } = this.#context;
    const lines = [
      `${this.#context.name} greets ${name}`,
      'PIPELINING',
      `SIZE ${settings.message_bytes}`,
      '8BITMIME',
      'SMTPUTF8',
      'ENHANCEDSTATUSCODES',
      `LIMITS RCPTMAX=${settings.recipients}`,
    ];
    if (startTls && !this.#secure) lines.push('STARTTLS');
    if (this.#mayAuthenticate()) lines.push('AUTH PLAIN LOGIN');
    lines.push('HELP');
    return reply('hello', ...lines);
  }

  #helo(name: string): Reply {
    if (!isHelloName(name)) return badHello('HELO');
    this.#hello = { name, extended: false };
    this.#transaction = null;
    return reply('hello', `${this.#context.name} greets ${name}`);
  }

  #starttls(rest: string): Reply {
    if (rest !== '') return reply('bad_argument', 'STARTTLS takes no argument');
    if (!this.#context.startTls) return reply('not_implemented', 'STARTTLS is not offered here');
    if (this.#secure) return reply('bad_sequence', 'TLS is already on');
    if (this.#hello?.extended !== true) return reply('bad_sequence', 'Say EHLO first');
    return reply('tls_ready');
  }

  // ---------------------------------------------------------------- AUTH

  #mayAuthenticate(): boolean {
    return this.#secure || this.#context.plainAuth;
  }

  #auth(rest: string): Answer {
    if (this.#hello?.extended !== true) return reply('bad_sequence', 'Say EHLO first');
    if (this.#authentication.caller !== null) return reply('bad_sequence', 'Already authenticated');
    if (!this.#mayAuthenticate()) return reply('tls_required');
    return this.#authentication.start(rest);
  }

  // ---------------------------------------------------------------- MAIL, RCPT, DATA

  async #mail(rest: string): Promise<Reply> {
    if (this.#hello === null) return reply('bad_sequence', 'Say EHLO first');
    if (this.#transaction !== null) return reply('bad_sequence', 'MAIL was already given; RSET starts anew');
    const refusal = await this.#authentication.refusal();
    if (refusal !== null) return refusal;
    const sender = readSender(rest, this.#context.settings.message_bytes);
    if ('refusal' in sender) return sender.refusal;
    if (!this.#context.pending.fits(sender.size)) return reply('no_memory');
    const { mail_from, smtputf8 } = sender;
    this.#transaction = {
      mail_from,
      smtputf8,
      recipients: new Set(),
      attempts: 0,
      started_at: performance.now(),
    };
    return reply('sender_ok');
  }

  #rcpt(rest: string): Reply {
    const transaction = this.#transaction;
    if (transaction === null) return this.#noTransaction();
    const most = this.#context.settings.recipients;
    transaction.attempts += 1;
    if (transaction.attempts > 2 * most) return tooManyRecipients(most);
    const recipient = readRecipient(rest, transaction.smtputf8);
    if ('refusal' in recipient) return recipient.refusal;
    const { recipients } = transaction;
    if (!recipients.has(recipient.address) && recipients.size >= most) return tooManyRecipients(most);
    recipients.add(recipient.address);
    return reply('recipient_ok');
  }

  #data(rest: string): Reply {
    if (rest !== '') return reply('bad_argument', 'DATA takes no argument');
    const transaction = this.#transaction;
    if (transaction === null) return this.#noTransaction();
    if (transaction.recipients.size > 0) return reply('start_data');
    return transaction.attempts > 0
      ? reply('no_valid_recipients')
      : reply('bad_sequence', 'RCPT must come first');
  }

  #noTransaction(): Reply {
    return this.#authentication.caller === null
      ? reply('auth_required')
      : reply('bad_sequence', 'MAIL must come first');
  }

  #rset(rest: string): Reply {
    if (rest !== '') return reply('bad_argument', 'RSET takes no argument');
    this.#transaction = null;
    return reply('ok');
  }

  async #submit(transaction: Transaction, end: DataEnd): Promise<Reply> {
    switch (end.kind) {
      case 'too_large':
        return tooLarge(this.#context.settings.message_bytes, end.size);
      case 'no_memory':
        return reply('no_memory');
      case 'faulty':
        return contentFault(end.fault);
      default:
        return (await this.#authentication.refusal()) ?? this.#hand(transaction, end.raw);
    }
  }

  async #hand(transaction: Transaction, raw: Buffer): Promise<Reply> {
    const { caller } = this.#authentication;
    if (caller === null) return reply('auth_required');
    const { environment, key_id } = caller;
    const line = {
      remote: this.#context.remote,
      key_id,
      env: environment.env,
      recipients: transaction.recipients.size,
      size: raw.length,
      tls: this.#secure,
    };
    try {
      const { message_id } = await this.#context.submissions.submitMime(environment, {
        mail_from: transaction.mail_from,
        recipients: [...transaction.recipients],
        raw,
        smtputf8: transaction.smtputf8,
        client: {
          helo: this.#hello?.name ?? '',
          address: this.#context.remote,
          protocol: this.#protocol(transaction),
        },
      });
      const ms = Math.round(performance.now() - transaction.started_at);
      this.#context.log.info({ ...line, message_id, ms }, 'smtp.accepted');
      return reply('queued', `queued as ${message_id}`);
    } catch (error) {
      const answer = submissionReply(error);
      if (isUnexpected(error)) this.#context.log.error({ ...line, err: error }, 'smtp.submission_failed');
      else this.#context.log.info({ ...line, reply: answer.name, reason: String(error) }, 'smtp.refused');
      return answer;
    }
  }

  /** RFC 3848, and RFC 6531 section 4.3 for the UTF8 ones. */
  #protocol(transaction: Transaction): string {
    if (this.#hello?.extended !== true) return 'SMTP';
    return `${transaction.smtputf8 ? 'UTF8SMTP' : 'ESMTP'}${this.#secure ? 'S' : ''}A`;
  }
}

function badHello(verb: string): Reply {
  return reply('bad_argument', `${verb} takes a domain name or an address literal such as [192.0.2.1]`);
}

const FAULTS: Record<DataFault['what'], string> = {
  bare_cr: 'a bare CR; lines end with CR LF',
  bare_lf: 'a bare LF; lines end with CR LF',
  nul: 'a NUL octet; encode binary content',
};

function contentFault(fault: DataFault): Reply {
  return reply('refused_message', `Message refused: octet ${fault.at} is ${FAULTS[fault.what]}`);
}
