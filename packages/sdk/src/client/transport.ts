/** One call over `fetch`: its request made once, tried until it is answered or must not be tried again. */

import type { ListPage } from '@postrider/contract/schemas/json-schema';
import { chunksOf, readBytes, readObject, refusal } from './answer.ts';
import { Deadline } from './deadline.ts';
import { PostriderApiError, PostriderConnectionError } from './errors.ts';
import {
  nameOf,
  requestOf,
  type Call,
  type CallOptions,
  type CreateOptions,
  type Request,
} from './request.ts';
import { isRetryable, pause, retryDelay } from './retry.ts';

export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

export interface TransportSettings {
  /** Without a slash at the end. */
  base: string;
  apiKey: string;
  fetch: Fetch;
  timeout_ms: number;
  retries: number;
}

type Read<T> = (response: Response, call: string, deadline: Deadline) => Promise<T>;

export class Transport {
  readonly #settings: TransportSettings;

  constructor(settings: TransportSettings) {
    this.#settings = settings;
  }

  object<T>(call: Call, options: CreateOptions = {}): Promise<T> {
    return this.#perform(call, options, readObject<T>);
  }

  /** One page of a list. */
  async page<T, Page extends ListPage<T> = ListPage<T>>(
    call: Call,
    options: CallOptions = {},
  ): Promise<Page> {
    const page = await this.object<Page>(call, options);
    const { data, next_cursor: next } = page as Partial<Page>;
    if (Array.isArray(data) && (next === null || typeof next === 'string')) return page;
    throw new PostriderConnectionError(nameOf(call), 'unexpected_answer', 'the answer is no page of a list.');
  }

  bytes(call: Call, options: CallOptions = {}): Promise<Uint8Array<ArrayBuffer>> {
    return this.#perform(call, options, (response, name) => readBytes(response, name));
  }

  async nothing(call: Call, options: CallOptions = {}): Promise<void> {
    await this.#perform(call, options, (response, name) => readBytes(response, name));
  }

  /**
   * An answer that is read as it comes. Tries again until it begins; what breaks later is the reader's. Each chunk must
   * come within `silence_ms`. Ends the request when the reader stops.
   */
  async *chunks(
    call: Call,
    options: CallOptions = {},
    silence_ms = options.timeout_ms ?? this.#settings.timeout_ms,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const name = nameOf(call);
    const { response, deadline } = await this.#begin(call, options);
    try {
      deadline.restart(silence_ms);
      for await (const chunk of chunksOf(response)) {
        // The reader may take as long as it likes over what it has.
        deadline.restart(2 ** 31 - 1);
        yield chunk;
        deadline.restart(silence_ms);
      }
    } catch (error) {
      throw this.#explained(error, name, deadline, options.signal);
    } finally {
      deadline.close();
    }
  }

  #begin(call: Call, options: CallOptions): Promise<{ response: Response; deadline: Deadline }> {
    return this.#perform(call, options, async (response, _call, deadline) => ({ response, deadline }), true);
  }

  async #perform<T>(call: Call, options: CreateOptions, read: Read<T>, keepsOpen = false): Promise<T> {
    const request = requestOf(call, options, this.#settings);
    const retries = options.retries ?? this.#settings.retries;
    let answerLost = false;
    for (let failures = 1; ; failures++) {
      try {
        return await this.#try(request, options, read, keepsOpen);
      } catch (error) {
        if (call.removes && answerLost && error instanceof PostriderApiError && error.status === 404)
          return undefined as T;
        if (failures > retries || !isRetryable(error, request.repeatable)) throw error;
        answerLost ||= !(error instanceof PostriderApiError && error.status === 429);
        await pause(retryDelay(error, failures), options.signal);
      }
    }
  }

  async #try<T>(request: Request, options: CallOptions, read: Read<T>, keepsOpen: boolean): Promise<T> {
    options.signal?.throwIfAborted();
    const deadline = new Deadline(options.timeout_ms ?? this.#settings.timeout_ms, options.signal);
    let kept = false;
    try {
      const response = await this.#settings.fetch(request.url, { ...request.init, signal: deadline.signal });
      if (response.type === 'opaqueredirect' || (response.status >= 300 && response.status < 400))
        throw redirected(request.call, response);
      if (!response.ok) throw await refusal(response, request.call, this.#scrub);
      checkType(response, request);
      const answer = await read(response, request.call, deadline);
      kept = keepsOpen;
      return answer;
    } catch (error) {
      throw this.#explained(error, request.call, deadline, options.signal);
    } finally {
      if (!kept) deadline.close();
    }
  }

  /** Whatever was thrown, as what the caller is told. Causes are put into words: they may hold the request. */
  #explained(error: unknown, call: string, deadline: Deadline, signal: AbortSignal | undefined): unknown {
    if (error instanceof PostriderApiError) return error;
    if (error instanceof PostriderConnectionError) {
      const message = error.message.slice(call.length + 2);
      return new PostriderConnectionError(call, error.reason, this.#scrub(message));
    }
    if (signal?.aborted) return signal.reason;
    if (deadline.isOver)
      return new PostriderConnectionError(
        call,
        'timeout',
        'no whole answer came in time. Whether it was done is not known. Raise `timeout_ms`, or look at the server.',
      );
    return new PostriderConnectionError(
      call,
      'unreachable',
      `the connection failed: ${this.#scrub(wordsOf(error))}. Check \`url\` and that the server runs.`,
    );
  }

  readonly #scrub = (text: string): string => text.replaceAll(this.#settings.apiKey, '[API key]');
}

/** Messages of an error and of what caused it; `fetch` itself only says that it failed. */
function wordsOf(error: unknown): string {
  const words: string[] = [];
  for (let cause = error, depth = 0; cause instanceof Error && depth < 4; cause = cause.cause, depth++) {
    const { code } = cause as { code?: unknown };
    words.push(cause.message || (typeof code === 'string' ? code : cause.name));
  }
  return words.length === 0 ? 'no reason was given' : words.join(': ');
}

function redirected(call: string, response: Response): PostriderConnectionError {
  const to = response.headers.get('location');
  return new PostriderConnectionError(
    call,
    'redirected',
    `the address answers with a redirect${to === null ? '' : ` to ${to.slice(0, 200)}`}, which is not followed. Give the final address as \`url\`.`,
  );
}

function checkType(response: Response, { call, expects }: Request): void {
  const type = response.headers.get('content-type') ?? 'no content type';
  if (expects === undefined || type.startsWith(expects)) return;
  throw new PostriderConnectionError(
    call,
    'unexpected_answer',
    `answered with ${type.slice(0, 100)} and not with ${expects}. Check that \`url\` is the address of a Postrider server.`,
  );
}
