/**
 * One HTTP request of a delivery. The head decides: once a final status has come, nothing that happens to the
 * body changes the outcome. Time, bytes and redirects are bounded here; what the outcome means for the
 * delivery is decided in `retry.ts`.
 */

import type { AttemptError } from '../domain/delivery.ts';
import type { Timeout, TimerWheel } from '../base/timer-wheel.ts';
import { AttemptCancelled, AttemptTimeout, isReset, nameError } from './attempt-error.ts';
import type { Connection, Connections, Exchange } from './connections.ts';

export interface AttemptLimits {
  /** Body bytes that are read before the connection is dropped. */
  drain_bytes: number;
  /** Body bytes that are kept. */
  excerpt_bytes: number;
  /** Time for the body after the head, in ms. */
  drain_ms: number;
  /** An attempt that takes longer gives its place in the global budget to others. */
  slow_ms: number;
}

export interface Request {
  /** Name and value in turn. */
  headers: string[];
  body: Buffer;
  /** From starting to connect to the response head. */
  timeout_ms: number;
}

/** What an attempt tells whoever started it. */
export interface AttemptOwner<Job> {
  /** It has been running for `slow_ms`. At most once, before `finished`. */
  slow(attempt: Attempt<Job>): void;
  /** Exactly once, never from within `start`. A cancelled attempt that got no head has no outcome. */
  finished(attempt: Attempt<Job>): void;
}

export class Attempt<Job> implements Exchange {
  /** 0 until a final head has come. */
  status = 0;
  error: AttemptError | null = null;
  detail: string | null = null;
  latency_ms = 0;
  /** Value of Retry-After on a response that was no success. */
  retryAfter: string | null = null;
  cancelled = false;
  isSlow = false;
  /** What it is for; the owner's. */
  readonly job: Job;

  readonly #request: Request;
  readonly #connections: Connections;
  readonly #wheel: TimerWheel;
  readonly #limits: AttemptLimits;
  readonly #owner: AttemptOwner<Job>;
  readonly #started = performance.now();
  #connection: Connection;
  #timeout: Timeout;
  #done = false;
  /** The socket had carried a request before this one. */
  #reused = false;
  #resent = false;
  #answered = false;
  #bodyBytes = 0;
  #excerpt: Buffer[] | null = null;

  constructor(
    job: Job,
    request: Request,
    connections: Connections,
    wheel: TimerWheel,
    limits: AttemptLimits,
    owner: AttemptOwner<Job>,
  ) {
    this.job = job;
    this.#request = request;
    this.#connections = connections;
    this.#wheel = wheel;
    this.#limits = limits;
    this.#owner = owner;
    this.#timeout = wheel.after(Math.min(limits.slow_ms, request.timeout_ms), this.#look);
    this.#connection = connections.take();
  }

  /** Sends it; to be called once. */
  start(): void {
    this.#send();
  }

  /** Response body as text, bounded; null when there was none. */
  get excerpt(): string | null {
    if (this.#excerpt === null) return null;
    const bytes = this.#excerpt.length === 1 ? (this.#excerpt[0] as Buffer) : Buffer.concat(this.#excerpt);
    // A character cut in half at the end, and NUL, which is no text anywhere it would be shown.
    return bytes
      .toString('utf8')
      .replace(/\uFFFD{1,3}$/, '')
      .replaceAll('\0', '\uFFFD');
  }

  /** Ends it without an outcome; one that already has its head keeps it. */
  cancel(): void {
    this.#abort(new AttemptCancelled('cancelled'));
  }

  #send(): void {
    const { headers, body } = this.#request;
    this.#connection.send(requestBytes(this.#connections.requestHead, headers, body), this);
  }

  sent(reused: boolean): void {
    this.#reused = reused;
  }

  answered(): void {
    this.#answered = true;
  }

  head(status: number, retryAfter: string | null): void {
    this.status = status;
    this.latency_ms = this.#elapsed();
    if (status >= 300) {
      this.error = status < 400 ? 'redirect' : 'http';
      this.retryAfter = retryAfter;
    }
    this.#wheel.cancel(this.#timeout);
    this.#timeout = this.#wheel.after(this.#limits.drain_ms, this.#look);
  }

  body(chunk: Buffer): void {
    const room = this.#limits.excerpt_bytes - this.#bodyBytes;
    // Copied: the chunk is a piece of a buffer that the socket goes on using.
    if (room > 0) (this.#excerpt ??= []).push(Buffer.from(chunk.subarray(0, room)));
    this.#bodyBytes += chunk.length;
    if (this.#bodyBytes > this.#limits.drain_bytes) this.#tooLong();
  }

  end(): void {
    this.#finish(true);
  }

  failed(error: Error): void {
    if (this.#done) return;
    if (this.status !== 0) {
      this.#finish(false);
    } else if (error instanceof AttemptCancelled) {
      this.cancelled = true;
      this.#finish(false);
    } else if (this.#canResend(error)) {
      this.#resent = true;
      // The other idle connections are likely to be as dead as this one.
      this.#connections.drop(this.#connection);
      this.#connection = this.#connections.fresh();
      this.#send();
    } else {
      this.#fail(error);
    }
  }

  /** A peer that closes an idle connection just as it is used again has not looked at the request. */
  #canResend(error: Error): boolean {
    return this.#reused && !this.#answered && !this.#resent && isReset(error);
  }

  /** To a tenth of a millisecond: a neighbour answers in less than one. */
  #elapsed(): number {
    return Math.round((performance.now() - this.#started) * 10) / 10;
  }

  #fail(error: Error): void {
    const named = nameError(error, this.#connection.phase);
    this.error = named.error;
    this.detail = named.detail;
    this.latency_ms = this.#elapsed();
    this.#finish(false);
  }

  #finish(reusable: boolean): void {
    if (this.#done) return;
    this.#done = true;
    this.#wheel.cancel(this.#timeout);
    if (reusable) this.#connections.giveBack(this.#connection);
    else this.#connections.drop(this.#connection);
    this.#owner.finished(this);
  }

  /** The one timer of an attempt; what it means depends on how far the attempt is. */
  #look = (): void => {
    if (this.status !== 0) {
      this.#tooLong();
      return;
    }
    const left = this.#request.timeout_ms - (performance.now() - this.#started);
    if (left <= 0) {
      // After a stall of the whole process the answer may be in the socket already: it is read before this runs.
      setImmediate(this.#timedOut);
    } else {
      this.#timeout = this.#wheel.after(left, this.#look);
      if (this.isSlow) return;
      this.isSlow = true;
      this.#owner.slow(this);
    }
  };

  #timedOut = (): void => {
    if (this.#done || this.status !== 0) return;
    this.#abort(new AttemptTimeout(`no response head within ${this.#request.timeout_ms} ms`));
  };

  #tooLong(): void {
    this.#abort(new Error('response body not read to its end'));
  }

  #abort(error: Error): void {
    this.#connection.destroy(error);
    this.failed(error);
  }
}

/** One buffer, so that it is one write. */
function requestBytes(requestHead: string, headers: readonly string[], body: Buffer): Buffer {
  let head = requestHead;
  for (let i = 0; i < headers.length; i += 2) head += `${headers[i]}: ${headers[i + 1]}\r\n`;
  head += `content-length: ${body.length}\r\n\r\n`;
  const bytes = Buffer.allocUnsafe(head.length + body.length);
  bytes.write(head, 0, 'latin1');
  body.copy(bytes, head.length);
  return bytes;
}
