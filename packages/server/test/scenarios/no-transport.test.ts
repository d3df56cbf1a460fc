/** A live message while no transport can carry it is refused by every door, never pretended to be delivered. */

import type { Problem } from '@postrider/contract/errors';
import type { MessageBatchAnswer } from '@postrider/contract/schemas/message';
import { expect, it } from 'vitest';
import { mail } from '../kit/api.ts';
import { started } from '../kit/started.ts';
import { signedIn } from '../kit/smtp.ts';

const kit = started();

it('by HTTP, alone and in a batch, and by SMTP; nothing is kept', async () => {
  const { live } = await kit.server.project();
  const hook = kit.receiver.hook();
  await live.createEndpoint({ url: hook.url, event_types: ['*'] });
  const answer = await live.call<Problem>('POST', '/v1/messages', { json: mail({}) });
  expect([answer.status, answer.body.code]).toEqual([422, 'no_transport']);
  const batch = await live.post<MessageBatchAnswer>('/v1/messages/batch', { messages: [mail({}), mail({})] });
  expect(batch.data).toMatchObject([
    { error: { code: 'no_transport' } },
    { error: { code: 'no_transport' } },
  ]);

  const client = await signedIn(kit.server.smtp, live.key ?? '');
  const replies: string[] = [];
  for (const line of ['MAIL FROM:<a@example.com>', 'RCPT TO:<ann@example.net>', 'DATA'])
    replies.push(await client.ask(line));
  if (replies[2]?.startsWith('354')) {
    client.send('From: a@example.com\r\n\r\nHi.\r\n.\r\n');
    replies.push((await client.reply()).at(-1) ?? '');
  }
  client.destroy();
  expect(replies.at(-1)).toMatch(/^5\d\d 5\.\d+\.\d+ /);

  expect(await live.all('/v1/messages')).toEqual([]);
  expect(await live.events()).toEqual([]);
  expect(hook.requests).toEqual([]);
});

it('all else of the live environment works: its own events are pushed', async () => {
  const { live, sandbox } = await kit.server.project();
  const [mine, theirs] = [kit.receiver.hook(), kit.receiver.hook()];
  await live.createEndpoint({ url: mine.url, event_types: ['custom.*'] });
  await sandbox.createEndpoint({ url: theirs.url, event_types: ['custom.*'] });
  await live.post('/v1/events', { event_type: 'custom.a' });
  expect(await mine.untilEvents(1)).toMatchObject([{ event_type: 'custom.a', environment: 'live' }]);
  expect((await live.call('POST', '/v1/sandbox/clock/advance', { json: { seconds: 1 } })).status).toBe(404);
  await sandbox.advance(60);
  expect(theirs.requests).toEqual([]);
});
