/** A batch of 1,000 messages with bad ones in the middle: each answered in its place, all good ones on their way. */

import type { MessageAccepted, MessageBatchAnswer } from '@postrider/contract/schemas/message';
import type { Problem } from '@postrider/contract/errors';
import { expect, it } from 'vitest';
import { mail } from '../kit/api.ts';
import { started } from '../kit/started.ts';
import { ALL_THERE, tally } from '../kit/tally.ts';

const kit = started();

/** What is wrong with the messages at these places, and where the answer must point. */
const BAD: Record<number, [message: object, path: string]> = {
  0: [{ ...mail({}), to: 'nobody' }, '/to'],
  333: [{ ...mail({}), subject: 'a\r\nBcc: victim@example.com' }, '/subject'],
  500: [{ ...mail({}), surprise: true }, '/surprise'],
  501: [{ ...mail({}), from: undefined }, '/from'],
  999: [{ ...mail({}), attachments: [{ filename: 'x', content: '!!!' }] }, '/attachments/0/content'],
};

it('1,000 messages are answered in order, good and bad, and every event of the good ones arrives', async () => {
  const { sandbox } = await kit.server.project();
  const hook = kit.receiver.hook();
  await sandbox.createEndpoint({ url: hook.url });
  const messages = Array.from({ length: 1_000 }, (_, n) => BAD[n]?.[0] ?? mail({ to: `r${n}@example.net` }));
  const { data } = await sandbox.post<MessageBatchAnswer>('/v1/messages/batch', { messages });
  expect(data).toHaveLength(1_000);
  const taken: MessageAccepted[] = [];
  for (const [n, answer] of data.entries()) {
    const bad = BAD[n];
    if (bad === undefined) {
      expect(answer).toMatchObject({ recipients: [{ address: `r${n}@example.net`, status: 'accepted' }] });
      taken.push(answer as MessageAccepted);
    } else expectProblem((answer as { error: Problem }).error, bad[1]);
  }
  expect(taken).toHaveLength(995);

  await sandbox.advance(0);
  const told = await hook.untilEvents(2 * taken.length, 30_000);
  const wanted = taken.flatMap(({ message_id }) => [`${message_id} accepted`, `${message_id} delivered`]);
  expect(
    tally(
      wanted,
      told.map((event) => `${event.message_id} ${event.event_type}`),
    ),
  ).toEqual(ALL_THERE);
  expect(told.map((event) => event.seq)).toEqual(told.map((_, index) => index + 1));
  const stored = await sandbox.all<{ message_id: string }>('/v1/messages');
  expect(
    tally(
      taken.map((one) => one.message_id),
      stored.map((one) => one.message_id),
    ),
  ).toEqual(ALL_THERE);
}, 60_000);

function expectProblem(problem: Problem, path: string): void {
  expect(problem).toMatchObject({
    status: 422,
    code: 'validation_failed',
    type: '/docs/errors#validation_failed',
  });
  expect(problem.errors.map((error) => error.path)).toEqual([path]);
}

it.each([
  ['no message', { messages: [] }, '/messages'],
  ['1,001 messages', { messages: Array.from({ length: 1_001 }, () => mail({})) }, '/messages'],
  ['an unknown field beside the messages', { messages: [mail({})], more: 1 }, '/more'],
])('%s is refused whole', async (_name, json, path) => {
  const { sandbox } = await kit.server.project();
  const answer = await sandbox.call<Problem>('POST', '/v1/messages/batch', { json });
  expect(answer.status).toBe(422);
  expect(answer.body.errors.map((error) => error.path)).toEqual([path]);
  expect(await sandbox.events()).toEqual([]);
});

it('10,000 recipients of one message are refused, naming the limit, and nothing is kept', async () => {
  const { sandbox } = await kit.server.project();
  const to = Array.from({ length: 10_000 }, (_, n) => `r${n}@example.net`);
  const answer = await sandbox.call<Problem>('POST', '/v1/messages', { json: mail({ to }) });
  expect(answer.status).toBe(422);
  expect(answer.body.errors).toEqual([
    { path: '/to', message: 'has 10000 addresses; at most 1000 are allowed (limits.recipients)' },
  ]);
  expect(await sandbox.events()).toEqual([]);
});

it('a message with 1,000 recipients is one message, with every recipient on its own', async () => {
  const { sandbox } = await kit.server.project();
  const to = Array.from({ length: 1_000 }, (_, n) => `r${n}@example.net`);
  const { message_id, recipients } = await sandbox.send({ to });
  expect(recipients.map(({ address }) => address)).toEqual(to);
  await sandbox.advance(0);
  const message = await sandbox.message(message_id);
  expect(message.recipients.map(({ address, status }) => `${address} ${status}`)).toEqual(
    to.map((address) => `${address} delivered`),
  );
}, 60_000);
