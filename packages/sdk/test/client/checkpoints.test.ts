/** Digests computed again: with a real lane, past its retention, and with servers that lie. */

import { createHash } from 'node:crypto';
import type { CheckpointObject } from '@postrider/contract/schemas/feed';
import { describe, expect, it } from 'vitest';
import { emit } from '../../../server/test/kit/replays.ts';
import { started } from '../../../server/test/kit/started.ts';
import { waitFor } from '../../../server/test/kit/wait.ts';
import { createClient, digestOf, PostriderGoneError, type PostriderClient } from '../../src/client/client.ts';

const HOUR = 3_600;
const DAY = 24 * HOUR;
const parts = started({ retention: { interval_seconds: 1, events_days: 2, dead_letters_days: 3 } });

async function lane(): Promise<{ client: PostriderClient; endpoint_id: string; ids: string[] }> {
  const { sandbox } = await parts.server.project();
  const hook = parts.receiver.hook();
  const { endpoint_id } = await sandbox.createEndpoint({ url: hook.url, event_types: ['custom.*'] });
  const ids: string[] = [];
  for (const count of [150, 30, 20]) {
    ids.push(...(await emit(sandbox, count)));
    await hook.untilEvents(ids.length);
    await sandbox.advance(HOUR);
  }
  return { client: createClient({ url: parts.server.http, apiKey: sandbox.key ?? '' }), endpoint_id, ids };
}

describe('with a real lane', () => {
  it('agrees with the feed and with what was kept, and goes on where it was', async () => {
    const { client, endpoint_id, ids } = await lane();
    const report = await client.endpoints.verifyCheckpoints(endpoint_id);
    expect(report).toMatchObject({ ok: true, verified: 3, past_retention: 0, mismatch: null });
    const received = (from: number, to: number): string[] => ids.slice(from - 1, to);
    expect(await client.endpoints.verifyCheckpoints(endpoint_id, { received })).toEqual(report);
    const rest = await client.endpoints.verifyCheckpoints(endpoint_id, { after: 150 });
    expect(rest).toMatchObject({ ok: true, verified: 2 });
  });

  it('names the first that differs: an event missed, one too many, another one', async () => {
    const { client, endpoint_id, ids } = await lane();
    const differing = (received: (from: number, to: number) => Iterable<string>): Promise<unknown> =>
      client.endpoints.verifyCheckpoints(endpoint_id, { received });
    const wrong = { ok: false, verified: 1, to_seq: 150 };
    const place = { from_seq: 151, to_seq: 180, count: 30 };
    const missed = ids.filter((_, n) => n !== 160);
    expect(
      await differing((from, to) => ids.slice(from - 1, to).filter((id) => missed.includes(id))),
    ).toMatchObject({
      ...wrong,
      mismatch: { problem: 'count', count: 29, checkpoint: place },
    });
    expect(
      await differing((from, to) => (from > 1 ? ids.slice(from - 1, to + 5) : ids.slice(0, to))),
    ).toMatchObject({
      ...wrong,
      mismatch: { problem: 'count', count: 31, checkpoint: place },
    });
    const other = ids.with(160, ids[0] ?? '');
    expect(await differing((from, to) => other.slice(from - 1, to))).toMatchObject({
      ...wrong,
      mismatch: { problem: 'digest', count: 30, checkpoint: place },
    });
  });

  it('what is past retention is told as such, and the feed as gone', async () => {
    const { client, endpoint_id } = await lane();
    await client.sandbox.advance(4 * DAY);
    const feed = (): Promise<unknown> => client.endpoints.feed(endpoint_id).catch((error: unknown) => error);
    const gone = await waitFor('the end of retention', async () => {
      const answer = await feed();
      return answer instanceof PostriderGoneError ? answer : null;
    });
    expect(gone).toMatchObject({ status: 410, code: 'gone', earliest_seq: expect.any(Number) });
    await client.events.record({ event_type: 'custom.new' });
    const after = (gone.earliest_seq ?? 0) - 1;
    for await (const event of client.endpoints.iterateFeed(endpoint_id, { after }))
      expect(event.seq).toBeGreaterThan(after);
    await expect(client.endpoints.iterateFeed(endpoint_id).next()).rejects.toThrow(PostriderGoneError);
    const report = await client.endpoints.verifyCheckpoints(endpoint_id);
    expect(report).toMatchObject({ ok: true, verified: 1, mismatch: null });
  });
});

describe('with a server that lies', () => {
  const ids = Array.from({ length: 6 }, (_, n) => `evt_${n + 1}`);
  const digest = (from: number, to: number): string =>
    createHash('sha256')
      .update(
        ids
          .slice(from - 1, to)
          .map((id) => `${id}\n`)
          .join(''),
      )
      .digest('hex');
  function checkpoint(
    from_seq: number,
    to_seq: number,
    part: Partial<CheckpointObject> = {},
  ): CheckpointObject {
    const hour = '2026-04-19T14:00:00.000Z';
    const count = to_seq - from_seq + 1;
    return { from_seq, to_seq, count, digest: digest(from_seq, to_seq), hour, complete: true, ...part };
  }
  /** `seqs`: what its feed has. What is before the first is past retention. */
  function liar(checkpoints: CheckpointObject[], seqs: number[]): PostriderClient {
    return createClient({
      url: 'http://liar.test',
      apiKey: 'pr_test_x',
      fetch: async (url) => {
        const after = Number(new URL(url).searchParams.get('after'));
        const earliest_seq = seqs[0] ?? 1;
        if (url.includes('/feed') && after < earliest_seq - 1)
          return Response.json({ code: 'gone', detail: 'Gone.', errors: [], earliest_seq }, { status: 410 });
        const feed = seqs.filter((seq) => seq > after).map((seq) => ({ seq, event_id: ids[seq - 1] }));
        const data = url.includes('/checkpoints') ? checkpoints : feed;
        return Response.json({ data, next_cursor: null, last_seq: 6 });
      },
    });
  }

  it('a lane cut short, a checkpoint left out, a digest of something else', async () => {
    const all = [checkpoint(1, 2), checkpoint(3, 4), checkpoint(5, 6, { complete: false })];
    const whole = liar(all, [1, 2, 3, 4, 5, 6]);
    expect(await whole.endpoints.verifyCheckpoints('end_1')).toEqual({
      ok: true,
      verified: 3,
      past_retention: 0,
      // The last one still grows.
      to_seq: 4,
      mismatch: null,
    });
    const short = await liar(all, [1, 2, 3]).endpoints.verifyCheckpoints('end_1');
    expect(short).toMatchObject({ ok: false, verified: 1, mismatch: { problem: 'count', count: 1 } });
    const without = all.filter((one) => one.from_seq !== 3);
    const holey = await liar(without, [1, 2, 3, 4, 5, 6]).endpoints.verifyCheckpoints('end_1');
    expect(holey).toMatchObject({
      ok: false,
      to_seq: 2,
      mismatch: { problem: 'gap', checkpoint: { from_seq: 5 } },
    });
    const other = all.with(1, checkpoint(3, 4, { digest: digest(1, 2) }));
    const forged = await liar(other, [1, 2, 3, 4, 5, 6]).endpoints.verifyCheckpoints('end_1');
    expect(forged.mismatch).toMatchObject({ problem: 'digest', digest: digest(3, 4) });
  });

  it('what its feed has no more is passed over and counted', async () => {
    const all = [checkpoint(1, 2), checkpoint(3, 4), checkpoint(5, 6)];
    const report = await liar(all, [4, 5, 6]).endpoints.verifyCheckpoints('end_1');
    expect(report).toEqual({ ok: true, verified: 1, past_retention: 2, to_seq: 6, mismatch: null });
  });

  it('a feed with a gap is an error and never taken for the whole', async () => {
    const client = liar([checkpoint(1, 6)], [1, 2, 4, 5, 6]);
    const refused = { reason: 'unexpected_answer' };
    await expect(client.endpoints.verifyCheckpoints('end_1')).rejects.toMatchObject(refused);
    const feed = client.endpoints.iterateFeed('end_1', { after: 1 });
    await feed.next();
    await expect(feed.next()).rejects.toMatchObject(refused);
  });

  it('digests as the contract says', async () => {
    expect(await digestOf(ids)).toBe(digest(1, 6));
  });
});
