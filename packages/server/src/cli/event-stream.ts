/** Reading `/v1/events/stream` without missing an event: after a break it goes on from the last one seen. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { EventEnvelope } from '@postrider/contract/events';
import { refused, request } from './client.ts';
import { CliError, EXIT } from './failure.ts';
import type { Target } from './target.ts';

export interface StreamOptions {
  query: Record<string, string | undefined>;
  /** Goes on right after this event; null = from now on. */
  lastEventId: string | null;
  signal: AbortSignal;
  /** The stream is open; `again` after a break. */
  onOpen: (again: boolean) => void;
  /** The stream broke and will be opened again in `wait_ms`. */
  onBreak: (why: string, wait_ms: number) => void;
}

export interface StreamedEvent {
  event: EventEnvelope;
  /** The envelope as the server wrote it. */
  text: string;
}

const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 10_000;
/** Two heartbeats missed: the connection is dead although nobody said so. */
const SILENCE_MS = 40_000;
const MAX_FIELD = 16 * 1024 * 1024;

/**
 * Events as they happen, for ever: ends when `signal` is aborted. Rejects when the server refuses the first
 * time it is asked, or refuses for good (a revoked key, a position past retention).
 */
export async function* readEvents(target: Target, options: StreamOptions): AsyncGenerator<StreamedEvent> {
  const position = { id: options.lastEventId };
  let opened = false;
  let wait = FIRST_WAIT_MS;
  while (!options.signal.aborted) {
    let why = 'the server closed the stream';
    const watch = new AbortController();
    try {
      const body = await open(target, options, position.id, watch.signal);
      options.onOpen(opened);
      opened = true;
      wait = FIRST_WAIT_MS;
      yield* messages(body, position, watch);
    } catch (error) {
      if (options.signal.aborted) return;
      if (error instanceof CliError && (!opened || error.exitCode !== EXIT.unreachable)) throw error;
      why = (error as Error).message;
    } finally {
      watch.abort();
    }
    if (options.signal.aborted) return;
    options.onBreak(why, wait);
    await sleep(wait, undefined, { signal: options.signal }).catch(() => undefined);
    wait = Math.min(LONGEST_WAIT_MS, wait * 2);
  }
}

async function open(
  target: Target,
  options: StreamOptions,
  lastEventId: string | null,
  watch: AbortSignal,
): Promise<ReadableStream<Uint8Array>> {
  const headers: Record<string, string> = { accept: 'text/event-stream' };
  if (lastEventId !== null) headers['last-event-id'] = lastEventId;
  const signal = AbortSignal.any([options.signal, watch]);
  // The stream itself has no end; its silence is watched instead.
  const response = await request(target, '/v1/events/stream', headers, {
    query: options.query,
    signal,
    timeout_ms: 2 ** 31 - 1,
  });
  if (response.ok && response.body !== null) return response.body;
  const text = await response.text();
  // Busy or stopping: it passes. Anything else is an answer.
  if (response.status === 429 || response.status >= 500)
    throw new CliError(`the server answered ${response.status}`, EXIT.unreachable);
  throw refused(response.status, text);
}

/** The messages of one connection (WHATWG HTML, 9.2.6); keeps `position` up to date. */
async function* messages(
  body: ReadableStream<Uint8Array>,
  position: { id: string | null },
  watch: AbortController,
): AsyncGenerator<StreamedEvent> {
  const decoder = new TextDecoder();
  let rest = '';
  let data: string[] = [];
  let id: string | null = null;
  let silence = setTimeout(() => watch.abort(new Error('the stream fell silent')), SILENCE_MS);
  try {
    for await (const chunk of body) {
      silence.refresh();
      rest += decoder.decode(chunk, { stream: true });
      const lines = rest.split('\n');
      rest = lines.pop() ?? '';
      if (rest.length > MAX_FIELD) throw new Error('the stream sent a line without end');
      for (const raw of lines) {
        const line = raw.endsWith('\r') ? raw.slice(0, -1) : raw;
        if (line.startsWith('data:')) data.push(line.slice(line[5] === ' ' ? 6 : 5));
        else if (line.startsWith('id:')) id = line.slice(3).trim();
        else if (line === '') {
          if (data.length > 0) yield parse(data.join('\n'));
          // Only now: an event that was not handed over is asked for again.
          if (id !== null) position.id = id;
          data = [];
          id = null;
        }
      }
    }
  } finally {
    clearTimeout(silence);
  }
}

function parse(text: string): StreamedEvent {
  return { event: JSON.parse(text) as EventEnvelope, text };
}
