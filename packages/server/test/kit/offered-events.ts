/** An application's own events, offered to a door that may refuse them or die: what was answered is kept. */

import { randomUUID } from 'node:crypto';
import type { EventsAccepted } from '@postrider/contract/schemas/event';
import type { Answer, Api } from './api.ts';

export interface Refusal {
  status: number;
  code: string;
  retryAfter: string | null;
  /** How long it took to say so, ms. */
  took_ms: number;
}

export class OfferedEvents {
  /** Ids of 202 answers, in order. */
  readonly accepted: string[] = [];
  readonly refusals: Refusal[] = [];
  /** Requests whose answer never came: their events may exist or not. */
  unanswered = 0;
  /** The longest that a 202 took, ms. */
  slowest_ms = 0;
  #stopping = false;
  #n = 0;

  /** One request of `count` events. False when it was refused or its answer was lost. */
  async offer(api: Api, count: number, event_type = 'custom.chaos'): Promise<boolean> {
    const events = Array.from({ length: count }, () => ({ event_type, data: { n: this.#n++ } }));
    return this.#send(api, events);
  }

  /** `count` events for each of `messages`, in turn, so that neighbours in the log are of different messages. */
  async offerFor(
    api: Api,
    messages: readonly string[],
    count: number,
    event_type = 'custom.chaos',
  ): Promise<void> {
    const all = Array.from({ length: count }, () => messages).flat();
    for (let at = 0; at < all.length; at += 1000) {
      const events = all
        .slice(at, at + 1000)
        .map((message_id) => ({ event_type, message_id, data: { n: this.#n++ } }));
      if (!(await this.#send(api, events)))
        throw new Error(`refused: ${JSON.stringify(this.refusals.at(-1))}`);
    }
  }

  /** Offers until `stop`, one request after the other, with a breath between so that the load is bounded. */
  async keepOffering(api: Api, count: number, pause_ms: number, event_type?: string): Promise<void> {
    while (!this.#stopping) {
      await this.offer(api, count, event_type);
      await new Promise((resolve) => setTimeout(resolve, pause_ms));
    }
  }

  stop(): void {
    this.#stopping = true;
  }

  async #send(api: Api, events: object[]): Promise<boolean> {
    const begun = performance.now();
    let answer: Answer<EventsAccepted & { code?: string }>;
    try {
      answer = await api.call('POST', '/v1/events', {
        json: { events },
        headers: { 'idempotency-key': randomUUID() },
      });
    } catch {
      // The server died, or closed the connection: nobody knows what became of the request.
      this.unanswered++;
      return false;
    }
    const took_ms = performance.now() - begun;
    if (answer.status === 202) {
      this.accepted.push(...answer.body.data.map(({ event_id }) => event_id));
      this.slowest_ms = Math.max(this.slowest_ms, took_ms);
      return true;
    }
    const code = answer.body?.code ?? answer.text;
    const retryAfter = answer.headers.get('retry-after');
    this.refusals.push({ status: answer.status, code, retryAfter, took_ms });
    return false;
  }
}
