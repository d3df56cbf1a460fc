/** Real messages in the sandbox, for events that name one. */

import { Pool } from 'undici';
import { post } from './drive.ts';
import type { Product } from './product.ts';
import { until } from './wait.ts';

const BATCH = 500;
const MESSAGE = {
  from: 'Shop <shop@example.com>',
  to: 'delivered@sandbox.test',
  subject: 'Your order',
  text: 'It is on its way to you.\n',
};

/** Resolves to their ids when all of them are delivered. */
export async function makeMessages(product: Product, count: number): Promise<string[]> {
  const pool = new Pool(product.http, { connections: 1 });
  const ids: string[] = [];
  try {
    while (ids.length < count) {
      const size = Math.min(BATCH, count - ids.length);
      const body = JSON.stringify({ messages: Array.from({ length: size }, () => MESSAGE) });
      const answer = await post(pool, product.keys.sandbox, '/v1/messages/batch', body);
      for (const { message_id } of (JSON.parse(answer) as { data: { message_id?: string }[] }).data) {
        if (message_id === undefined) throw new Error(`a message was refused: ${answer.slice(0, 300)}`);
        ids.push(message_id);
      }
    }
  } finally {
    await pool.close();
  }
  await until('every message is delivered', async () => {
    const { data } = await product.call('GET', '/v1/messages?status=accepted&limit=1');
    return (data as unknown[]).length === 0;
  });
  return ids;
}
