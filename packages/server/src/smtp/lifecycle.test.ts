/** Keys that change, errors behind the door, limits on connections, and the graceful end. */

import { expect, onTestFinished, test } from 'vitest';
import { PostriderError } from '../domain/errors.ts';
import type { Logger } from '../base/logger.ts';
import type { SmtpSettings, SmtpTuning } from './settings.ts';
import {
  GOOD_KEY,
  openDoor,
  plainResponse,
  RawClient,
  READ_ONLY_KEY,
  signedIn,
  type TestDoor,
} from './test-kit.ts';

async function open(config: Partial<SmtpSettings & SmtpTuning> = {}, log?: Logger): Promise<TestDoor> {
  const opened = await openDoor(config, log);
  onTestFinished(opened.close);
  return opened;
}

async function inData(port: number): Promise<RawClient> {
  const client = await signedIn(port);
  await client.ask('MAIL FROM:<a@example.com>');
  await client.ask('RCPT TO:<ann@example.net>');
  await client.ask('DATA');
  return client;
}

/** Sends one message and returns its answer. */
async function sendOne(client: RawClient): Promise<string> {
  await client.ask('MAIL FROM:<a@example.com>');
  await client.ask('RCPT TO:<ann@example.net>');
  await client.ask('DATA');
  return client.ask('Subject: x\r\n\r\nx\r\n.');
}

test('what the stages refuse is said so, and the connection goes on', async () => {
  const { port, submissions } = await open();
  const client = await signedIn(port);
  const failures: [unknown, string][] = [
    [new PostriderError('overloaded', 'x'), '451 4.3.0 '],
    [new PostriderError('storage_unavailable', 'x'), '451 4.3.0 '],
    [new PostriderError('shutting_down', 'x'), '451 4.3.2 '],
    [
      new PostriderError('validation_failed', '/headers/From: is\r\nmissing'),
      '554 5.6.0 /headers/From: is missing',
    ],
    [new PostriderError('no_transport', 'none'), '554 5.3.5 none'],
    [new PostriderError('message_too_large', 'big'), '552 5.3.4 big'],
    [new Error('secret of the inside'), '451 4.3.0 Cannot store'],
  ];
  for (const [failure, answer] of failures) {
    submissions.failure = failure;
    expect((await sendOne(client)).slice(0, answer.length)).toBe(answer);
  }
  submissions.failure = null;
  expect(await sendOne(client)).toBe('250 2.0.0 queued as msg_1');
  client.destroy();
});

test('250 comes after the store, not before', async () => {
  const { port, submissions, door } = await open();
  const stored = Promise.withResolvers<void>();
  const arrived = Promise.withResolvers<void>();
  submissions.hold = stored.promise;
  submissions.onArrival = arrived.resolve;
  const client = await inData(port);
  client.send('x\r\n.\r\nNOOP\r\n');
  let answered = false;
  const answer = client.reply().then((lines) => {
    answered = true;
    return lines;
  });
  await arrived.promise;
  expect(door.pendingBytes).toBeGreaterThan(0);
  expect(answered).toBe(false);
  stored.resolve();
  expect(await answer).toEqual(['250 2.0.0 queued as msg_1']);
  expect(await client.reply()).toEqual(['250 2.0.0 OK']);
  client.destroy();
});

test('a key revoked within a session sends nothing more', async () => {
  const { port, access, submissions } = await open();
  const client = await inData(port);
  access.revoked = true;
  expect(await client.ask('x\r\n.')).toMatch(/^530 5\.7\.0 The password is not a valid API key/);
  expect(await client.ask('MAIL FROM:<a@example.com>')).toMatch(/^530 5\.7\.0 /);
  expect(await client.ask(`AUTH PLAIN ${plainResponse(GOOD_KEY)}`)).toMatch(/^535 5\.7\.8 /);
  access.revoked = false;
  expect(await client.ask(`AUTH PLAIN ${plainResponse(GOOD_KEY)}`)).toMatch(/^235 /);
  expect(submissions.mails).toEqual([]);
  client.destroy();
});

test('trouble behind the keys is temporary', async () => {
  const { port, access } = await open();
  const client = await signedIn(port);
  access.trouble = new Error('disk');
  expect(await client.ask('MAIL FROM:<a@example.com>')).toMatch(/^454 4\.7\.0 /);
  access.trouble = null;
  expect(await sendOne(client)).toMatch(/^250 /);
  client.destroy();
});

test('no key gets into the log', async () => {
  const lines: string[] = [];
  const write = (fields: object, message: string): void =>
    void lines.push(`${message} ${JSON.stringify(fields)}`);
  const { port, access } = await open({}, { debug: write, info: write, warn: write, error: write });
  const client = await signedIn(port);
  await sendOne(client);
  const other = await RawClient.connect(port);
  await other.reply();
  await other.ask('EHLO x');
  await other.ask(`AUTH PLAIN ${plainResponse(READ_ONLY_KEY)}`);
  await other.ask(`AUTH PLAIN ${plainResponse('pr_test_wrong')}`);
  access.trouble = new Error('disk');
  await other.ask(`AUTH PLAIN ${plainResponse(GOOD_KEY)}`);
  for (const name of ['smtp.listening', 'smtp.accepted', 'smtp.auth_failed', 'smtp.auth_trouble'])
    expect(
      lines.some((line) => line.startsWith(name)),
      name,
    ).toBe(true);
  expect(lines.join('\n')).not.toMatch(/pr_test|pr_admin|cHJfdGVzd/);
  client.destroy();
  other.destroy();
});

test('more connections than allowed get 421, in all and from one address', async () => {
  for (const config of [{ max_connections: 2 }, { max_connections_per_address: 2 }]) {
    const { port, door } = await open(config);
    const first = await RawClient.connect(port);
    const second = await RawClient.connect(port);
    await first.reply();
    await second.reply();
    const third = await RawClient.connect(port);
    expect((await third.reply())[0]).toMatch(/^421 4\.7\.0 Too many connections/);
    expect(await third.closed()).toBe('');
    expect(door.connections).toBe(2);
    expect(await first.ask('QUIT')).toMatch(/^221 /);
    first.end();
    while (door.connections > 1) await new Promise((resolve) => setImmediate(resolve));
    const fourth = await RawClient.connect(port);
    expect((await fourth.reply())[0]).toMatch(/^220 /);
    for (const client of [first, second, third, fourth]) client.destroy();
  }
});

test('at the end idle ones hear 421 and the running transaction is finished', async () => {
  const { port, door, submissions } = await open();
  const idle = await signedIn(port);
  const partial = await RawClient.connect(port);
  await partial.reply();
  partial.send('EHL');
  const running = await inData(port);
  running.send('first half\r\n');
  const closed = door.close();
  expect((await idle.reply())[0]).toMatch(/^421 4\.3\.2 /);
  expect((await partial.reply())[0]).toMatch(/^421 4\.3\.2 /);
  running.send('second half\r\n.\r\n');
  expect((await running.reply())[0]).toBe('250 2.0.0 queued as msg_1');
  expect((await running.reply())[0]).toMatch(/^421 4\.3\.2 /);
  expect(await running.closed()).toBe('');
  await closed;
  expect(submissions.mails[0]?.raw.toString()).toBe('first half\r\nsecond half\r\n');
  await expect(RawClient.connect(port)).rejects.toThrow('ECONNREFUSED');
});

test('the end has a bound, whatever clients do', async () => {
  const { port, door, submissions } = await open({ shutdown_grace_ms: 50, linger_timeout_ms: 60_000 });
  const slow = await inData(port);
  slow.send('never ends');
  const never = Promise.withResolvers<void>();
  submissions.hold = never.promise;
  const arrived = Promise.withResolvers<void>();
  submissions.onArrival = arrived.resolve;
  const stuck = await inData(port);
  stuck.send('x\r\n.\r\n');
  await arrived.promise;
  await door.close();
  expect((await slow.reply())[0]).toMatch(/^421 4\.3\.2 /);
  expect((await stuck.reply())[0]).toMatch(/^421 4\.3\.2 /);
  expect(door.connections).toBe(0);
  never.resolve();
});

test('close without listen, and twice', async () => {
  const { door } = await open();
  const first = door.close();
  expect(door.close()).toBe(first);
  await first;
});
