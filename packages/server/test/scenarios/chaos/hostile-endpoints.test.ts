/**
 * Endpoints that hang, drip, flood, lie, break and lead astray, all at once: the healthy ones notice nothing, memory
 * stays where it was, nobody but this machine is dialled, and every event is where the API says it is.
 */

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { tmpdir } from 'node:os';
import { describe, expect, onTestFinished } from 'vitest';
import { askingForPatience, gone, healthy, redirecting, refusing, slow } from '../../kit/hostile/answers.ts';
import {
  answeringThenResetting,
  closingEarly,
  closingWithinHead,
  resettingAfterHead,
  resettingBeforeHead,
} from '../../kit/hostile/breaks.ts';
import type { Behaviour } from '../../kit/hostile/exchange.ts';
import { flappingByCount, flappingByTime } from '../../kit/hostile/flapping.ts';
import { endlessBody, gigabyteBody } from '../../kit/hostile/floods.ts';
import { HostileServer } from '../../kit/hostile/hostile-server.ts';
import { fullBacklog } from '../../kit/hostile/full-backlog.ts';
import {
  chunkedGarbage,
  garbage,
  hugeHeaders,
  lengthTooLong,
  lengthTooShort,
} from '../../kit/hostile/lies.ts';
import { drippingBody, drippingHead, hanging, interimForever } from '../../kit/hostile/silence.ts';
import { forgetPeak, peakRss } from '../../kit/process-watch.ts';
import { itNeeds } from '../../kit/skip.ts';
import { installed } from '../../kit/smtp.ts';
import { waitFor } from '../../kit/wait.ts';
import { SIZES, WITHIN_MS } from './sizes.ts';
import { World } from './world.ts';

const EVENTS = SIZES.hostileEvents;
const HEALTHY_LANES = 3;
/**
 * From the 202 to the last healthy lane's last event, while every hostile lane is at its worst. Less than a second
 * on an idle machine; a lane that waited for one that hangs would take minutes.
 */
const PROMPT_MS = 10_000;
/** Beyond what it held before: room for the collector's laziness, not for a body of a gigabyte. */
const MEMORY_BOUND = 200 * 2 ** 20;
const LATE_MS = 9_000;

const HOSTILE: Readonly<Record<string, Behaviour>> = {
  hanging,
  'dripping-head': drippingHead,
  'dripping-body': drippingBody,
  'interim-forever': interimForever,
  'gigabyte-body': gigabyteBody,
  'endless-body': endlessBody,
  'length-too-long': lengthTooLong,
  'length-too-short': lengthTooShort,
  'chunked-garbage': chunkedGarbage,
  garbage,
  'huge-headers': hugeHeaders,
  'closing-early': closingEarly,
  'closing-within-head': closingWithinHead,
  'resetting-before-head': resettingBeforeHead,
  'resetting-after-head': resettingAfterHead,
  'answering-then-resetting': answeringThenResetting,
  'redirecting-to-metadata': redirecting,
  failing: refusing(500),
  gone,
  'asking-for-patience': askingForPatience(2),
  'flapping-by-count': flappingByCount(3, healthy, 5, resettingBeforeHead),
  'flapping-by-time': flappingByTime(400, healthy, 600, refusing(503)),
};

const itTraced = itNeeds('strace', process.platform === 'linux' && installed('strace'));

describe('hostile endpoints', () => {
  itTraced(
    'cost the healthy ones nothing, dial nobody, and lose no event',
    async () => {
      const trace = join(tmpdir(), `postrider-dialled-${process.pid}.txt`);
      const under = ['strace', '-D', '-f', '--seccomp-bpf', '-o', trace, '-e', 'trace=connect'];
      const world = await World.start({ under });
      for (const [name, behaviour] of Object.entries(HOSTILE)) await world.lane(name, behaviour);
      const unread = await HostileServer.start();
      onTestFinished(() => unread.close());
      unread.stopReading();
      await world.lane('unread', healthy, {}, unread);
      const late = await world.lane('late', slow(LATE_MS), {
        event_types: ['custom.late'],
        timeout_ms: 10_000,
      });
      late.wants = (type) => type === 'custom.late';
      const unheard = await fullBacklog();
      onTestFinished(() => unheard.close());
      const { endpoint_id } = await world.api.createEndpoint({
        url: unheard.url,
        event_types: ['custom.unheard'],
        timeout_ms: 1_000,
      });
      const healthyLanes = [];
      for (let n = 1; n <= HEALTHY_LANES; n++) healthyLanes.push(await world.lane(`healthy-${n}`));
      forgetPeak(world.server.pid);
      const before = peakRss(world.server.pid);

      // One each is enough: their attempts take real time, also when the clock is moved.
      expect(await world.offered.offer(world.api, 1, 'custom.unheard')).toBe(true);
      expect(await world.offered.offer(world.api, 1, 'custom.late')).toBe(true);
      // Half of it into an idle server, half while every hostile lane is busy with the first.
      for (const part of [1, 2]) {
        const begun = performance.now();
        expect(await world.offered.offer(world.api, EVENTS / 2)).toBe(true);
        const enough = 2 + (EVENTS / 2) * part;
        await Promise.all(healthyLanes.map(({ path }) => path.untilTaken(enough, PROMPT_MS)));
        expect(performance.now() - begun).toBeLessThan(PROMPT_MS);
      }
      await waitFor('a timeout of the endpoint that nobody gets through to', async () =>
        (await world.api.deliveries(`?endpoint_id=${endpoint_id}`)).some(
          ({ last_error }) => last_error === 'timeout_connect',
        ),
      );
      await late.path.untilTaken(1, LATE_MS * 2);
      expect(peakRss(world.server.pid) - before).toBeLessThan(MEMORY_BOUND);
      await expectNamed(world);

      unread.readAgain();
      for (const { path } of world.lanes) path.behaviour = healthy;
      const { endpoint_id: gone_id } = world.lanes.find(({ path }) => path.name === 'gone') ?? late;
      await world.api.post(`/v1/endpoints/${gone_id}/enable`);
      await world.drain();
      const { faults, counts } = await world.tally({ states: ['delivered'] });
      expect(faults).toEqual([]);
      expect(Object.keys(counts)).toHaveLength(world.lanes.length);
      expect((await world.server.stop()).code).toBe(0);
      expect(dialled(trace)).toEqual(['127.0.0.1']);
    },
    WITHIN_MS,
  );
});

/** What the API calls the trouble of some lanes whose trouble has one name only. */
async function expectNamed(world: World): Promise<void> {
  const expected: Record<string, string> = {
    hanging: 'timeout_head',
    'dripping-head': 'timeout_head',
    'interim-forever': 'timeout_head',
    garbage: 'protocol',
    'closing-early': 'reset',
    'resetting-before-head': 'reset',
    'redirecting-to-metadata': 'redirect',
    failing: 'http',
    'asking-for-patience': 'http',
  };
  for (const { endpoint_id, path } of world.lanes) {
    const error = expected[path.name];
    if (error === undefined) continue;
    const deliveries = await world.api.deliveries(`?endpoint_id=${endpoint_id}`);
    const seen = new Set(deliveries.map(({ last_error }) => last_error).filter((one) => one !== null));
    expect([path.name, ...seen]).toEqual([path.name, error]);
  }
}

/** Every address that the process asked the kernel to connect to; names of local sockets apart. */
function dialled(trace: string): string[] {
  const text = readFileSync(trace, 'utf8');
  const found = text.matchAll(/sin6?_addr=inet_(?:addr|pton)\((?:AF_INET6, )?"([^"]+)"/g);
  return [...new Set([...found].map(([, address]) => address ?? ''))];
}
