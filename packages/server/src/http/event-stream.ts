/**
 * Server-sent events (WHATWG HTML, 9.2) over one response. `id:` is the event's id; a reader who comes back with it
 * in `Last-Event-ID` goes on right after it. Heartbeats carry the newest id looked at, so that a filter that seldom
 * matches does not leave the reader far behind.
 */

import type { ServerResponse } from 'node:http';
import type { LiveEvent, LiveReader } from './query-service.ts';

export interface StreamBounds {
  heartbeat_ms: number;
  /** How long the reader may take nothing. What it has not taken stays in the store, not in memory. */
  stall_ms: number;
}

const HEAD = {
  'content-type': 'text/event-stream; charset=utf-8',
  'cache-control': 'no-store',
  // nginx would otherwise hold events back until a buffer is full.
  'x-accel-buffering': 'no',
  // A stream is the last thing on its connection, so its end is the connection's.
  connection: 'close',
};

/**
 * Sends until the client leaves, stalls, is not welcome any more (asked with each heartbeat), or `reader` is closed.
 * Rejects only when reading or asking fails.
 */
export async function streamEvents(
  reader: LiveReader,
  response: ServerResponse,
  headers: Record<string, string>,
  bounds: StreamBounds,
  isWelcome: () => Promise<boolean>,
): Promise<void> {
  // A client that left while its place in the log was looked up has had its `close` already.
  if (response.closed || response.destroyed) {
    reader.close();
    return;
  }
  response.writeHead(200, { ...HEAD, ...headers });
  // Tells the client that the stream is open, and how soon to come back.
  const seen = reader.lastSeen();
  response.write(seen === null ? 'retry: 1000\n: open\n\n' : `retry: 1000\n: open\nid: ${seen}\n\n`);
  const leave = (): void => reader.close();
  response.once('close', leave);
  let failure: { cause: unknown } | null = null;
  const fail = (cause: unknown): void => {
    failure = { cause };
    reader.close();
  };
  const heartbeat = setInterval(
    () => void beat(response, reader, isWelcome).catch(fail),
    bounds.heartbeat_ms,
  );
  try {
    for (;;) {
      const events = await reader.next();
      if (events.length === 0 || response.destroyed) break;
      if (!response.write(eventText(events)) && !(await drained(response, bounds.stall_ms))) {
        response.destroy();
        break;
      }
    }
    if (failure !== null) throw (failure as { cause: unknown }).cause;
  } finally {
    clearInterval(heartbeat);
    response.off('close', leave);
    reader.close();
    response.end();
  }
}

function eventText(events: readonly LiveEvent[]): string {
  let text = '';
  for (const event of events) text += `id: ${event.event_id}\ndata: ${event.envelope}\n\n`;
  return text;
}

async function beat(
  response: ServerResponse,
  reader: LiveReader,
  isWelcome: () => Promise<boolean>,
): Promise<void> {
  if (!(await isWelcome())) {
    reader.close();
    return;
  }
  // A reader that is behind gets events soon enough; a heartbeat would only lengthen its queue.
  if (response.writableNeedDrain || response.writableEnded || response.destroyed) return;
  const seen = reader.lastSeen();
  response.write(seen === null ? ': keep-alive\n\n' : `: keep-alive\nid: ${seen}\n\n`);
}

/** False when the reader took nothing for `stall_ms`, or left. */
function drained(response: ServerResponse, stall_ms: number): Promise<boolean> {
  return new Promise((resolve) => {
    const settle = (outcome: boolean): void => {
      clearTimeout(timer);
      response.off('drain', onDrain);
      response.off('close', onClose);
      resolve(outcome);
    };
    const onDrain = (): void => settle(true);
    const onClose = (): void => settle(false);
    const timer = setTimeout(settle, stall_ms, false);
    response.once('drain', onDrain);
    response.once('close', onClose);
  });
}
