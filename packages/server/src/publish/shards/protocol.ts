/** What crosses between the process's main thread and the threads that publish. */

import type { ErrorCode } from '@postrider/contract/errors';
import type { Config } from '../../base/config.ts';
import type { AttemptError } from '../../domain/delivery.ts';
import { PostriderError } from '../../domain/errors.ts';
import type { CommitNotice } from '../../store/ports.ts';
import type { PublishGauges } from '../metrics.ts';
import type { PublisherStore } from '../publisher.ts';

/** What a thread begins with. */
export interface ShardOptions {
  config: Pick<Config, 'profile' | 'log' | 'publish' | 'data' | 'security'>;
  threads: number;
  /** Environments' clock offsets, ms. */
  offsets: [env: number, offset_ms: number][];
}

/** What of the store a thread calls; `parkLane` alone has no answer. */
export type StoreMethod = Exclude<keyof PublisherStore, 'parkLane'>;

export type ToShard =
  | { kind: 'notice'; notice: CommitNotice }
  | { kind: 'offset'; env: number; offset_ms: number }
  | { kind: 'answer'; id: number; outcome: Outcome }
  | { kind: 'ask'; id: number; question: Question }
  | { kind: 'stop'; patience: number };

export type Question =
  | { about: 'start' }
  | { about: 'idle'; env: number }
  | { about: 'next due'; env: number }
  | { about: 'lane'; lane: number };

export type FromShard =
  | { kind: 'call'; id: number; method: StoreMethod; args: unknown[] }
  | { kind: 'park'; lane: number }
  | { kind: 'reply'; id: number; outcome: Outcome }
  | { kind: 'figures'; gauges: PublishGauges; attempts: AttemptFigure[]; lags: number[] }
  | { kind: 'stopped' };

/** Outcome and latency in ms. */
export type AttemptFigure = [outcome: AttemptError | 'delivered', latency_ms: number];

export type Outcome = { ok: true; value: unknown } | { ok: false; error: WireError };

export interface WireError {
  /** Null: not expected. */
  code: ErrorCode | null;
  message: string;
}

export function toWireError(error: unknown): WireError {
  if (error instanceof PostriderError) return { code: error.code, message: error.message };
  return { code: null, message: error instanceof Error ? (error.stack ?? error.message) : String(error) };
}

export function fromWireError({ code, message }: WireError): Error {
  return code === null ? new Error(message) : new PostriderError(code, message);
}
