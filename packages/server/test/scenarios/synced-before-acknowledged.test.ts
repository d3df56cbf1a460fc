/** Each 202 and each 250 is written only after the data it answers for was synced to disk, as the kernel saw it. */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { EventsAccepted } from '@postrider/contract/schemas/event';
import type { MessageBatchAnswer } from '@postrider/contract/schemas/message';
import { expect, it, onTestFinished } from 'vitest';
import { mail } from '../kit/api.ts';
import { ChildServer, dataFolder } from '../kit/child-server.ts';
import { itNeeds } from '../kit/skip.ts';
import { installed, signedIn, submit } from '../kit/smtp.ts';
import { acknowledgements, readTrace, tracer } from '../kit/sync-trace.ts';

const itWithTracer = itNeeds('strace', process.platform === 'linux' && installed('strace'));

itWithTracer(
  'every acknowledgement of both doors comes after the sync of what it acknowledges',
  async () => {
    const folder = await dataFolder();
    onTestFinished(() => folder.remove());
    const path = join(folder.dir, 'trace.txt');
    const server = await ChildServer.start({ ...folder, under: tracer(path) });
    onTestFinished(() => server.kill());
    const acknowledged = await useBothDoors(server);
    expect(await server.stop()).toMatchObject({ code: 0 });

    const seen = acknowledgements(path);
    expect(seen.map(({ ids }) => ids)).toEqual(acknowledged);
    expect(seen.flatMap(({ unsynced }) => unsynced)).toEqual([]);

    // The same trace without its syncs, as `synchronous=NORMAL` would give it, shows every one of them.
    const lines = readFileSync(path, 'latin1').split('\n');
    const normal = readTrace(lines.filter((line) => !/\b(fsync|fdatasync)\b/.test(line)));
    expect(normal.flatMap(({ unsynced }) => unsynced)).toEqual(acknowledged.flat());
  },
  120_000,
);

/** One request at a time; resolves to the ids of each answer. */
async function useBothDoors(server: ChildServer): Promise<string[][]> {
  const { sandbox } = await server.project();
  const acknowledged: string[][] = [];
  const client = await signedIn(server.smtp, sandbox.key ?? '');
  const octets = 'From: shop@example.com\r\nSubject: Hello\r\n\r\nHi.\r\n';
  for (let round = 0; round < 5; round++) {
    acknowledged.push([(await sandbox.send({})).message_id]);
    const batch = await sandbox.post<MessageBatchAnswer>('/v1/messages/batch', {
      messages: [mail({ to: 'bounce@example.net' }), mail({ subject: 'Another' })],
    });
    acknowledged.push(batch.data.map((one) => ('message_id' in one ? one.message_id : '')));
    const events = await sandbox.post<EventsAccepted>('/v1/events', {
      events: [{ event_type: 'custom.a' }, { event_type: 'custom.b' }],
    });
    acknowledged.push(events.data.map((one) => one.event_id));
    acknowledged.push([await submit(client, 'shop@example.com', ['delivered@sandbox.test'], octets)]);
  }
  client.destroy();
  return acknowledged;
}

it('the reading of a trace tells a sync that came too late from one that came in time', () => {
  const id = `msg_${'0'.repeat(26)}`;
  const write = `7 pwrite64(28</d/postrider.db-wal>, "\\r${id}", 24, 0) = 24`;
  const sync = '7 fsync(28</d/postrider.db-wal>) = 0';
  const answer = `9 write(40<socket:[1]>, "250 2.0.0 queued as ${id}\\r\\n", 52) = 52`;
  const unsynced = (...lines: string[]): string[] => readTrace(lines).flatMap((one) => one.unsynced);
  const begun = '7 fsync(28</d/postrider.db-wal> <unfinished ...>';
  const ended = '7 <... fsync resumed>) = 0';
  expect(unsynced(write, sync, answer)).toEqual([]);
  expect(unsynced(write, begun, ended, answer)).toEqual([]);
  expect(unsynced(write, answer, sync)).toEqual([id]);
  expect(unsynced(sync, write, answer)).toEqual([id]);
  expect(unsynced(write, begun, answer, ended)).toEqual([id]);
  expect(unsynced(begun, write, ended, answer)).toEqual([id]);
  expect(unsynced(write, '7 fsync(28</d/other>) = 0', answer)).toEqual([id]);
  expect(unsynced(write, '7 fsync(28</d/postrider.db-wal>) = -1 EIO (Input/output error)', answer)).toEqual([
    id,
  ]);
});
