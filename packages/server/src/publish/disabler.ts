/** Puts endpoints out of service, with an event, and stays at it until the store has taken it. */

import type { EnvironmentClocks } from '../base/clock.ts';
import type { Logger } from '../base/logger.ts';
import type { TimerWheel } from '../base/timer-wheel.ts';
import type { Endpoint } from '../domain/endpoint.ts';
import type { EndpointChange } from '../store/ports.ts';
import type { Lane } from './lane.ts';
import type { LaneHold } from './lane-phase.ts';
import { endpointDisabled } from './operational.ts';
import { isUnavailable } from './settler.ts';

export interface DisableStore {
  updateEndpoint(env: number, endpoint_id: string, change: EndpointChange): Promise<Endpoint>;
}

const AGAIN_MS = 1_000;

export class Disabler {
  readonly #store: DisableStore;
  readonly #clocks: EnvironmentClocks;
  readonly #wheel: TimerWheel;
  readonly #log: Logger;
  readonly #underWay = new Set<Lane>();

  constructor(store: DisableStore, clocks: EnvironmentClocks, wheel: TimerWheel, log: Logger) {
    this.#store = store;
    this.#clocks = clocks;
    this.#wheel = wheel;
    this.#log = log;
  }

  /** The lane is on hold already, for `hold`; this makes it last. */
  async disable(lane: Lane, hold: LaneHold, reason: string): Promise<void> {
    if (this.#underWay.has(lane)) return;
    this.#underWay.add(lane);
    await this.#tell(lane, hold, reason);
    this.#underWay.delete(lane);
  }

  async #tell(lane: Lane, hold: LaneHold, reason: string): Promise<void> {
    const { env, endpoint } = lane;
    const { endpoint_id } = endpoint;
    const at = this.#clocks.now(env);
    try {
      await this.#store.updateEndpoint(env, endpoint_id, {
        status: 'disabled',
        disabled_reason: reason,
        updated_at: at,
        events: [endpointDisabled(endpoint, reason, at)],
      });
      this.#log.warn({ event: 'endpoint.disabled', endpoint_id, reason }, 'endpoint disabled');
    } catch (error) {
      if (lane.deleted) return;
      this.#log.error(
        { event: 'endpoint.disable_failed', endpoint_id, error },
        'endpoint could not be disabled',
      );
      if (isUnavailable(error)) this.#wheel.after(AGAIN_MS, () => this.#again(lane, hold, reason));
    }
  }

  /** The endpoint may have been changed meanwhile, and sends again. */
  #again(lane: Lane, hold: LaneHold, reason: string): void {
    if (lane.hold === hold) void this.disable(lane, hold, reason);
  }
}
