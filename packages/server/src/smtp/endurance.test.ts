/** Floods, drips and cut connections: memory stays flat and the door stays open. */

import { once } from 'node:events';
import { connect } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { createTransport } from 'nodemailer';
import { expect, onTestFinished, test } from 'vitest';
import { GOOD_KEY, openDoor, RawClient, signedIn, type TestDoor } from './test-kit.ts';

const MB = 1024 * 1024;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What is held, without what only waits for the collector. */
function heldBytes(): number {
  collect();
  return process.memoryUsage().arrayBuffers;
}

async function alive({ port, submissions }: TestDoor): Promise<void> {
  const client = await signedIn(port);
  await client.ask('MAIL FROM:<a@example.com>');
  await client.ask('RCPT TO:<ann@example.net>');
  await client.ask('DATA');
  expect(await client.ask('alive\r\n.')).toMatch(/^250 2\.0\.0 queued/);
  expect(submissions.mails.at(-1)?.raw.toString()).toBe('alive\r\n');
  client.destroy();
}

test('100 MB of DATA are refused with flat memory', async () => {
  const opened = await openDoor({ message_bytes: 8 * MB });
  onTestFinished(opened.close);
  const client = await signedIn(opened.port);
  await client.ask('MAIL FROM:<a@example.com>');
  await client.ask('RCPT TO:<ann@example.net>');
  await client.ask('DATA');
  const block = Buffer.from(`${'x'.repeat(998)}\r\n`.repeat(1000));
  const before = heldBytes();
  let peak = 0;
  for (let sent = 0; sent < 100_000_000; sent += block.length) {
    await client.sendAll(block);
    if (sent % (5 * block.length) === 0) peak = Math.max(peak, heldBytes() - before);
    expect(opened.door.pendingBytes).toBeLessThanOrEqual(9 * MB);
  }
  expect(await client.ask('.')).toMatch(/^552 5\.3\.4 Message too large with 100000000 octets/);
  expect(peak).toBeGreaterThan(4 * MB);
  expect(peak).toBeLessThan(16 * MB);
  expect(opened.door.pendingBytes).toBe(0);
  await alive(opened);
  client.destroy();
});

test('a large message arrives whole, over TLS, with every line stuffed', async () => {
  const opened = await openDoor({ message_bytes: 25 * MB });
  onTestFinished(opened.close);
  const raw = Buffer.from(`Subject: dots\r\n\r\n${'.\r\n..\r\n.x\r\n'.repeat(500_000)}`);
  const transport = createTransport({
    host: '127.0.0.1',
    port: opened.port,
    requireTLS: true,
    tls: { rejectUnauthorized: false },
    auth: { user: 'x', pass: GOOD_KEY },
  });
  await transport.sendMail({ envelope: { from: 'a@example.com', to: ['ann@example.net'] }, raw });
  expect(opened.submissions.mails[0]?.raw.equals(raw)).toBe(true);
  transport.close();
});

test('a client that never reads its replies is cut off', async () => {
  const opened = await openDoor({ idle_timeout_ms: 1000 });
  onTestFinished(opened.close);
  const client = await signedIn(opened.port);
  await client.ask('MAIL FROM:<a@example.com>');
  client.socket.pause();
  client.socket.on('error', () => {});
  const commands = Buffer.from('RCPT TO:<bad>\r\n'.repeat(4000));
  while (opened.door.connections > 0) {
    if (client.socket.writable && !client.socket.writableNeedDrain) client.send(commands);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await alive(opened);
});

test('connections cut at every point of a session leave nothing', async () => {
  const opened = await openDoor({ max_connections: 2000, max_connections_per_address: 2000 });
  onTestFinished(opened.close);
  const session = Buffer.from(
    `EHLO x\r\nAUTH PLAIN ${Buffer.from(`\0u\0${GOOD_KEY}`).toString('base64')}\r\nMAIL FROM:<a@example.com>\r\nRCPT TO:<ann@example.net>\r\nDATA\r\nSubject: x\r\n\r\n..x\r\n.\r\nQUIT\r\n`,
  );
  const whole = session.length - 'QUIT\r\n'.length;
  const cut = async (length: number, reset: boolean): Promise<void> => {
    const socket = connect({ port: opened.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    await once(socket, 'connect');
    await new Promise((resolve) => socket.write(session.subarray(0, length), resolve));
    if (reset) socket.resetAndDestroy();
    else socket.resume().end();
    if (!socket.destroyed) await once(socket, 'close');
  };
  for (let length = 1; length < whole; length += 1) {
    await cut(length, length % 2 === 0);
  }
  while (opened.door.connections > 0) await new Promise((resolve) => setImmediate(resolve));
  expect(opened.submissions.mails).toEqual([]);
  expect(opened.door.pendingBytes).toBe(0);
  await cut(session.length, false);
  expect(opened.submissions.mails.length).toBe(1);
  await alive(opened);
});

test('one octet a packet is one session like any other', async () => {
  const opened = await openDoor();
  onTestFinished(opened.close);
  const client = await signedIn(opened.port);
  const text =
    'MAIL FROM:<a@example.com>\r\nRCPT TO:<ann@example.net>\r\nDATA\r\nSubject: drip\r\n\r\n..\r\n.\r\n';
  for (const octet of Buffer.from(text)) await client.sendAll(Buffer.from([octet]));
  const replies = [await client.reply(), await client.reply(), await client.reply(), await client.reply()];
  expect(replies.map((lines) => lines[0]?.slice(0, 3))).toEqual(['250', '250', '354', '250']);
  expect(opened.submissions.mails[0]?.raw.toString()).toBe('Subject: drip\r\n\r\n.\r\n');
  client.destroy();
});

test('a command that drips for ever is timed out all the same', async () => {
  const opened = await openDoor({ idle_timeout_ms: 500 });
  onTestFinished(opened.close);
  const client = await RawClient.connect(opened.port);
  client.socket.on('error', () => {});
  await client.reply();
  while (opened.door.connections > 0) {
    if (client.socket.writable) client.send('x');
    await new Promise((resolve) => setImmediate(resolve));
    // Much slower than the limit on the length of a line, which is another matter.
    for (const until = performance.now() + 2; performance.now() < until;);
  }
  expect(await client.reply()).toEqual(['421 4.4.2 Timed out waiting for you; closing']);
  client.destroy();
});

test('what was sent in the clear behind STARTTLS counts for nothing, wherever it waited', async () => {
  const opened = await openDoor();
  onTestFinished(opened.close);
  const client = await RawClient.connect(opened.port);
  await client.reply();
  await client.ask('EHLO x');
  const looked = Promise.withResolvers<void>();
  opened.access.hold = looked.promise;
  // The door looks up the key and does not read on; the rest waits in its socket, in pieces.
  await client.sendAll(Buffer.from('AUTH PLAIN AHVzZXIAcHJfdGVzdF9ub3Bl\r\n'));
  for (const piece of ['STARTTLS\r\n', 'EHLO evil\r\n', 'NOOP\r\n']) {
    for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
    await client.sendAll(Buffer.from(piece));
  }
  for (let turn = 0; turn < 5; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  looked.resolve();
  expect((await client.reply())[0]).toMatch(/^535 /);
  expect((await client.reply())[0]).toMatch(/^220 2\.0\.0 /);
  await client.startTls();
  expect(await client.ask('MAIL FROM:<a@example.com>')).toMatch(/^503 5\.5\.1 Say EHLO first/);
  client.destroy();
});

test('rubbish under TLS and in the handshake', async () => {
  const opened = await openDoor();
  onTestFinished(opened.close);
  for (const rubbish of [Buffer.alloc(65_536), Buffer.from('16030300', 'hex'), Buffer.alloc(300, 0xff)]) {
    const client = await RawClient.connect(opened.port);
    client.socket.on('error', () => {});
    await client.reply();
    await client.ask('EHLO x');
    await client.ask('STARTTLS');
    client.send(rubbish);
    client.end();
    await client.closed();
    client.destroy();
  }
  const client = await RawClient.connect(opened.port);
  await client.reply();
  await client.ask('EHLO x');
  await client.ask('STARTTLS');
  await client.startTls();
  client.send(Buffer.from('00ff0d0a', 'hex'));
  expect((await client.reply())[0]).toMatch(/^500 5\.5\.2 /);
  client.destroy();
  await alive(opened);
});
