/** What an attempt is for. */

import type { DueDelivery } from '../domain/delivery.ts';
import type { Lane, LaneClient } from './lane.ts';
import type { Ring } from './ring.ts';

export interface Job {
  lane: Lane;
  /** One, or the events of a batch. */
  deliveries: DueDelivery[];
  /** What it is sent with: the endpoint as it was at its start. */
  client: LaneClient;
  /** Env time at its start. */
  at: number;
  /** Tries an endpoint whose breaker is open; uses none of the delivery's attempts. */
  isProbe: boolean;
  /** The ring that gave it its turn. */
  ring: Ring<Lane>;
  /** Its place among the attempts under way. */
  place: number;
}
