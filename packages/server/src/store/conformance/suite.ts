/** One suite for every store: adapters cannot drift apart in what the stages rely on. */

import { afterEach, beforeEach, describe } from 'vitest';
import { accessCases } from './access-cases.ts';
import { durabilityCases } from './durability-cases.ts';
import { eventCases } from './event-cases.ts';
import { heldCases } from './held-cases.ts';
import { World, type Bench, type StorePlace } from './harness.ts';
import { laneCases } from './lane-cases.ts';
import { messageCases } from './message-cases.ts';
import { orderCases } from './order-cases.ts';
import { feedCases } from './feed-cases.ts';
import { replayCases } from './replay-cases.ts';
import { retentionCases } from './retention-cases.ts';
import { urgentCases } from './urgent-cases.ts';

export function describeStore(name: string, makePlace: () => StorePlace): void {
  describe(`store: ${name}`, () => {
    let place: StorePlace;
    const bench = {} as Bench;
    beforeEach(async () => {
      place = makePlace();
      bench.world = new World(await place.open());
      bench.restart = async () => {
        await bench.world.store.close();
        bench.world = new World(await place.open());
      };
    });
    afterEach(async () => {
      await bench.world.store.close();
      await place.destroy();
    });
    accessCases(bench);
    messageCases(bench);
    eventCases(bench);
    laneCases(bench);
    orderCases(bench);
    urgentCases(bench);
    heldCases(bench);
    replayCases(bench);
    feedCases(bench);
    retentionCases(bench);
    durabilityCases(bench);
  });
}
