/**
 * The receiving end of webhooks: verifies, queues durably, answers at once, and runs handlers outside the request.
 * Portable: web globals only. Stores and adapters that need more live in files of their own.
 */

import { Acceptor, type Accepted, type WebhookResponse } from './accept.ts';
import { BodyBudget } from './body-budget.ts';
import type { ReceivedEvent } from './event.ts';
import { FanOut } from './fan-out.ts';
import { findGaps, type Gap } from './gaps.ts';
import type { Handlers } from './handlers.ts';
import { ipList } from './ip-list.ts';
import { checkOptions, DEFAULTS, leaseOf, type ReceiverOptions } from './options.ts';
import { postriderScheme } from './postrider-scheme.ts';
import type { WebhookRequest } from './scheme.ts';
import type { DeadLetter, DeadLetterQuery, ReceiverStore } from './store.ts';
import { defaultRetry, Worker } from './worker.ts';

export { Unrecoverable, type Handler, type HandlerContext, type Handlers } from './handlers.ts';
export type { ReceivedEvent } from './event.ts';
export type { ReceiverOptions } from './options.ts';
export type { WebhookResponse } from './accept.ts';
export type { WebhookRequest } from './scheme.ts';
export type { Gap } from './gaps.ts';

export type LetterId = Pick<DeadLetter, 'id' | 'consumer'>;

export function createReceiver<Tx = undefined>(options: ReceiverOptions<Tx>): Receiver {
  checkOptions(options);
  return new Receiver(options);
}

export class Receiver {
  readonly #store: ReceiverStore;
  readonly #acceptor: Acceptor;
  readonly #worker: Worker<never>;
  readonly #budget: BodyBudget;
  readonly #options: ReceiverOptions<never>;
  readonly #now: () => number;
  readonly #onError: (error: unknown) => void;
  #care: ReturnType<typeof setInterval> | undefined;
  #caring: Promise<void> | null = null;

  /** Use `createReceiver`, which checks the options. */
  constructor(options: ReceiverOptions<never>) {
    this.#options = options;
    this.#store = options.store;
    this.#now = options.now ?? Date.now;
    this.#onError = options.onError ?? ((error) => console.error('postrider receiver:', error));
    this.#budget = new BodyBudget(
      options.maxBody ?? DEFAULTS.maxBody,
      options.maxBodies ?? DEFAULTS.maxBodies,
    );
    const consumers = consumersOf(options.handlers);
    this.#acceptor = this.#buildAcceptor(Object.keys(consumers));
    this.#worker = this.#buildWorker(consumers);
    if (options.run !== 'manual') this.#start();
  }

  /** For Fetch-style runtimes. `ip` is the sender's address, where the runtime tells it. */
  async handle(request: Request, { ip }: { ip?: string | undefined } = {}): Promise<Response> {
    const empty = new Uint8Array();
    const { method, url, headers } = request;
    const chunks = request.body === null ? null : chunksOf(request.body);
    const head = { method, url, headers: headers as Iterable<readonly [string, string]>, rawBody: empty, ip };
    const { status, headers: answered, body } = await this.receiveStream(head, chunks ?? none());
    return new Response(body, { status, headers: answered });
  }

  /** Like `receive`, with a body that is yet to be read: it is read no further than the limits allow. */
  async receiveStream(head: WebhookRequest, chunks: AsyncIterable<Uint8Array>): Promise<WebhookResponse> {
    const early = this.#acceptor.refusedEarly(head);
    if (early !== null) return early;
    const reading = this.#budget.open();
    try {
      for await (const chunk of chunks) {
        const full = reading.add(chunk);
        if (full === 'too_large') return this.#acceptor.reject(head, 413, full);
        if (full === 'busy') return this.#acceptor.reject(head, 503, full, { 'retry-after': '5' });
      }
      return await this.#acceptor.receive({ ...head, rawBody: reading.bytes() });
    } finally {
      reading.release();
    }
  }

  /** Never rejects. A body of the application's framework has to be the bytes as they came. */
  async receive(request: WebhookRequest): Promise<WebhookResponse> {
    return this.#acceptor.receive(request);
  }

  /** Queues what a queue of one's own, a feed or a backup brought. What was seen before is not handled again. */
  async ingest({ jobs, guard }: Accepted): Promise<number> {
    const fresh = await this.#store.enqueue(jobs, this.#now(), guard);
    if (fresh.length > 0) this.#worker.wake();
    return fresh.length;
  }

  /** Events from the feed, to fill a gap: as if they had been pushed now. Gives how many were not there before. */
  ingestEvents(events: readonly ReceivedEvent[]): Promise<number> {
    return this.ingest({ jobs: this.#acceptor.jobsOf(events, null) });
  }

  /** Runs what is due until nothing is. */
  async drain(): Promise<void> {
    await this.#worker.drain();
  }

  /** The `seq`s that never came, older than their grace or not. What is asked for again goes to `ingestEvents`. */
  async gaps(): Promise<Gap[]> {
    const { open } = await findGaps(this.#gapOptions(), this.#now());
    return open;
  }

  deadLetters(query?: DeadLetterQuery): Promise<DeadLetter[]> {
    return this.#store.deadLetters(query);
  }

  async redrive(letters: readonly LetterId[]): Promise<number> {
    const count = await this.#store.redrive(letters, this.#now());
    this.#worker.wake();
    return count;
  }

  discard(letters: readonly LetterId[]): Promise<number> {
    return this.#store.discard(letters);
  }

  counts(): Promise<{ ready: number; taken: number; dead: number }> {
    return this.#store.counts();
  }

  /** Forgets what is old and looks for gaps; in the background this happens by itself. */
  async care(): Promise<void> {
    const { ttl = DEFAULTS.ttl, retention = DEFAULTS.retention, onGap } = this.#options;
    const now = this.#now();
    const { overdue } = await findGaps(this.#gapOptions(), now);
    for (const gap of overdue) onGap?.(gap);
    await this.#store.prune({ done: now - ttl, dead: now - retention, states: now - retention });
  }

  /** Waits for running handlers up to `milliseconds`; then closes the store. */
  async close(milliseconds = 10_000): Promise<void> {
    clearInterval(this.#care);
    await this.#caring;
    await this.#worker.stop(milliseconds);
    await this.#store.close();
  }

  #start(): void {
    this.#worker.start();
    this.#care = setInterval(() => {
      this.#caring ??= this.care()
        .catch(this.#onError)
        .finally(() => (this.#caring = null));
    }, this.#options.careInterval ?? DEFAULTS.careInterval);
    // Care alone is no reason for a process to go on.
    (this.#care as { unref?: () => void }).unref?.();
  }

  #gapOptions(): Parameters<typeof findGaps>[0] {
    const { lane = DEFAULTS.lane, gapGrace = DEFAULTS.gapGrace } = this.#options;
    return { store: this.#store, lane, grace: gapGrace };
  }

  #buildAcceptor(consumers: readonly string[]): Acceptor {
    const options = this.#options;
    return new Acceptor({
      scheme: options.scheme ?? postriderScheme({ secrets: options.secrets ?? [], hmac: options.hmac }),
      tolerance: options.toleranceSeconds ?? DEFAULTS.toleranceSeconds,
      maxBody: this.#budget.maxBody,
      allowed: options.allowIps === undefined ? null : ipList(options.allowIps),
      replays: options.replays ?? 'ignore',
      tests: options.tests ?? 'ignore',
      lane: options.lane ?? DEFAULTS.lane,
      consumers,
      now: this.#now,
      enqueue: (accepted) => this.#enqueue(accepted),
      keepUnusable: (unusable, now) => this.#store.keepUnusable(unusable, now),
      confirm: options.confirm ?? null,
      onReject: options.onReject ?? (() => undefined),
      onError: this.#onError,
    });
  }

  async #enqueue(accepted: Accepted): Promise<number> {
    const { queue } = this.#options;
    if (queue === undefined) return this.ingest(accepted);
    await queue(accepted);
    return accepted.jobs.length;
  }

  #buildWorker(consumers: Readonly<Record<string, Handlers<never>>>): Worker<never> {
    const options = this.#options;
    return new Worker<never>({
      store: options.store,
      consumers,
      transactional: options.transactional === true,
      concurrency: options.concurrency ?? DEFAULTS.concurrency,
      ordered: options.order === 'message',
      timeLimit: options.timeLimit ?? DEFAULTS.timeLimit,
      lease: leaseOf(options),
      retry: { ...defaultRetry, ...options.retry },
      pollInterval: options.pollInterval ?? DEFAULTS.pollInterval,
      now: this.#now,
      onOutcome: options.onOutcome ?? (() => undefined),
      onError: this.#onError,
    });
  }
}

function consumersOf(
  handlers: ReceiverOptions<never>['handlers'],
): Readonly<Record<string, Handlers<never>>> {
  const consumers = handlers instanceof FanOut ? handlers.consumers : { default: handlers };
  return consumers;
}

async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  let ended = false;
  try {
    for (;;) {
      const { done, value } = await reader.read();
      ended = done;
      if (done) return;
      yield value;
    }
  } finally {
    if (!ended) await reader.cancel();
  }
}

async function* none(): AsyncGenerator<Uint8Array> {
  // A request without a body.
}
