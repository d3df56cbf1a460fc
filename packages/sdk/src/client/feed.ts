/** A lane as its feed gives it: every `seq`, one after the other. */

import type { PushedEnvelope } from '@postrider/contract/events';
import type { FeedPage } from '@postrider/contract/schemas/feed';
import { PostriderConnectionError } from './errors.ts';
import type { FeedQuery, Iterated } from './queries.ts';

/** Up to the end of the lane at the time of reading. A gap is an error: nobody should take it for completeness. */
export async function* feedEvents(
  read: (query: FeedQuery) => Promise<FeedPage>,
  query: Iterated<FeedQuery> = {},
): AsyncGenerator<PushedEnvelope, void, undefined> {
  let after = query.after ?? 0;
  for (;;) {
    const page = await read({ ...query, after });
    for (const event of page.data) {
      if (event.seq !== after + 1) throw broken(`after seq ${after} comes seq ${event.seq}`);
      after = event.seq;
      yield event;
    }
    if (page.next_cursor === null) return;
    if (page.data.length === 0) throw broken(`the page after seq ${after} is empty and not the last`);
  }
}

function broken(what: string): PostriderConnectionError {
  return new PostriderConnectionError('feed', 'unexpected_answer', `${what}; a feed has no gaps.`);
}
