/**
 * What a lane holds in memory of its queue, in the order in which it is to be sent. The rest is in the store.
 *
 * fresh: first attempts, in `seq` order. retries: whose time has come. urgent: first attempts that may overtake the
 * fresh ones. In a strict lane everything is fresh, whatever its attempts: it goes in `seq` order.
 */

import type { DueDelivery } from '../domain/delivery.ts';
import { isUrgent } from '../domain/urgency.ts';
import { Fifo } from './fifo.ts';

/** What all lanes together hold in their windows. */
export interface WindowTotals {
  entries: number;
  bytes: number;
}

/** Nothing overtakes in a lane that has no more than this to send: it is not behind. */
const BEHIND = 64;

export class Window {
  readonly #fresh = new Fifo<DueDelivery>();
  readonly #retries = new Fifo<DueDelivery>();
  readonly #urgent = new Fifo<DueDelivery>();
  /** Being attempted or waiting to be settled, and what was loaded out of turn: not to be loaded again. */
  readonly #held = new Set<number>();
  readonly #loads = new Set<Set<number>>();
  readonly #totals: WindowTotals;
  /** Messages with something among the fresh ones; kept only while something urgent asks for it. */
  #messages: Map<string, number> | null = null;
  /** Highest `seq` that has been in the window. */
  #cursor = 0;
  #retryTurn = true;

  constructor(totals: WindowTotals) {
    this.#totals = totals;
  }

  get cursor(): number {
    return this.#cursor;
  }

  get depth(): number {
    return this.#fresh.length + this.#retries.length + this.#urgent.length;
  }

  get freshCount(): number {
    return this.#fresh.length;
  }

  get retryCount(): number {
    return this.#retries.length;
  }

  get urgentCount(): number {
    return this.#urgent.length;
  }

  /** Deliveries that a load could bring again although they are in hand. */
  get heldCount(): number {
    return this.#held.size;
  }

  /** What goes first in a strict lane. */
  get head(): DueDelivery | undefined {
    return this.#fresh.peek();
  }

  /** Lowest `seq` of a strict lane's window, or the next one that will be read. */
  get front(): number {
    return this.#fresh.peek()?.seq ?? this.#cursor + 1;
  }

  /** A new delivery from a commit notice, in `seq` order. `mayOvertake`: in this lane urgent ones do. */
  offer(delivery: DueDelivery, mayOvertake: boolean): void {
    if (delivery.seq <= this.#cursor) return;
    this.#cursor = delivery.seq;
    if (this.#overtakes(delivery, mayOvertake)) this.#push(this.#urgent, delivery);
    else this.#pushFresh(delivery);
  }

  /**
   * To be called before the store is asked for deliveries. The set collects what is released meanwhile: what the
   * load brings of that may be from before it was settled.
   */
  beginLoad(): Set<number> {
    const released = new Set<number>();
    this.#loads.add(released);
    return released;
  }

  endLoad(released: Set<number>): void {
    this.#loads.delete(released);
  }

  /** Takes what a load brought, which the store counts as handed over whatever its number. */
  addLoaded(deliveries: readonly DueDelivery[], released: ReadonlySet<number>): void {
    for (const delivery of deliveries) {
      if (delivery.seq <= this.#cursor) continue;
      this.#cursor = delivery.seq;
      if (!this.#held.has(delivery.seq) && !released.has(delivery.seq)) this.#pushFresh(delivery);
    }
  }

  addRetries(deliveries: readonly DueDelivery[], released: ReadonlySet<number>): void {
    this.#addHeld(this.#retries, deliveries, released);
  }

  /** Urgent ones from beyond the cursor. */
  addUrgent(deliveries: readonly DueDelivery[], released: ReadonlySet<number>): void {
    const ahead = deliveries.filter(({ seq }) => seq > this.#cursor);
    this.#addHeld(this.#urgent, ahead, released);
  }

  /** The next delivery to attempt. Retries and fresh ones take turns, so that neither waits for all of the other. */
  next(): DueDelivery | null {
    this.#retryTurn = !this.#retryTurn;
    const urgent = this.#urgent.shift();
    if (urgent !== undefined) return this.#taken(urgent);
    const delivery = this.#retryTurn
      ? (this.#retries.shift() ?? this.#shiftFresh())
      : (this.#shiftFresh() ?? this.#retries.shift());
    return delivery === undefined ? null : this.#taken(delivery);
  }

  /** One more for the same request as `first`: with as many attempts behind it. */
  nextLike(first: DueDelivery): DueDelivery | null {
    for (const queue of [this.#urgent, this.#retries, this.#fresh]) {
      const candidate = queue.peek();
      if (candidate === undefined || runOf(candidate) !== runOf(first)) continue;
      const taken = queue === this.#fresh ? this.#shiftFresh() : queue.shift();
      return this.#taken(taken as DueDelivery);
    }
    return null;
  }

  /** Back to the front of a strict lane: it goes before all others when it is due again. */
  putBack(deliveries: readonly DueDelivery[]): void {
    this.#fresh.putBack(deliveries);
    for (const delivery of deliveries) this.#count(delivery, 1);
  }

  /** It is attempted past the window. */
  hold(seq: number): void {
    this.#held.add(seq);
  }

  isHeld(seq: number): boolean {
    return this.#held.has(seq);
  }

  /** The delivery's outcome is on disk, or it was given up without one. */
  release(seq: number): void {
    this.#held.delete(seq);
    for (const released of this.#loads) released.add(seq);
  }

  /** `seq` and what follows it is to be read (again). */
  rewind(seq: number): void {
    this.#cursor = Math.min(this.#cursor, seq - 1);
  }

  /** Forgets what waits here: it is in the store, and is read again from there. `fromStart`: all of it. */
  drop(fromStart: boolean): void {
    this.#messages = null;
    for (const queue of [this.#fresh, this.#urgent, this.#retries]) {
      for (let dropped = queue.shift(); dropped !== undefined; dropped = queue.shift()) {
        if (queue !== this.#retries) this.#cursor = Math.min(this.#cursor, dropped.seq - 1);
        this.#held.delete(dropped.seq);
        this.#count(dropped, -1);
      }
    }
    if (fromStart) this.#cursor = 0;
  }

  #addHeld(
    queue: Fifo<DueDelivery>,
    deliveries: readonly DueDelivery[],
    released: ReadonlySet<number>,
  ): void {
    for (const delivery of deliveries) {
      if (this.#held.has(delivery.seq) || released.has(delivery.seq)) continue;
      this.#held.add(delivery.seq);
      this.#push(queue, delivery);
    }
  }

  /** Never past another event of its own message. */
  #overtakes(delivery: DueDelivery, mayOvertake: boolean): boolean {
    if (this.#fresh.length <= BEHIND || !mayOvertake || !isUrgent(delivery.event.event_type)) return false;
    const { message_id } = delivery.event;
    return message_id === null || !this.#countedMessages().has(message_id);
  }

  #countedMessages(): Map<string, number> {
    if (this.#messages === null) {
      this.#messages = new Map();
      for (const delivery of this.#fresh) this.#countMessage(delivery, 1);
    }
    return this.#messages;
  }

  #countMessage({ event: { message_id } }: DueDelivery, sign: 1 | -1): void {
    if (this.#messages === null || message_id === null) return;
    const count = (this.#messages.get(message_id) ?? 0) + sign;
    if (count > 0) this.#messages.set(message_id, count);
    else this.#messages.delete(message_id);
  }

  #pushFresh(delivery: DueDelivery): void {
    this.#push(this.#fresh, delivery);
    if (this.#messages !== null) this.#countMessage(delivery, 1);
  }

  #shiftFresh(): DueDelivery | undefined {
    const delivery = this.#fresh.shift();
    if (delivery !== undefined && this.#messages !== null) {
      if (this.#fresh.length <= BEHIND) this.#messages = null;
      else this.#countMessage(delivery, -1);
    }
    return delivery;
  }

  #push(queue: Fifo<DueDelivery>, delivery: DueDelivery): void {
    queue.push(delivery);
    this.#count(delivery, 1);
  }

  #taken(delivery: DueDelivery): DueDelivery {
    this.#held.add(delivery.seq);
    this.#count(delivery, -1);
    return delivery;
  }

  #count(delivery: DueDelivery, sign: 1 | -1): void {
    this.#totals.entries += sign;
    this.#totals.bytes += sign * delivery.event.envelope.length;
  }
}

/** Which attempt of its present schedule the next one is, from 0. */
export function runOf({ attempts, base }: DueDelivery): number {
  return attempts - base;
}
