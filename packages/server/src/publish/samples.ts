/** Sends one request outside any lane, as an endpoint is now. Never retried, never stored. */

import type { EnvironmentClocks } from '../base/clock.ts';
import { TimerWheel } from '../base/timer-wheel.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import { Attempt } from './attempt.ts';
import { Connections } from './connections.ts';
import type { Guard } from './guard.ts';
import { attemptLimits, type PublishSettings } from './settings.ts';
import { Signer, type Opener, type ToSign } from './signing.ts';

export interface SampleSenderParts {
  clocks: EnvironmentClocks;
  seal: Opener;
  guard: Guard;
  settings: PublishSettings;
}

export class SampleSender {
  readonly #parts: SampleSenderParts;
  readonly #wheel = new TimerWheel();

  constructor(parts: SampleSenderParts) {
    this.#parts = parts;
  }

  send(endpoint: Endpoint, item: ToSign): Promise<Attempt<null>> {
    const { seal, guard, settings, clocks } = this.#parts;
    const url = new URL(endpoint.url);
    const connections = new Connections(url, guard);
    const signed = new Signer(endpoint, seal, settings.user_agent).sign(item, clocks.wallNow());
    const request = { ...signed, timeout_ms: endpoint.timeout_ms };
    return new Promise((resolve) => {
      const finished = (attempt: Attempt<null>): void => {
        connections.destroy(new Error('sample sent'));
        resolve(attempt);
      };
      const owner = { slow: () => {}, finished };
      new Attempt(null, request, connections, this.#wheel, attemptLimits(settings), owner).start();
    });
  }
}
