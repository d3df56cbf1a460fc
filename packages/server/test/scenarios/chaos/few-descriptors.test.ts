/** A process that may open 128 files: it runs out of them, waits its turn, and loses nothing. */

import { connect, type Socket } from 'node:net';
import { expect, onTestFinished } from 'vitest';
import { healthy } from '../../kit/hostile/answers.ts';
import { hanging } from '../../kit/hostile/silence.ts';
import { openFiles } from '../../kit/process-watch.ts';
import { limit } from '../../kit/resource-limits.ts';
import { itNeeds } from '../../kit/skip.ts';
import { installed } from '../../kit/smtp.ts';
import { waitFor } from '../../kit/wait.ts';
import { World } from './world.ts';

const FILES = 128;
const ENOUGH_FILES = 1_024;
const HANGING_LANES = 30;
/** Connections that say nothing, more than there are descriptors for. */
const IDLE_CLIENTS = 120;
const EVENTS = 20;
const WITHIN_MS = 20_000;

const itLimited = itNeeds('prlimit', process.platform === 'linux' && installed('prlimit'));

itLimited(
  'with few file descriptors it stays up, and every event finds its way',
  async () => {
    const world = await World.start({ env: { POSTRIDER_HTTP_HEADERS_TIMEOUT_MS: '2000' } });
    const good = await world.lane('healthy');
    for (let n = 1; n <= HANGING_LANES; n++) await world.lane(`hanging-${n}`, hanging);
    limit(world.server.pid, 'nofile', FILES);
    expect(await world.offered.offer(world.api, EVENTS)).toBe(true);
    await Promise.all(world.lanes.slice(1).map(({ path }) => path.untilRequests(1, WITHIN_MS)));
    const { hostname, port } = new URL(world.server.http);
    const idle: Socket[] = [];
    onTestFinished(() => idle.forEach((socket) => socket.destroy()));
    while (idle.length < IDLE_CLIENTS)
      idle.push(connect(Number(port), hostname).on('error', () => undefined));
    await waitFor('the last descriptor', () => openFiles(world.server.pid) >= FILES - 1);
    await waitFor('202 among idle clients', () => world.offered.offer(world.api, EVENTS), WITHIN_MS);
    for (const socket of idle) socket.destroy();
    await good.path.untilTaken(world.offered.accepted.length, WITHIN_MS);

    // Comparing takes connections too, which a door without descriptors closes.
    limit(world.server.pid, 'nofile', ENOUGH_FILES);
    for (const { path } of world.lanes) path.behaviour = healthy;
    await world.drain();
    const { faults } = await world.tally({ states: ['delivered'] });
    expect(faults).toEqual([]);
    expect((await world.server.stop()).code).toBe(0);
  },
  60_000,
);
