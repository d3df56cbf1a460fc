/** Other providers' webhooks through the receiver, by the vectors that the contract has of each. */

import { readFileSync } from 'node:fs';
import { PROVIDER_NAMES } from '@postrider/contract/providers/provider';
import { PROVIDERS } from '@postrider/contract/providers/providers';
import {
  vectorEnv,
  vectorRequest,
  type ProviderVectors,
} from '@postrider/contract/providers/vector-requests';
import { describe, expect, it } from 'vitest';
import { memoryStore } from '../../src/receiver/memory-store.ts';
import { providerScheme } from '../../src/receiver/provider-scheme.ts';
import { createReceiver, type Receiver } from '../../src/receiver/receiver.ts';

describe.each(PROVIDER_NAMES)('%s', (name) => {
  const url = new URL(`../../../../vectors/providers/${name}.json`, import.meta.url);
  const vectors = JSON.parse(readFileSync(url, 'utf8')) as ProviderVectors;

  function open(vector: ProviderVectors['requests'][number], confirmed: string[]): Receiver {
    const env = vectorEnv(vectors, vector);
    const scheme = providerScheme(PROVIDERS[name], vector.credentials ?? vectors.credentials, env);
    return createReceiver({
      scheme,
      store: memoryStore(),
      handlers: {},
      run: 'manual',
      now: () => env.now,
      confirm: async (it) => void confirmed.push(it),
    });
  }

  it.each(vectors.requests)('$description', async (vector) => {
    const confirmed: string[] = [];
    const receiver = open(vector, confirmed);
    const request = vectorRequest(vector);
    const first = await receiver.receive(request);
    const { ready } = await receiver.counts();
    if (vector.verify !== 'ok' && vector.probe !== true) {
      expect([401, 405, 500, 503]).toContain(first.status);
      expect(ready).toBe(0);
      return;
    }
    expect(first.status).toBe(200);
    const reading = vector.reading ?? PROVIDERS[name].read(request);
    if (vector.probe !== true && reading.kind === 'confirm') expect(confirmed).toEqual([reading.url]);
    if (vector.probe === true || reading.kind !== 'events') return;
    // Those of one id are one event.
    const ids = reading.events.map((one) => one.provider_event_id ?? JSON.stringify(one));
    expect(ready).toBe(new Set(ids).size);
    // The same again brings nothing new, whether by the request's own id or by those of its events.
    expect((await receiver.receive(request)).status).toBe(200);
    expect(await receiver.counts()).toEqual({ ready, taken: 0, dead: 0 });
    await receiver.close();
  });
});
