/** kill -9 in the middle of a replay: it goes on by itself, and sends nothing less and hardly anything twice. */

import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest';
import { ChildServer, dataFolder } from '../kit/child-server.ts';
import { eventOf, Receiver, type Hook, type Received } from '../kit/receiver.ts';
import { beginReplay, emit, replayEnd, replayOf } from '../kit/replays.ts';
import { tally } from '../kit/tally.ts';
import { waitFor } from '../kit/wait.ts';

let receiver: Receiver;
beforeAll(async () => {
  receiver = await Receiver.start();
});
afterAll(() => receiver.close());

const EVENTS = 5_000;
const IN_FLIGHT = 32;

const replayed = (hook: Hook): Received[] =>
  hook.requests.filter(
    (request) => request.headers['postrider-replay'] !== undefined && request.acknowledged,
  );

it('a replay that is killed twice sends every event, and counts each once', async () => {
  const folder = await dataFolder();
  onTestFinished(() => folder.remove());
  const hook = receiver.hook();
  let server = await ChildServer.start(folder);
  onTestFinished(() => server.kill());
  const { endpoint_id } = await server.sandbox.createEndpoint({
    url: hook.url,
    event_types: ['custom.*'],
    max_in_flight: IN_FLIGHT,
    retry_schedule: [1, 1, 1, 1],
  });
  const ids = await emit(server.sandbox, EVENTS);
  await hook.untilRequests(EVENTS, 60_000);
  const { replay_id, matched } = await beginReplay(server.sandbox, { endpoint_id });
  expect(matched).toBe(EVENTS);

  for (const enough of [500, 2_500]) {
    await waitFor(`${enough} replayed`, () => replayed(hook).length >= enough, 60_000);
    await server.kill();
    server = await ChildServer.start(folder);
    expect(await replayOf(server.sandbox, replay_id)).toMatchObject({ status: 'running' });
  }
  expect(await replayEnd(server.sandbox, replay_id, 60_000)).toMatchObject({
    status: 'completed',
    matched: EVENTS,
    queued: EVENTS,
    skipped: 0,
    delivered: EVENTS,
  });
  const seen = tally(
    ids,
    replayed(hook).map((request) => eventOf(request).event_id),
  );
  expect([seen.lost, seen.unknown]).toEqual([[], []]);
  // Twice came only what was acknowledged by the endpoint and not yet on disk here, at each of the two ends.
  expect(seen.doubled.length).toBeLessThan(2_000);
  expect(await server.stop()).toMatchObject({ code: 0 });
}, 180_000);
