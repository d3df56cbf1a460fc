/**
 * Two reader threads, so that keys, single objects and the live stream never wait behind a list that looks through a
 * whole history. The second begins with the first question that may be long.
 */

import { isLong, type QueryArgs, type QueryName, type QueryResult } from './queries.ts';
import { Reader } from './reader.ts';
import type { ReaderOptions } from './reader-thread.ts';

export class Readers {
  readonly #options: ReaderOptions;
  readonly #quick: Reader;
  #long: Promise<Reader> | null = null;
  #closing = false;
  /** A thread is gone: nothing can be read any more. */
  onDeath: (error: Error) => void = () => {};

  private constructor(options: ReaderOptions, quick: Reader) {
    this.#options = options;
    this.#quick = quick;
    quick.onDeath = (error) => this.onDeath(error);
  }

  static async start(options: ReaderOptions): Promise<Readers> {
    return new Readers(options, await Reader.start(options));
  }

  query<N extends QueryName>(name: N, args: QueryArgs<N>): Promise<QueryResult<N>> {
    if (!isLong(name) || this.#closing) return this.#quick.query(name, args);
    return this.#slow().then((reader) => reader.query(name, args));
  }

  #slow(): Promise<Reader> {
    this.#long ??= Reader.start(this.#options).then(
      (reader) => {
        reader.onDeath = (error) => this.onDeath(error);
        return reader;
      },
      (error: unknown) => {
        // The next question tries again.
        this.#long = null;
        throw error;
      },
    );
    return this.#long;
  }

  async close(): Promise<void> {
    this.#closing = true;
    const long = await this.#long?.catch(() => null);
    await Promise.all([this.#quick.close(), long?.close()]);
  }
}
