/** Lists as iterators: one page is held at a time. */

import type { ListPage } from '@postrider/contract/schemas/json-schema';
import { PostriderConnectionError } from './errors.ts';

/** Every item, page after page. The next page is asked for once the items of the one before are taken. */
export async function* itemsOf<T>(
  read: (cursor: string | undefined) => Promise<ListPage<T>>,
): AsyncGenerator<T, void, undefined> {
  let cursor: string | undefined;
  for (;;) {
    const page = await read(cursor);
    yield* page.data;
    if (page.next_cursor === null) return;
    // A list that leads back to its own page would never end.
    if (page.next_cursor === cursor)
      throw new PostriderConnectionError(
        'list',
        'unexpected_answer',
        `the cursor ${cursor} leads to itself.`,
      );
    cursor = page.next_cursor;
  }
}
