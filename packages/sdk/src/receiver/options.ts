/** The settings of a receiver and their defaults. Times in milliseconds unless their name says otherwise. */

import type { HmacBytes } from '@postrider/contract/verify';
import type { Accepted, Rejection } from './accept.ts';
import type { FanOut } from './fan-out.ts';
import type { Gap } from './gaps.ts';
import type { Handlers } from './handlers.ts';
import type { Scheme } from './scheme.ts';
import type { ReceiverStore, TransactionalStore } from './store.ts';
import type { Outcome, RetryPolicy } from './worker.ts';

interface CommonOptions {
  /** Signing secrets of the endpoint: one, or several during a rotation. Not with `scheme`. */
  secrets?: readonly string[];
  /** Another sender's requests, for example `providerScheme(sendgrid, {secret})`. */
  scheme?: Scheme;
  /** HMAC-SHA256 of one's own; Web Crypto without. */
  hmac?: HmacBytes;
  /** Seconds a timestamp may be off, either way; 300. */
  toleranceSeconds?: number;
  /** Bytes of one body; 5 MiB. */
  maxBody?: number;
  /** Bytes of all bodies that are being read or checked at a time; 64 MiB. */
  maxBodies?: number;
  /** Addresses and CIDR blocks that may send; everyone without. The adapter has to know the sender's address. */
  allowIps?: readonly string[];
  /** Whether events of a replay reach the handlers although they did before; `ignore`. */
  replays?: 'ignore' | 'handle';
  /** Whether samples of the endpoint test call reach the handlers; `ignore`. */
  tests?: 'ignore' | 'handle';
  /** The endpoint this receiver stands for, when several share a store: `seq` counts per endpoint. `default`. */
  lane?: string;
  /** A queue of one's own between the request and the store. The other end gives what it gets to `ingest`. Durable when it resolves. */
  queue?: (accepted: Accepted) => Promise<void>;
  /** `background`: handlers run as events come. `manual`: they run in `drain()`. */
  run?: 'background' | 'manual';
  /** Handlers at a time; 10. */
  concurrency?: number;
  /** `message`: the handlers of one message run one after another, in order of arrival. `none`. */
  order?: 'none' | 'message';
  /** What a handler may take; 30 s. */
  timeLimit?: number;
  /** How long a process has what it took before others may; the time limit and 15 s. A killed process's work waits that long. */
  lease?: number;
  retry?: Partial<RetryPolicy>;
  /** How often to look for what became due; 500. */
  pollInterval?: number;
  /** How long an event's id is remembered after it was handled; 7 days, more than a sender holds an event back. */
  ttl?: number;
  /** How long dead letters and states of messages are kept; 90 days. */
  retention?: number;
  /** How long a `seq` may be missing before `onGap` hears of it; 60 s. */
  gapGrace?: number;
  /** How often to look for gaps and forget what is old; 60 s. */
  careInterval?: number;
  /** Visits the URL with which a sender wants its subscription confirmed (Amazon SNS). */
  confirm?: (url: string) => Promise<void>;
  /** Milliseconds since the epoch. */
  now?: () => number;
  onReject?: (rejection: Rejection) => void;
  onOutcome?: (outcome: Outcome) => void;
  onGap?: (gap: Gap) => void;
  /** What went wrong outside any handler: the store, a hook. To standard error without. */
  onError?: (error: unknown) => void;
}

export interface PlainOptions extends CommonOptions {
  transactional?: false;
  store: ReceiverStore;
  handlers: Handlers | FanOut;
}

/** Handlers get `tx`; what they write through it commits together with the done mark, so effects happen once. */
export interface TransactionalOptions<Tx> extends CommonOptions {
  transactional: true;
  store: TransactionalStore<Tx>;
  handlers: Handlers<Tx> | FanOut<Tx>;
}

export type ReceiverOptions<Tx = undefined> = PlainOptions | TransactionalOptions<Tx>;

const DAY = 86_400_000;

export const DEFAULTS = {
  toleranceSeconds: 300,
  maxBody: 5 * 1024 * 1024,
  maxBodies: 64 * 1024 * 1024,
  lane: 'default',
  concurrency: 10,
  timeLimit: 30_000,
  pollInterval: 500,
  ttl: 7 * DAY,
  retention: 90 * DAY,
  gapGrace: 60_000,
  careInterval: 60_000,
} as const;

const LEASE_MARGIN = 15_000;

/** It outlives the time limit, so that only a dead process, or one whose store is that slow, loses it. */
export function leaseOf({
  lease,
  timeLimit = DEFAULTS.timeLimit,
}: Pick<CommonOptions, 'lease' | 'timeLimit'>): number {
  return lease ?? timeLimit + LEASE_MARGIN;
}

/** Throws `TypeError` that names the option. */
export function checkOptions(options: ReceiverOptions<never>): void {
  if ((options.secrets === undefined) === (options.scheme === undefined))
    throw new TypeError('Give either `secrets` or `scheme`.');
  for (const name of Object.keys(DEFAULTS) as (keyof typeof DEFAULTS)[]) {
    const value = options[name];
    if (name === 'lane' || value === undefined) continue;
    if (typeof value !== 'number' || !(value > 0) || !Number.isSafeInteger(value))
      throw new TypeError(`${name}: a whole number above zero is needed, not ${String(value)}.`);
  }
  if (!(leaseOf(options) > (options.timeLimit ?? DEFAULTS.timeLimit)))
    throw new TypeError(
      'lease: it has to be longer than the time limit, or what still runs is taken by others.',
    );
  if (options.transactional === true && !('transaction' in options.store))
    throw new TypeError('transactional: this store has no transactions; take sqliteStore or postgresStore.');
}
