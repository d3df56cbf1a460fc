/** Custom events in batches of several sizes, each request under a key of its own. */

import { EVENTS_PER_COMMAND, type EventRequest, type Ledger } from './ledger.ts';
import type { Answer, SoakClient } from './http-client.ts';
import { Load, type Pace } from './pace.ts';
import type { Random } from './random.ts';
import type { ServerLives } from './server-lives.ts';

/** Larger than what the server stores as one command, now and then, so that a kill can fall between the parts. */
const SIZES = [1, 10, 20, 20, 40, 40, EVENTS_PER_COMMAND, 250];
/** Of the answers lost to a kill, those that nobody asks for again. */
const ABANDONED = 0.2;
/** Of the answered requests, those that are sent once more after the next restart. */
const ASKED_AGAIN = 0.02;
const FILL = 'x'.repeat(200);

interface Repeat {
  request: EventRequest;
  body: string;
  key: string;
}

export class EventLoad {
  readonly load: Load;
  readonly #ledger: Ledger;
  readonly #client: SoakClient;
  readonly #random: Random;
  #repeats: Repeat[] = [];

  constructor(
    server: ServerLives,
    ledger: Ledger,
    client: SoakClient,
    random: Random,
    pace: Omit<Pace, 'send'>,
  ) {
    this.#ledger = ledger;
    this.#client = client;
    this.#random = random;
    this.load = new Load(server, { ...pace, send: () => this.#send() });
  }

  /** Sends some answered requests again, as a client would whose process died too: the answer must be the first one. */
  async repeatAfterRestart(): Promise<void> {
    const repeats = this.#repeats;
    this.#repeats = [];
    for (const { request, body, key } of repeats) {
      const answer = await this.#client.create('/v1/events', body, key, {
        again: () => {},
        giveUp: () => true,
      });
      // A kill took this answer too; the events themselves are counted in the end.
      if (answer === null) continue;
      this.#ledger.asked++;
      const ids = idsOf(answer);
      if (ids.join() !== request.ids.join()) this.#ledger.changedAnswers.push(`events ${request.first}`);
    }
  }

  #send(): { count: number; done: Promise<void> } {
    const types = Array.from({ length: this.#random.pick(SIZES) }, () => this.#type());
    const request = this.#ledger.addEvents(types);
    return { count: types.length, done: this.#deliver(request) };
  }

  async #deliver(request: EventRequest): Promise<void> {
    const events = request.types.map((event_type, i) => ({
      event_type,
      data: { n: request.first + i, note: FILL },
    }));
    const body = JSON.stringify({ events });
    const key = `events-${request.first}`;
    const answer = await this.#client.create('/v1/events', body, key, {
      again: () => void request.repeated++,
      giveUp: () => this.#random.chance(ABANDONED),
    });
    if (answer === null) {
      request.fate = 'unknown';
      return;
    }
    this.#ledger.eventsAccepted(request, idsOf(answer));
    if (this.#random.chance(ASKED_AGAIN)) this.#repeats.push({ request, body, key });
  }

  #type(): string {
    if (this.#random.chance(0.05)) return 'custom.slow.report';
    return this.#random.chance(0.05) ? 'custom.flaky.sync' : 'custom.order.paid';
  }
}

function idsOf(answer: Answer): string[] {
  if (answer.status !== 202)
    throw new Error(`POST /v1/events: ${answer.status} ${JSON.stringify(answer.body)}`);
  return (answer.body as { data: { event_id: string }[] }).data.map(({ event_id }) => event_id);
}
