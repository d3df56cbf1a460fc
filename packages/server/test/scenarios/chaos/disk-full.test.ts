/**
 * No room on the disk: the doors say so and ask for patience, nothing that was acknowledged is lost, what was due goes
 * out all the same, the process stays, and it goes on by itself as soon as there is room.
 */

import { appendFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect } from 'vitest';
import { healthy, refusing } from '../../kit/hostile/answers.ts';
import { limit } from '../../kit/resource-limits.ts';
import { canMount, onSmallDisk } from '../../kit/small-disk.ts';
import { itNeeds } from '../../kit/skip.ts';
import { installed, signedIn } from '../../kit/smtp.ts';
import { waitFor } from '../../kit/wait.ts';
import { Withheld } from './kill-states.ts';
import { World, type ChaosLane } from './world.ts';

const EVENTS = 40;
const DISK_BYTES = 48 * 2 ** 20;
/** What the server is to keep free, in the test that fills the disk to the last byte. */
const MIN_FREE_BYTES = 4 * 2 ** 20;

const isLinux = process.platform === 'linux';
const itLimited = itNeeds('prlimit', isLinux && installed('prlimit'));
const itMounted = itNeeds('a file system of its own (root, unshare -m)', isLinux && canMount());

interface Full {
  withheld: Withheld;
  due: ChaosLane;
  retrying: ChaosLane;
}

/** Deliveries that are under way, waiting, and due again, at the moment when the disk is full. */
async function beginFull(world: World): Promise<Full> {
  const withheld = new Withheld();
  const due = await world.lane('due', withheld.behaviour, { timeout_ms: 30_000 });
  const retrying = await world.lane('retrying', refusing(500));
  expect(await world.offered.offer(world.api, EVENTS)).toBe(true);
  await due.path.untilRequests(2);
  await retrying.path.untilRequests(2);
  return { withheld, due, retrying };
}

async function expectRefusedAtBothDoors(world: World): Promise<void> {
  const { offered, api } = world;
  await waitFor('refusal by HTTP', async () => !(await offered.offer(api, 1)));
  const refusal = offered.refusals.at(-1);
  expect(refusal).toMatchObject({ status: 503, code: 'storage_unavailable' });
  expect(Number(refusal?.retryAfter)).toBeGreaterThan(0);
  const client = await signedIn(world.server.smtp, api.key ?? '');
  await client.ask('MAIL FROM:<shop@example.com>');
  await client.ask('RCPT TO:<delivered@sandbox.test>');
  await client.ask('DATA');
  client.send(Buffer.from('From: shop@example.com\r\nSubject: No room\r\n\r\nHi.\r\n.\r\n'));
  expect((await client.reply()).at(-1)).toMatch(/^451 4\./);
  client.destroy();
}

/** What was due before goes out while nothing can be written, and comes to its end once it can. */
async function expectDueGoesOut({ withheld, due }: Full): Promise<void> {
  due.path.behaviour = healthy;
  withheld.answerAll();
  await due.path.untilTaken(EVENTS);
}

async function expectWellAgain(world: World, { retrying }: Full): Promise<void> {
  retrying.path.behaviour = healthy;
  await waitFor('202 again', () => world.offered.offer(world.api, 1), 15_000);
  await world.drain();
  const { faults } = await world.tally({ states: ['delivered'] });
  expect(faults).toEqual([]);
  expect(world.offered.refusals.filter(({ status }) => status !== 503)).toEqual([]);
  expect((await world.server.stop()).code).toBe(0);
}

describe('a full disk', () => {
  itLimited(
    'as a limit on the size of files (EFBIG)',
    async () => {
      const world = await World.start();
      const full = await beginFull(world);
      limit(world.server.pid, 'fsize', 1);
      await expectRefusedAtBothDoors(world);
      await expectDueGoesOut(full);
      limit(world.server.pid, 'fsize', 'unlimited');
      await expectWellAgain(world, full);
    },
    60_000,
  );

  itMounted(
    'as a file system without a free byte (ENOSPC)',
    async () => {
      const world = await World.start(onSmallDisk(DISK_BYTES, { min_free_bytes: 0 }));
      const full = await beginFull(world);
      const filler = join(`/proc/${world.server.pid}/root`, world.dir, 'filler');
      fill(filler, 0);
      await expectRefusedAtBothDoors(world);
      await expectDueGoesOut(full);
      rmSync(filler);
      await expectWellAgain(world, full);
    },
    60_000,
  );

  itMounted(
    'that still has what store.min_free_bytes asks for, less one page: results find room, new work does not',
    async () => {
      const options = onSmallDisk(DISK_BYTES, { min_free_bytes: MIN_FREE_BYTES });
      const world = await World.start(options);
      const full = await beginFull(world);
      const filler = join(`/proc/${world.server.pid}/root`, world.dir, 'filler');
      fill(filler, MIN_FREE_BYTES / 2);
      await waitFor('word of it', () => world.server.output.includes('disk nearly full'));
      await expectRefusedAtBothDoors(world);
      await expectDueGoesOut(full);
      await waitFor('settled results', async () => (await world.stats(full.due)).pending === 0);
      rmSync(filler);
      await expectWellAgain(world, full);
    },
    60_000,
  );
});

/** A file that leaves `left` bytes; 0 = writes until the system says that there is no more room. */
function fill(path: string, left: number): void {
  const { bavail, bsize } = statfsSync(join(path, '..'));
  writeFileSync(path, Buffer.alloc((bavail - 64) * bsize - left));
  if (left > 0) return;
  const page = Buffer.alloc(bsize);
  for (let more = true; more;) more = appended(path, page);
}

function appended(path: string, page: Buffer): boolean {
  try {
    appendFileSync(path, page);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}
