/** Messages on their way in, by every door: checked, composed, and handed to the store in one command each. */

import { isId } from '@postrider/contract/ids';
import { problemType, ERRORS, type Problem } from '@postrider/contract/errors';
import { newId } from '../base/ids.ts';
import { invalid, notFound, PostriderError } from '../domain/errors.ts';
import type { NewEvent } from '../domain/event.ts';
import type { AcceptedRecipient, NewMessage } from '../domain/message.ts';
import type { Environment } from '../domain/tenancy.ts';
import type { Idempotency, Idempotent } from '../store/ports.ts';
import { parseAddrSpec, type AddrSpec } from './address.ts';
import { composeMime } from './compose-mime.ts';
import { compress } from './compress.ts';
import type { AcceptLimits } from './limits.ts';
import { readMessage, type MessageInput } from './message-input.ts';
import { readMime, type SmtpClient } from './mime-input.ts';
import { mimeMessage, newMessage } from './new-message.ts';

/** What accepting messages needs of the store. */
export interface SubmissionStore {
  acceptMessage(
    message: NewMessage,
    idempotency: Idempotency | null,
  ): Promise<Idempotent<{ message_id: string; recipients: AcceptedRecipient[] }>>;
  /** With no events it keeps the idempotency key and nothing else. */
  recordEvents(env: number, events: NewEvent[], idempotency: Idempotency | null): Promise<unknown>;
  cancelMessage(env: number, message_id: string, now: number): Promise<{ cancelled: string[] }>;
}

export interface SubmissionSettings {
  store: SubmissionStore;
  clocks: { now(env: number): number };
  limits: AcceptLimits;
  /** Whether some transport can carry mail of this environment. */
  canCarry(environment: Environment): boolean;
  /** For what no caller can mend; it is answered as `internal`. */
  log: { error(fields: object, message: string): void };
  /** Our own name in Received. */
  hostname?: string;
  /** Domain of the Message-ID; the sender's own when null. */
  messageIdDomain?: string | null;
}

export interface Submitted {
  message_id: string;
  recipients: AcceptedRecipient[];
}
export type BatchResult = Submitted | { error: Problem };

export interface SmtpSubmission {
  /** Empty for the null reverse-path. */
  mail_from: string;
  recipients: string[];
  /** After dot-unstuffing. */
  raw: Buffer;
  smtputf8: boolean;
  client?: SmtpClient;
}

/** Items of a batch that are with the store at once. Enough to fill a commit, few enough to bound their bodies. */
const BATCH_CONCURRENCY = 100;
/** A batch gives way to other requests after this long, in ms. */
const BATCH_SLICE_MS = 10;

export class Submissions {
  readonly #settings: SubmissionSettings;
  readonly #hostname: string;

  constructor(settings: SubmissionSettings) {
    this.#settings = settings;
    this.#hostname = settings.hostname ?? 'localhost';
  }

  /**
   * One message of the API. `validation_failed` names every field that does not fit; `no_transport`,
   * `message_too_large`, `idempotency_conflict` and `overloaded` are the other refusals.
   */
  async submit(
    environment: Environment,
    body: unknown,
    idempotency: Idempotency | null,
  ): Promise<Idempotent<Submitted>> {
    const now = this.#settings.clocks.now(environment.env);
    const input = readMessage(body, { limits: this.#settings.limits, now });
    this.#refuseWithoutTransport(environment);
    // What is too large already is not composed, as that takes several times its size in memory.
    this.#refuseTooLarge(contentSize(input));
    const message_id = newId('msg');
    const raw = composeMime(input, {
      messageId: `${message_id}@${this.#settings.messageIdDomain ?? input.from.domain}`,
      date: new Date(input.send_at ?? now),
    });
    this.#refuseTooLarge(raw.length);
    const message = newMessage(environment, message_id, input, now);
    message.size = raw.length;
    message.raw = await compress(raw);
    return this.#settings.store.acceptMessage(message, idempotency);
  }

  /**
   * Up to `limits.batch` messages, each accepted or refused on its own, answered in their order. The idempotency key
   * belongs to this batch from the first commit on, and each item has one of its own made from it: a batch that was
   * cut off can be sent again whole, and another batch under the same key is `idempotency_conflict`.
   */
  async submitBatch(
    environment: Environment,
    items: unknown[],
    idempotency: Idempotency | null,
  ): Promise<BatchResult[]> {
    const { limits } = this.#settings;
    if (items.length === 0 || items.length > limits.batch)
      throw invalid([
        { path: '/messages', message: `must have 1 to ${limits.batch} messages (limits.batch)` },
      ]);
    if (idempotency !== null) await this.#settings.store.recordEvents(environment.env, [], idempotency);
    const results: BatchResult[] = [];
    const refusals: PostriderError[] = [];
    const slice = { until: performance.now() + BATCH_SLICE_MS };
    const queue = items.entries();
    const work = async (): Promise<void> => {
      for (const [index, item] of queue) {
        if (performance.now() > slice.until) await yieldTurn(slice);
        const key = idempotency && { ...idempotency, key: `${idempotency.key}#${index}` };
        try {
          const { message_id, recipients } = await this.submit(environment, item, key);
          results[index] = { message_id, recipients };
        } catch (error) {
          const refusal = this.#asRefusal(error);
          refusals.push(refusal);
          results[index] = { error: problemOf(refusal) };
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(BATCH_CONCURRENCY, items.length) }, work));
    // When nothing at all could be kept, the whole request is to be repeated, and the door says when.
    const first = refusals[0];
    if (
      first !== undefined &&
      refusals.length === items.length &&
      refusals.every((one) => one.status === 503)
    )
      throw first;
    return results;
  }

  /** One SMTP transaction. The recipients were checked as they came; what the message itself says is checked here. */
  async submitMime(
    environment: Environment,
    submission: SmtpSubmission,
  ): Promise<{ message_id: string; recipients: AcceptedRecipient[] }> {
    const now = this.#settings.clocks.now(environment.env);
    this.#refuseWithoutTransport(environment);
    this.#refuseTooLarge(submission.raw.length);
    const from = submission.mail_from === '' ? null : envelopeAddress(submission.mail_from, submission);
    const recipients = envelopeRecipients(submission, this.#settings.limits);
    const message_id = newId('msg');
    const input = readMime(submission.raw, {
      limits: this.#settings.limits,
      message_id,
      messageIdHeader: `${message_id}@${this.#settings.messageIdDomain ?? from?.domain ?? this.#hostname}`,
      hostname: this.#hostname,
      date: new Date(now),
      client: submission.client ?? null,
    });
    const message = mimeMessage(environment, message_id, from?.address ?? '', recipients, input, now);
    message.raw = await compress(input.raw);
    const accepted = await this.#settings.store.acceptMessage(message, null);
    return { message_id: accepted.message_id, recipients: accepted.recipients };
  }

  /** Takes back what of a scheduled message has not been handed to a transport; resolves to those addresses. */
  async cancel(environment: Environment, message_id: string): Promise<{ cancelled: string[] }> {
    if (!isId('msg', message_id)) throw notFound('message', message_id);
    const now = this.#settings.clocks.now(environment.env);
    return this.#settings.store.cancelMessage(environment.env, message_id, now);
  }

  #refuseWithoutTransport(environment: Environment): void {
    if (this.#settings.canCarry(environment)) return;
    throw new PostriderError(
      'no_transport',
      `No transport can carry mail of the ${environment.name} environment, so nothing was kept.`,
    );
  }

  #refuseTooLarge(size: number): void {
    const most = this.#settings.limits.message_bytes;
    if (size > most)
      throw new PostriderError(
        'message_too_large',
        `The message has ${size} octets; limits.message_bytes is ${most}.`,
      );
  }

  #asRefusal(error: unknown): PostriderError {
    if (error instanceof PostriderError) return error;
    this.#settings.log.error({ err: error }, 'message of a batch could not be accepted');
    return new PostriderError('internal', 'The message could not be accepted.', { cause: error });
  }
}

/** Octets before encoding, which never makes them fewer. */
function contentSize(input: MessageInput): number {
  let size = (input.html?.length ?? 0) + (input.text?.length ?? 0);
  for (const { content } of input.attachments) size += content.length;
  return size;
}

async function yieldTurn(slice: { until: number }): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  slice.until = performance.now() + BATCH_SLICE_MS;
}

function envelopeAddress(text: string, submission: SmtpSubmission): AddrSpec {
  const address = parseAddrSpec(text);
  if (!address.ok) throw invalid([{ path: '/envelope', message: `the address ${address.reason}` }]);
  if (address.utf8 && !submission.smtputf8)
    throw invalid([{ path: '/envelope', message: 'an address needs SMTPUTF8; say so in MAIL FROM' }]);
  return address;
}

/** Each address once, in the order of the RCPT commands. */
function envelopeRecipients(submission: SmtpSubmission, limits: AcceptLimits): string[] {
  const most = limits.recipients;
  if (submission.recipients.length === 0 || submission.recipients.length > most)
    throw invalid([{ path: '/envelope', message: `must have 1 to ${most} recipients` }]);
  return [...new Set(submission.recipients.map((text) => envelopeAddress(text, submission).address))];
}

/** One item's refusal in the shape of every other error (RFC 9457). */
function problemOf(error: PostriderError): Problem {
  const { status, title } = ERRORS[error.code];
  return {
    type: problemType(error.code),
    title,
    status,
    code: error.code,
    detail: error.message,
    errors: error.errors,
  };
}
