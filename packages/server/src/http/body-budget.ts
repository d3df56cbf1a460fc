/**
 * Bounds the memory of all bodies under way together. A body is held until its request is answered, which is when
 * it is on disk or refused, so large ones wait for room outside, where they cost nothing.
 */

import type { ServerResponse } from 'node:http';
import { PostriderError } from '../domain/errors.ts';

/** Bodies up to this are not counted: the number of connections bounds them well enough. */
const SMALL = 64 * 1024;

export class BodyBudget {
  readonly #limit: number;
  readonly #pressure: () => string | null;
  #taken = 0;

  /** `pressure`: why nothing large may come in for now, or null. */
  constructor(limit: number, pressure: () => string | null = () => null) {
    this.#limit = limit;
    this.#pressure = pressure;
  }

  /** Octets of the bodies under way. */
  get taken(): number {
    return this.#taken;
  }

  /** Throws `overloaded` when there is no room. Given back when `response` is over, whichever way. */
  take(octets: number, response: ServerResponse): void {
    if (octets <= SMALL) return;
    const reason = this.#pressure();
    if (reason !== null) throw new PostriderError('overloaded', reason, { retryAfterSeconds: 5 });
    // One alone always has room, whatever the settings.
    if (this.#taken > 0 && this.#taken + octets > this.#limit)
      throw new PostriderError('overloaded', 'Too many large bodies are under way (`http.bodies_bytes`).', {
        retryAfterSeconds: 1,
      });
    // A client that left while its key was looked up sends no body, and this answer never closes again.
    if (response.closed || response.destroyed) return;
    this.#taken += octets;
    response.once('close', () => {
      this.#taken -= octets;
    });
  }
}
