/**
 * Many short timeouts at almost no cost each: slots of some milliseconds, entries in linked lists, one real
 * timer while anything is pending. A timeout fires at its time or up to two slots later, never earlier, which
 * is what request timeouts need. An AbortSignal per request costs a fifth of the request.
 */

export interface Timeout {
  /** Tick at which it fires; -1 once it has fired or was cancelled. */
  tick: number;
  fn: () => void;
  previous: Timeout;
  next: Timeout;
}

export class TimerWheel {
  readonly #slotMs: number;
  readonly #slots: Timeout[];
  readonly #origin: number;
  /** The last tick whose slot has been emptied. */
  #tick = 0;
  #pending = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(slotMs = 50, slots = 512) {
    this.#slotMs = slotMs;
    this.#slots = Array.from({ length: slots }, listHead);
    this.#origin = performance.now();
  }

  /** Number of timeouts that are set. */
  get pending(): number {
    return this.#pending;
  }

  /** Calls `fn` once, at least `ms` from now. */
  after(ms: number, fn: () => void): Timeout {
    if (this.#pending++ === 0) this.#wind();
    const ticks = Math.max(1, Math.ceil((this.#elapsed() + ms) / this.#slotMs) - this.#tick);
    const timeout = { tick: this.#tick + ticks, fn } as Timeout;
    append(this.#slots[timeout.tick % this.#slots.length] as Timeout, timeout);
    return timeout;
  }

  /** Does nothing when it has fired already. */
  cancel(timeout: Timeout): void {
    if (timeout.tick === -1) return;
    this.#remove(timeout);
  }

  /** Forgets all timeouts without calling them. */
  stop(): void {
    for (const head of this.#slots) {
      while (head.next !== head) this.#remove(head.next);
    }
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
  }

  #elapsed(): number {
    return performance.now() - this.#origin;
  }

  /** Nothing was pending, so the ticks gone by meanwhile held nothing. */
  #wind(): void {
    this.#tick = Math.floor(this.#elapsed() / this.#slotMs);
    if (this.#timer === null) this.#sleep();
  }

  #sleep(): void {
    const untilNext = (this.#tick + 1) * this.#slotMs - this.#elapsed();
    this.#timer = setTimeout(() => this.#turn(), Math.max(1, Math.ceil(untilNext)));
    // What waits for a timeout has a socket that keeps the process alive.
    this.#timer.unref();
  }

  #turn(): void {
    this.#timer = null;
    const target = Math.floor(this.#elapsed() / this.#slotMs);
    // After a long stall one round visits every slot; entries of later rounds stay by their tick.
    const first = Math.max(this.#tick + 1, target - this.#slots.length + 1);
    this.#tick = target;
    for (let tick = first; tick <= target; tick++) this.#empty(tick % this.#slots.length, target);
    if (this.#pending > 0 && this.#timer === null) this.#sleep();
  }

  #empty(slot: number, target: number): void {
    const head = this.#slots[slot] as Timeout;
    const due: Timeout[] = [];
    for (let at = head.next; at !== head; at = at.next) if (at.tick <= target) due.push(at);
    for (const timeout of due) {
      // An earlier one of this slot may have cancelled it.
      if (timeout.tick === -1) continue;
      const { fn } = timeout;
      this.#remove(timeout);
      fn();
    }
  }

  #remove(timeout: Timeout): void {
    timeout.tick = -1;
    timeout.previous.next = timeout.next;
    timeout.next.previous = timeout.previous;
    // A dead entry that still points at its neighbours would keep them, and all that follow, alive until the next
    // full collection.
    timeout.previous = timeout;
    timeout.next = timeout;
    timeout.fn = NOTHING;
    this.#pending--;
  }
}

const NOTHING = (): void => {};

function listHead(): Timeout {
  const head = { tick: -1, fn: NOTHING } as unknown as Timeout;
  head.previous = head;
  head.next = head;
  return head;
}

function append(head: Timeout, timeout: Timeout): void {
  timeout.previous = head.previous;
  timeout.next = head;
  head.previous.next = timeout;
  head.previous = timeout;
}
