/** The other ends: one HTTP server, a path per endpoint, and a record of every event id that was taken. */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { waitFor } from '../kit/wait.ts';
import type { PlannedEndpoint } from './endpoints-plan.ts';
import type { Random } from './random.ts';

/** An event taken (2xx) by an endpoint. */
export interface Taken {
  /** Wall clock, ms. */
  at: number;
  /** The server's life in which it arrived. */
  life: number;
}

export class ReceivingEndpoint {
  readonly plan: PlannedEndpoint;
  readonly taken = new Map<string, Taken[]>();
  refused = 0;
  hanging = 0;

  constructor(plan: PlannedEndpoint) {
    this.plan = plan;
  }
}

export class Receivers {
  readonly endpoints: readonly ReceivingEndpoint[];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #byPath = new Map<string, ReceivingEndpoint>();
  readonly #random: Random;
  readonly #life: () => number;

  private constructor(plans: readonly PlannedEndpoint[], random: Random, life: () => number) {
    this.endpoints = plans.map((plan) => new ReceivingEndpoint(plan));
    for (const endpoint of this.endpoints) this.#byPath.set(`/${endpoint.plan.name}`, endpoint);
    this.#random = random;
    this.#life = life;
    this.#server = createServer((request, response) => this.#take(request, response));
    // An idle connection is never closed from here: a race of that kind would double a delivery without any kill.
    this.#server.keepAliveTimeout = 0;
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** `life` tells the life of the server whose requests arrive now. */
  static async start(
    plans: readonly PlannedEndpoint[],
    random: Random,
    life: () => number,
  ): Promise<Receivers> {
    const receivers = new Receivers(plans, random, life);
    receivers.#server.listen(0, '127.0.0.1');
    await once(receivers.#server, 'listening');
    return receivers;
  }

  url(plan: PlannedEndpoint): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/${plan.name}`;
  }

  /**
   * Resolves once every connection of a server that was killed has ended here: whatever it had still sent has been
   * taken or refused by then, and belongs to its life.
   */
  async disconnected(): Promise<void> {
    await waitFor('end of the dead server’s connections', () => this.#sockets.size === 0);
  }

  async close(): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #take(request: IncomingMessage, response: ServerResponse): void {
    request.resume();
    request.once('end', () => {
      const endpoint = this.#byPath.get(request.url ?? '');
      const id = request.headers['webhook-id'];
      if (endpoint === undefined || typeof id !== 'string') response.writeHead(404).end();
      else this.#answer(endpoint, id, response);
    });
  }

  #answer(endpoint: ReceivingEndpoint, id: string, response: ServerResponse): void {
    const reaction = endpoint.plan.react(this.#random);
    if (reaction === 'hang') {
      endpoint.hanging++;
      return;
    }
    if (reaction.taken) {
      const taken = { at: Date.now(), life: this.#life() };
      const before = endpoint.taken.get(id);
      if (before === undefined) endpoint.taken.set(id, [taken]);
      else before.push(taken);
    } else {
      endpoint.refused++;
    }
    const send = (): unknown => response.writeHead(reaction.status).end();
    if (reaction.delay_ms === 0) send();
    else setTimeout(send, reaction.delay_ms);
  }
}
