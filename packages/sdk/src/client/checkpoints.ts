/** Proof that nothing was missed: the digests of a lane's checkpoints, computed again from what was read. */

import { checkpointDigest } from '@postrider/contract/checkpoint';
import type { PushedEnvelope } from '@postrider/contract/events';
import type { CheckpointObject } from '@postrider/contract/schemas/feed';
import type { ListPage } from '@postrider/contract/schemas/json-schema';
import { PostriderGoneError } from './errors.ts';
import { itemsOf } from './paging.ts';

export interface VerifyOptions {
  /** Checkpoints that end at this `seq` or before it are passed over: they were verified earlier. */
  after?: number;
  /**
   * Ids of the events that the caller has kept, in `seq` order, from the first to the last `seq` named. The feed is
   * read when absent.
   */
  received?: (from_seq: number, to_seq: number) => Iterable<string> | AsyncIterable<string>;
}

export interface CheckpointMismatch {
  checkpoint: CheckpointObject;
  /** `gap`: it does not begin where the one before ends. `count`: fewer or more ids. `digest`: others. */
  problem: 'gap' | 'count' | 'digest';
  /** Of the ids that there are; null for a gap. */
  digest: string | null;
  /** How many ids there are; null for a gap. */
  count: number | null;
}
export interface CheckpointReport {
  ok: boolean;
  /** How many agree. */
  verified: number;
  /** How many the feed has no events for any more. */
  past_retention: number;
  /**
   * Up to which `seq` nothing differs; give it as `after` the next time. A checkpoint that still grows is verified, and
   * not counted in.
   */
  to_seq: number;
  /** The first that differs. */
  mismatch: CheckpointMismatch | null;
}

interface Source {
  checkpoints(cursor: string | undefined): Promise<ListPage<CheckpointObject>>;
  feed(after: number): AsyncGenerator<PushedEnvelope, void>;
}

/** The digest of a checkpoint over these ids: SHA-256 in lower-case hex. */
export async function digestOf(event_ids: Iterable<string>): Promise<string> {
  return checkpointDigest(event_ids, async (text) => {
    const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text));
    return [...new Uint8Array(hash)].map((byte) => byte.toString(16).padStart(2, '0')).join('');
  });
}

/** Holds the ids of one checkpoint at a time, which are 100,000 at most. */
export async function verifyCheckpoints(source: Source, options: VerifyOptions): Promise<CheckpointReport> {
  const { after = 0, received } = options;
  const report: CheckpointReport = {
    ok: true,
    verified: 0,
    past_retention: 0,
    to_seq: after,
    mismatch: null,
  };
  const feed = received === undefined ? new FeedIds(source) : null;
  let last: CheckpointObject | null = null;
  try {
    for await (const checkpoint of itemsOf((cursor) => source.checkpoints(cursor))) {
      const isGap = last !== null && checkpoint.from_seq !== last.to_seq + 1;
      last = checkpoint;
      if (checkpoint.to_seq <= after) continue;
      if (isGap) return refuted(report, { checkpoint, problem: 'gap', digest: null, count: null });
      const ids = await (feed?.read(checkpoint) ?? collected(received, checkpoint));
      const mismatch = ids === null ? null : await compared(checkpoint, ids);
      if (mismatch !== null) return refuted(report, mismatch);
      if (ids === null) report.past_retention++;
      else report.verified++;
      if (checkpoint.complete) report.to_seq = checkpoint.to_seq;
    }
    return report;
  } finally {
    await feed?.close();
  }
}

function refuted(report: CheckpointReport, mismatch: CheckpointMismatch): CheckpointReport {
  return { ...report, ok: false, mismatch };
}

async function compared(
  checkpoint: CheckpointObject,
  ids: readonly string[],
): Promise<CheckpointMismatch | null> {
  const digest = await digestOf(ids);
  if (digest === checkpoint.digest) return null;
  const problem = ids.length === checkpoint.count ? 'digest' : 'count';
  return { checkpoint, problem, digest, count: ids.length };
}

/** One id more than there should be is enough to know. */
async function collected(
  received: VerifyOptions['received'],
  { from_seq, to_seq, count }: CheckpointObject,
): Promise<string[]> {
  const ids: string[] = [];
  for await (const id of received?.(from_seq, to_seq) ?? []) {
    ids.push(id);
    if (ids.length > count) break;
  }
  return ids;
}

/** The feed read once, in step with the checkpoints. */
class FeedIds {
  readonly #source: Source;
  #events: AsyncGenerator<PushedEnvelope, void> | null = null;
  /** The first `seq` there is, where the beginning is past retention. */
  #earliest = 1;

  constructor(source: Source) {
    this.#source = source;
  }

  /** Null when some of the events are not there any more. */
  async read({ from_seq, count }: CheckpointObject): Promise<string[] | null> {
    if (from_seq < this.#earliest) return null;
    this.#events ??= this.#source.feed(from_seq - 1);
    const ids: string[] = [];
    try {
      while (ids.length < count) {
        const { done, value } = await this.#events.next();
        if (done) break;
        ids.push(value.event_id);
      }
      return ids;
    } catch (error) {
      if (!(error instanceof PostriderGoneError) || error.earliest_seq === null) throw error;
      this.#earliest = error.earliest_seq;
      this.#events = null;
      return null;
    }
  }

  async close(): Promise<void> {
    await this.#events?.return();
  }
}
