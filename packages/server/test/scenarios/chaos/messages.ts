/** Messages that an application's own events can be about. */

import type { MessageBatchAnswer } from '@postrider/contract/schemas/message';
import { mail, type Api } from '../../kit/api.ts';

const BATCH = 1_000;

/** Ids of `count` new messages. */
export async function messagesOf(api: Api, count: number): Promise<string[]> {
  const ids: string[] = [];
  while (ids.length < count) {
    const messages = Array.from({ length: Math.min(BATCH, count - ids.length) }, () => mail({}));
    const { data } = await api.post<MessageBatchAnswer>('/v1/messages/batch', { messages });
    for (const one of data) if ('message_id' in one) ids.push(one.message_id);
  }
  return ids;
}
