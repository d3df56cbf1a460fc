/**
 * Time is an argument. Wall time comes from a `WallClock`; schedules, expiry, probes and event timestamps
 * follow the environment's clock: wall time plus an offset that only the sandbox ever moves.
 */

export interface WallClock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const SYSTEM_CLOCK: WallClock = { now: () => Date.now() };

export interface Alarm {
  cancel(): void;
}

/** Node fires a longer delay at once; wall clocks also get corrected, so far alarms look again every so often. */
const MAX_SLEEP_MS = 60_000;

export class EnvironmentClocks {
  readonly #wall: WallClock;
  readonly #offsets = new Map<number, number>();
  readonly #alarms = new Map<number, Set<PendingAlarm>>();
  /** Told of every clock that is moved: other threads have clocks of their own. */
  onOffset: (env: number, offset_ms: number) => void = () => {};

  constructor(wall: WallClock = SYSTEM_CLOCK) {
    this.#wall = wall;
  }

  wallNow(): number {
    return this.#wall.now();
  }

  /** Environment's time in milliseconds since the epoch. */
  now(env: number): number {
    return this.#wall.now() + (this.#offsets.get(env) ?? 0);
  }

  offset(env: number): number {
    return this.#offsets.get(env) ?? 0;
  }

  /** Moves an environment's clock and wakes what has thereby become due. */
  setOffset(env: number, offset_ms: number): void {
    this.#offsets.set(env, offset_ms);
    for (const alarm of this.#alarms.get(env) ?? []) alarm.arm();
    this.onOffset(env, offset_ms);
  }

  /** Of all clocks that were ever moved. */
  offsets(): [env: number, offset_ms: number][] {
    return [...this.#offsets];
  }

  /** Calls `wake` once, when the environment's clock has reached `at`; never synchronously. */
  wakeAt(env: number, at: number, wake: () => void): Alarm {
    let alarms = this.#alarms.get(env);
    if (alarms === undefined) {
      alarms = new Set();
      this.#alarms.set(env, alarms);
    }
    const alarm = new PendingAlarm(() => at - this.now(env), alarms, wake);
    alarms.add(alarm);
    alarm.arm();
    return alarm;
  }
}

class PendingAlarm implements Alarm {
  readonly #left: () => number;
  readonly #among: Set<PendingAlarm>;
  readonly #wake: () => void;
  #timer: NodeJS.Timeout | null = null;

  constructor(left: () => number, among: Set<PendingAlarm>, wake: () => void) {
    this.#left = left;
    this.#among = among;
    this.#wake = wake;
  }

  arm(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    const delay = Math.min(Math.max(this.#left(), 0), MAX_SLEEP_MS);
    this.#timer = setTimeout(() => this.#look(), delay);
    // Alarms alone do not keep a process alive; its doors do.
    this.#timer.unref();
  }

  #look(): void {
    if (this.#left() > 0) {
      this.arm();
      return;
    }
    this.#among.delete(this);
    this.#wake();
  }

  cancel(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#among.delete(this);
  }
}
