/** The live stream as an iterator that survives its connections: it comes back with the id of the last event. */

import type { EventEnvelope } from '@postrider/contract/events';
import { excerpt, parsed } from './answer.ts';
import { PostriderConnectionError } from './errors.ts';
import type { EventFilter } from './queries.ts';
import { nameOf, type Call, type CallOptions } from './request.ts';
import { isRetryable, pause, retryDelay } from './retry.ts';
import { SseParser, type SseBlock } from './sse.ts';
import type { Transport } from './transport.ts';

export interface StreamOptions extends Omit<CallOptions, 'retries'> {
  /** Begin right after this event; at the end of the log when absent. */
  last_event_id?: string | undefined;
  /** Connections in a row that may bring nothing before the iterator throws; 10 when absent. */
  retries?: number | undefined;
  /** A connection without a sign of life for this long is given up; 45,000 when absent. Servers give one every 15 s. */
  silence_ms?: number | undefined;
}

const DEFAULT_RETRIES = 10;
const DEFAULT_SILENCE_MS = 45_000;
/** A server that asks for more is not waited for any longer. */
const LONGEST_PAUSE_MS = 30_000;
/** A connection that was open for this long was a good one, even if nothing happened meanwhile. */
const LIVED_MS = 10_000;
const STREAM: Call = { method: 'GET', path: ['v1', 'events', 'stream'], expects: 'text/event-stream' };

/** Where a reader is in the stream. */
interface Place {
  last: string | null;
  /** Pause before a reconnection, ms. */
  pause: number;
  /** Connections in a row that were no good. */
  failures: number;
}

/**
 * Ends without an error by `signal`. Throws what no reconnection can mend (401, 403, 410, 422), and the last error when
 * too many connections in a row were no good. An environment without any event has no place to come back to: what
 * happens there while the very first connection is broken is only in the list of events.
 */
export async function* followEvents(
  transport: Transport,
  filter: EventFilter,
  options: StreamOptions,
): AsyncGenerator<EventEnvelope, void, undefined> {
  const { retries = DEFAULT_RETRIES, signal } = options;
  const place: Place = { last: options.last_event_id ?? null, pause: 1_000, failures: 0 };
  for (;;) {
    if (signal?.aborted) return;
    let failure: unknown = new PostriderConnectionError(
      nameOf(STREAM),
      'unreachable',
      `the server ended the stream ${retries + 1} times in a row before anything came. Look at the server and at what stands before it.`,
    );
    try {
      yield* connection(transport, filter, options, place);
    } catch (error) {
      failure = error;
    }
    place.failures++;
    if (signal?.aborted) return;
    if (place.failures > retries || !isRetryable(failure, 'always')) throw failure;
    const isAborted = await pause(place.pause + retryDelay(failure, place.failures), signal).then(
      () => false,
      () => true,
    );
    if (isAborted) return;
  }
}

/** One connection, to its end. */
async function* connection(
  transport: Transport,
  filter: EventFilter,
  options: StreamOptions,
  place: Place,
): AsyncGenerator<EventEnvelope, void, undefined> {
  const { silence_ms = DEFAULT_SILENCE_MS, signal } = options;
  const headers = place.last === null ? {} : { 'last-event-id': place.last };
  const parser = new SseParser();
  const decoder = new TextDecoder();
  let opened: number | null = null;
  const chunks = transport.chunks(
    { ...STREAM, query: filter, headers },
    { ...options, retries: 0 },
    silence_ms,
  );
  for await (const chunk of chunks) {
    opened ??= Date.now();
    if (Date.now() - opened > LIVED_MS) place.failures = 0;
    for (const block of parser.push(decoder.decode(chunk, { stream: true }))) {
      const event = moved(place, block);
      if (event !== null) yield event;
      if (signal?.aborted) return;
    }
  }
}

/** Goes on to the block, and gives the event in it; null when it has none. */
function moved(place: Place, { data, id, retry }: SseBlock): EventEnvelope | null {
  if (retry !== null) place.pause = Math.min(retry, LONGEST_PAUSE_MS);
  const event = data === null ? null : eventIn(data);
  if (event !== null) place.failures = 0;
  if (id !== null && id !== '') place.last = id;
  return event;
}

function eventIn(data: string): EventEnvelope {
  const event = parsed(data) as Partial<EventEnvelope> | null | undefined;
  if (typeof event?.event_id === 'string' && typeof event.event_type === 'string')
    return event as EventEnvelope;
  const what = `the stream brought what is no event: ${excerpt(data)}.`;
  throw new PostriderConnectionError(nameOf(STREAM), 'unexpected_answer', what);
}
