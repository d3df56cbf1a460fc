/** The handlers of an application, by event type, and which of them an event is for. */

import type { StateSnapshot } from '@postrider/contract/events';
import type { EventData, ReceivedEvent } from './event.ts';

export interface HandlerContext<Data = Record<string, unknown>, Tx = undefined> {
  event: ReceivedEvent<Data>;
  /** Of (message, recipient), this event included; null for events that say nothing about delivery. */
  state: StateSnapshot | null;
  /** The state without this event; null when nothing was known. */
  previous: StateSnapshot | null;
  /** 1 for the first. */
  attempt: number;
  /** The replay that brought the event again; null otherwise. */
  replay: string | null;
  /** Aborted when the time limit has passed, or the receiver has stopped waiting. */
  signal: AbortSignal;
  /** In transactional mode: what is written through it commits together with the event's done mark. */
  tx: Tx;
}

export type Handler<Data = Record<string, unknown>, Tx = undefined> = (
  context: HandlerContext<Data, Tx>,
) => void | Promise<void>;

/**
 * Exact types first, then the longest prefix (`custom.order.*` before `custom.*`), then `'*'`. An event that no handler
 * is for is done at once.
 */
export type Handlers<Tx = undefined> = { [Type in keyof EventData]?: Handler<EventData[Type], Tx> } & {
  [Type in 'received' | '*' | `${string}.${string}`]?: Handler<Record<string, unknown>, Tx>;
};

/** Thrown by a handler for what no further attempt can mend: the event goes to the dead letters at once. */
export class Unrecoverable extends Error {
  override readonly name = 'Unrecoverable';
}

export function handlerFor<Tx>(handlers: Handlers<Tx>, type: string): Handler<never, Tx> | undefined {
  const table = handlers as Readonly<Record<string, Handler<never, Tx> | undefined>>;
  if (Object.hasOwn(table, type)) return table[type];
  for (let dot = type.lastIndexOf('.'); dot > 0; dot = type.lastIndexOf('.', dot - 1)) {
    const prefix = `${type.slice(0, dot)}.*`;
    if (Object.hasOwn(table, prefix)) return table[prefix];
  }
  return Object.hasOwn(table, '*') ? table['*'] : undefined;
}
