/**
 * The live stream's source: readers that follow an environment's log. A reader holds a position and nothing else;
 * events come from the store when a commit notice says that there are more, so a slow reader costs no memory, and
 * one that comes back at a position misses nothing.
 */

import type { EventEnvelope } from '@postrider/contract/events';
import { wantsEventType } from '../domain/endpoint.ts';
import { PostriderError } from '../domain/errors.ts';

/** What of the store the live stream reads. */
export interface LogStore {
  eventsAfter(env: number, log: number, limit: number): Promise<LogRow[]>;
  logPosition(env: number, event_id: string): Promise<number | null>;
  logEnd(env: number): Promise<number>;
}
interface LogRow {
  log: number;
  envelope: string;
}

export interface LiveFilter {
  event_type: string[] | null;
  message_id: string | null;
  recipient: string | null;
  campaign_id: string | null;
  tag: string | null;
  /** Environment's clock, ms; `after` is inclusive, `before` is not. */
  after: number | null;
  before: number | null;
}

const PAGE = 100;

export class LiveEvents {
  readonly #store: LogStore;
  readonly #logs = new Map<number, Log>();

  constructor(store: LogStore) {
    this.#store = store;
  }

  /** To be called for every commit notice. */
  onCommit(notice: { logs: readonly { env: number; log: number }[] }): void {
    for (const { env } of notice.logs) this.#logs.get(env)?.grown();
  }

  /**
   * A reader at the end of the log, or right after `afterEventId`. `gone` when no such event is in this
   * environment's log (any more).
   */
  async open(env: number, filter: LiveFilter, afterEventId: string | null): Promise<Reader> {
    const log = this.#log(env);
    const reader = new Reader(log, filter, (closed) => this.#leave(env, log, closed));
    // Joined before the position is read: a commit in between wakes it for nothing, and is not missed.
    log.readers.add(reader);
    try {
      const { position, event_id } = await this.#start(env, afterEventId);
      reader.startAt(position, event_id);
    } catch (error) {
      reader.close();
      throw error;
    }
    return reader;
  }

  /** Ends every reader. */
  close(): void {
    for (const log of this.#logs.values()) for (const reader of log.readers) reader.close();
  }

  async #start(
    env: number,
    afterEventId: string | null,
  ): Promise<{ position: number; event_id: string | null }> {
    if (afterEventId === null) {
      const position = await this.#store.logEnd(env);
      // Its id lets a client go on from here even when it is cut off before its first event.
      const [newest] = await this.#store.eventsAfter(env, position - 1, 1);
      return { position, event_id: newest?.log === position ? eventIdOf(newest.envelope) : null };
    }
    const position = await this.#store.logPosition(env, afterEventId);
    if (position !== null) return { position, event_id: afterEventId };
    throw new PostriderError(
      'gone',
      `The event ${afterEventId.slice(0, 64)} is not in this environment's log, or past retention. Open the stream without Last-Event-ID, and list what came between with GET /v1/events.`,
    );
  }

  #log(env: number): Log {
    let log = this.#logs.get(env);
    if (log === undefined) {
      log = new Log(env, this.#store);
      this.#logs.set(env, log);
    }
    return log;
  }

  #leave(env: number, log: Log, reader: Reader): void {
    log.readers.delete(reader);
    if (log.readers.size === 0 && this.#logs.get(env) === log) this.#logs.delete(env);
  }
}

/** One environment's log with its readers. Readers at the same position share one read of the store. */
class Log {
  readonly readers = new Set<Reader>();
  readonly #env: number;
  readonly #store: LogStore;
  readonly #reads = new Map<number, Promise<LogRow[]>>();

  constructor(env: number, store: LogStore) {
    this.#env = env;
    this.#store = store;
  }

  grown(): void {
    // A read that began before this commit may not show it; later readers must not be given its result.
    this.#reads.clear();
    for (const reader of this.readers) reader.grown();
  }

  read(position: number): Promise<LogRow[]> {
    const known = this.#reads.get(position);
    if (known !== undefined) return known;
    const read = this.#store.eventsAfter(this.#env, position, PAGE);
    this.#reads.set(position, read);
    const forget = (): void => {
      if (this.#reads.get(position) === read) this.#reads.delete(position);
    };
    read.then(forget, forget);
    return read;
  }
}

export interface LiveEvent {
  event_id: string;
  envelope: string;
}

export class Reader {
  /** Everything up to here has been looked at and, if it matched, handed out. */
  #position = 0;
  readonly #log: Log;
  readonly #filter: LiveFilter | null;
  readonly #left: (reader: Reader) => void;
  #closed = false;
  #grown = false;
  #wake: (() => void) | null = null;
  #lastSeen: string | null = null;

  constructor(log: Log, filter: LiveFilter, left: (reader: Reader) => void) {
    this.#log = log;
    this.#filter = Object.values(filter).every((wanted) => wanted === null) ? null : filter;
    this.#left = left;
  }

  startAt(position: number, event_id: string | null): void {
    this.#position = position;
    this.#lastSeen = event_id;
  }

  async next(): Promise<LiveEvent[]> {
    while (!this.#closed) {
      this.#grown = false;
      const rows = await this.#log.read(this.#position);
      const last = rows.at(-1);
      if (last === undefined) {
        await this.#untilGrown();
        continue;
      }
      this.#position = last.log;
      this.#lastSeen = eventIdOf(last.envelope);
      const events = this.#matching(rows);
      if (events.length > 0) return this.#closed ? [] : events;
    }
    return [];
  }

  lastSeen(): string | null {
    return this.#lastSeen;
  }

  grown(): void {
    this.#grown = true;
    this.#wake?.();
  }

  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#wake?.();
    this.#left(this);
  }

  #untilGrown(): Promise<void> {
    if (this.#grown || this.#closed) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = null;
        resolve();
      };
    });
  }

  #matching(rows: readonly LogRow[]): LiveEvent[] {
    const events: LiveEvent[] = [];
    for (const { envelope } of rows)
      if (this.#filter === null || matches(this.#filter, JSON.parse(envelope) as EventEnvelope))
        events.push({ event_id: eventIdOf(envelope), envelope: onOneLine(envelope) });
    return events;
  }
}

function matches(filter: LiveFilter, event: EventEnvelope): boolean {
  if (filter.event_type !== null && !wantsEventType(filter.event_type, event.event_type)) return false;
  if (filter.message_id !== null && filter.message_id !== event.message_id) return false;
  if (filter.recipient !== null && filter.recipient !== event.recipient) return false;
  if (filter.campaign_id !== null && filter.campaign_id !== event.campaign_id) return false;
  if (filter.tag !== null && !event.tags.includes(filter.tag)) return false;
  if (filter.after === null && filter.before === null) return true;
  const at = Date.parse(event.timestamp);
  return (filter.after === null || at >= filter.after) && (filter.before === null || at < filter.before);
}

/** Line breaks in JSON text are white space between tokens; in a stream they would end the field. */
function onOneLine(envelope: string): string {
  return /[\r\n]/.test(envelope) ? envelope.replace(/[\r\n]+/g, ' ') : envelope;
}

const ID_AT_START = /^\{"event_id":"([a-z0-9_]+)"/;

/** Envelopes begin with their id (domain/event.ts), so no parsing is needed. */
function eventIdOf(envelope: string): string {
  return ID_AT_START.exec(envelope)?.[1] ?? (JSON.parse(envelope) as EventEnvelope).event_id;
}
