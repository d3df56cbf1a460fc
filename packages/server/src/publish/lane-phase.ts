/** What a lane goes through; `docs/states.md` is compared with this table. */

/**
 * live: new deliveries come to it straight from the commit. parked: it reads from the store. Otherwise it sends
 * nothing: disabled by its owner (or after days of failure), gone because it answered 410, broken because its secret
 * cannot be opened, failing while its breaker is open and it is only probed.
 */
export const LANE_PHASES = ['parked', 'live', 'disabled', 'gone', 'broken', 'failing'] as const;
export type LanePhase = (typeof LANE_PHASES)[number];
export type LaneHold = Exclude<LanePhase, 'parked' | 'live'>;

export const LANE_TRANSITIONS: Readonly<Record<LanePhase, readonly LanePhase[]>> = {
  parked: ['live', 'disabled', 'gone', 'broken', 'failing'],
  live: ['parked', 'disabled', 'gone', 'broken', 'failing'],
  disabled: ['parked'],
  gone: ['parked', 'disabled'],
  broken: ['parked', 'disabled'],
  failing: ['parked', 'disabled', 'gone', 'broken'],
};
