/** One request: verified, read, queued durably, answered. Handlers run elsewhere. */

import { readHeaders } from '@postrider/contract/verify';
import type { ReceivedEvent } from './event.ts';
import {
  digest,
  type Scheme,
  type SchemeReading,
  type SchemeVerification,
  type WebhookRequest,
} from './scheme.ts';
import type { NewJob, Unusable } from './store.ts';

export interface WebhookResponse {
  status: number;
  headers: Record<string, string>;
  /** JSON. */
  body: string;
}

/** For the audit log. Neither secrets nor bodies nor signatures are in it. */
export interface Rejection {
  status: number;
  /** For example `no_match`, `too_old`, `wrong_method`, `too_large`, `ip_not_allowed`. */
  reason: string;
  at: number;
  ip: string | null;
  method: string;
  bytes: number;
}

/** What was verified and is now to be queued. */
export interface Accepted {
  jobs: NewJob[];
  guard?: string;
}

export interface AcceptOptions {
  scheme: Scheme;
  tolerance: number;
  maxBody: number;
  allowed: ((ip: string | undefined) => boolean) | null;
  replays: 'ignore' | 'handle';
  tests: 'ignore' | 'handle';
  lane: string;
  consumers: readonly string[];
  now: () => number;
  enqueue: (accepted: Accepted, now: number) => Promise<number>;
  keepUnusable: (unusable: Unusable, now: number) => Promise<void>;
  confirm: ((url: string) => Promise<void>) | null;
  onReject: (rejection: Rejection) => void;
  onError: (error: unknown) => void;
}

/** As much of an unusable body as the dead letters keep. */
const MAX_RAW = 65_536;
const RETRY_AFTER_SECONDS = '5';

export class Acceptor {
  readonly #options: AcceptOptions;

  constructor(options: AcceptOptions) {
    this.#options = options;
  }

  async receive(request: WebhookRequest): Promise<WebhookResponse> {
    const { scheme, tolerance, now } = this.#options;
    const refused = this.#refusedUnread(request);
    if (refused !== null) return refused;
    if (scheme.isProbe?.(request) === true) return answer(200, { received: 0 });
    try {
      const at = now();
      const verified = await scheme.verify(request, { now: at, tolerance });
      if (!verified.ok) return this.#unverified(request, verified);
      return await this.#verified(request, verified.id, at);
    } catch (error) {
      // Nothing was queued: the sender has to come again.
      this.#options.onError(error);
      return answer(503, { error: 'unavailable' }, { 'retry-after': RETRY_AFTER_SECONDS });
    }
  }

  /** What can be refused before the body is read; adapters ask with an empty one. */
  refusedEarly(request: WebhookRequest): WebhookResponse | null {
    const { allowed, scheme } = this.#options;
    if (request.method !== 'POST' && scheme.isProbe?.(request) !== true)
      return this.reject(request, 405, 'wrong_method', { allow: 'POST' });
    return allowed !== null && !allowed(request.ip) ? this.reject(request, 403, 'ip_not_allowed') : null;
  }

  reject(
    request: WebhookRequest,
    status: number,
    reason: string,
    headers: Record<string, string> = {},
  ): WebhookResponse {
    const { onReject, onError, now } = this.#options;
    const { ip = null, method, rawBody } = request;
    try {
      onReject({ status, reason, at: now(), ip, method, bytes: rawBody.length });
    } catch (error) {
      onError(error);
    }
    return answer(status, { error: reason }, headers);
  }

  #refusedUnread(request: WebhookRequest): WebhookResponse | null {
    const early = this.refusedEarly(request);
    if (early !== null) return early;
    return request.rawBody.length > this.#options.maxBody ? this.reject(request, 413, 'too_large') : null;
  }

  #unverified(
    request: WebhookRequest,
    { reason, fault }: SchemeVerification & { ok: false },
  ): WebhookResponse {
    if (fault === 'later') return this.reject(request, 503, reason, { 'retry-after': RETRY_AFTER_SECONDS });
    return this.reject(request, fault === 'settings' ? 500 : 401, reason);
  }

  async #verified(request: WebhookRequest, id: string | null, now: number): Promise<WebhookResponse> {
    const { scheme, confirm, enqueue } = this.#options;
    const reading = await scheme.read(request, id, now);
    if (reading.confirm !== undefined) {
      if (confirm === null) throw new Error('The sender asks for a confirmation; set the option `confirm`.');
      await confirm(reading.confirm);
    }
    await this.#keepUnusable(reading, request, id, now);
    const { guard } = reading;
    const jobs = this.jobsOf(reading.events, replayOf(request));
    if (jobs.length === 0) return answer(200, { received: 0 });
    const fresh = await enqueue({ jobs, ...(guard !== undefined && { guard }) }, now);
    return answer(200, { received: reading.events.length, new: fresh });
  }

  /** In the order of the lane, so that a batch is handled as it happened. */
  jobsOf(events: readonly ReceivedEvent[], replay: string | null): NewJob[] {
    const { tests, replays, lane, consumers } = this.#options;
    const again = replay !== null && replays === 'handle';
    return events
      .filter((event) => event.test !== true || tests === 'handle')
      .sort((a, b) => (a.seq ?? 0) - (b.seq ?? 0))
      .flatMap((event) =>
        consumers.map((consumer) => ({
          id: again ? `${event.event_id}@${replay}` : event.event_id,
          consumer,
          event,
          orderKey: event.message_id,
          replay,
          lane,
        })),
      );
  }

  async #keepUnusable(
    reading: SchemeReading,
    request: WebhookRequest,
    id: string | null,
    now: number,
  ): Promise<void> {
    if (reading.unusable.length === 0) return;
    const base = id ?? (await digest(request.rawBody));
    for (const [index, part] of reading.unusable.entries()) {
      const raw = (part.text ?? new TextDecoder().decode(request.rawBody.subarray(0, MAX_RAW))).slice(
        0,
        MAX_RAW,
      );
      await this.#options.keepUnusable(
        { id: `${base}/${index}`, reason: part.reason, raw: raw.replaceAll('\0', '\uFFFD') },
        now,
      );
    }
  }
}

/** Not signed, so it can at most cause what the application asked for: handling what was already handled, once per id. */
function replayOf({ headers }: WebhookRequest): string | null {
  const found = readHeaders(headers, ['postrider-replay']);
  return typeof found === 'string' ? null : (found[0] as string).slice(0, 64);
}

function answer(status: number, body: object, headers: Record<string, string> = {}): WebhookResponse {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) };
}
