/** The consumer's side of the feed and of checkpoints: pulls, recomputes, compares. */

import { createHash } from 'node:crypto';
import { checkpointDigest } from '@postrider/contract/checkpoint';
import type { PushedEnvelope } from '@postrider/contract/events';
import type { CheckpointObject, FeedPage } from '@postrider/contract/schemas/feed';
import { expect } from 'vitest';
import type { Api } from './api.ts';

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

/** All events of a lane with `seq > after`, in pages of `limit`. Fails when there is a gap. */
export async function pull(api: Api, endpoint_id: string, limit = 100, after = 0): Promise<PushedEnvelope[]> {
  const events: PushedEnvelope[] = [];
  let query = `after=${after}`;
  for (;;) {
    const page = await api.get<FeedPage>(`/v1/endpoints/${endpoint_id}/feed?${query}&limit=${limit}`);
    events.push(...page.data);
    const last = events.at(-1)?.seq ?? after;
    if (page.next_cursor === null) {
      expect(page.last_seq).toBe(last);
      expect(events.map((event) => event.seq)).toEqual(events.map((_, n) => after + 1 + n));
      return events;
    }
    expect(page.next_cursor).toBe(String(last));
    query = `cursor=${page.next_cursor}`;
  }
}

/**
 * The checkpoints of a lane, which must follow one another and agree with `events`: what a consumer got, in any order
 * and any number of times, from `seq` 1 on.
 */
export async function provenBy(
  api: Api,
  endpoint_id: string,
  events: Iterable<{ seq: number; event_id: string }>,
): Promise<CheckpointObject[]> {
  const ids = new Map([...events].map(({ seq, event_id }) => [seq, event_id]));
  const checkpoints = await api.all<CheckpointObject>(`/v1/endpoints/${endpoint_id}/checkpoints`, 2);
  let next = 1;
  for (const { from_seq, to_seq, count, digest } of checkpoints) {
    const seqs = Array.from({ length: count }, (_, n) => from_seq + n);
    const got = seqs.map((seq) => ids.get(seq) ?? `nothing for ${seq}`);
    expect([from_seq, to_seq, digest]).toEqual([next, from_seq + count - 1, checkpointDigest(got, sha256)]);
    next = to_seq + 1;
  }
  return checkpoints;
}
