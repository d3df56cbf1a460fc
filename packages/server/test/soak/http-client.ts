/** Requests to a server that dies under them. */

import { Pool } from 'undici';
import type { ServerLives } from './server-lives.ts';
import type { Ledger } from './ledger.ts';

const PATIENCE_MS = 50;

export interface Answer {
  status: number;
  body: unknown;
}

export class SoakClient {
  readonly #server: ServerLives;
  readonly #ledger: Ledger;
  readonly #key: string;
  #pool: Pool;
  #poolLife = 0;

  constructor(server: ServerLives, ledger: Ledger, key: string) {
    this.#server = server;
    this.#ledger = ledger;
    this.#key = key;
    this.#pool = this.#newPool();
  }

  /**
   * A creating request, until its answer is known: a lost answer is asked for again under the same Idempotency-Key,
   * a 503 again after a moment. Null when the answer was lost and `giveUp` says not to ask again.
   */
  async create(
    path: string,
    body: string,
    idempotencyKey: string,
    lost: { again: () => void; giveUp: () => boolean },
  ): Promise<Answer | null> {
    for (;;) {
      await this.#server.untilReady();
      const answer = await this.#once(path, body, idempotencyKey);
      if (answer === null) {
        if (lost.giveUp()) return null;
        lost.again();
      } else if (answer.status === 503) {
        this.#ledger.pushedBack++;
        await new Promise((resolve) => setTimeout(resolve, PATIENCE_MS));
      } else {
        return answer;
      }
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }

  /** Null when the connection broke before the answer was complete. */
  async #once(path: string, body: string, idempotencyKey: string): Promise<Answer | null> {
    // A pool for each life: connections of a dead server must not cost requests of the next one their answers.
    if (this.#poolLife !== this.#server.lives) {
      void this.#pool.destroy();
      this.#pool = this.#newPool();
    }
    try {
      const response = await this.#pool.request({
        method: 'POST',
        path,
        headers: {
          authorization: `Bearer ${this.#key}`,
          'content-type': 'application/json',
          'idempotency-key': idempotencyKey,
        },
        body,
      });
      return { status: response.statusCode, body: await response.body.json() };
    } catch {
      // Refused, reset, cut off in the middle: all the same to a client, who does not know what became of it.
      return null;
    }
  }

  #newPool(): Pool {
    this.#poolLife = this.#server.lives;
    return new Pool(this.#server.http, { connections: 32, bodyTimeout: 0, headersTimeout: 30_000 });
  }
}
