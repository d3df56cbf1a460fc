/** What was sent, and what was answered. The one record against which everything is compared in the end. */

/**
 * open: on its way. accepted: 202 or 250. unknown: the answer never came and nobody asked again, so it may or may not
 * exist. refused: a definite no; it must not exist.
 */
export type Fate = 'open' | 'accepted' | 'unknown' | 'refused';

/** One `POST /v1/events`: numbers `first` to `first + count - 1`. */
export interface EventRequest {
  first: number;
  count: number;
  types: string[];
  fate: Fate;
  /** As answered, in order. */
  ids: string[];
  /** The answer was lost to a kill and asked for again under the same key, this many times. */
  repeated: number;
}

export interface SentMessage {
  n: number;
  door: 'http' | 'batch' | 'smtp';
  recipients: string[];
  fate: Fate;
  message_id: string | null;
  repeated: number;
}

/** How many events the server stores as one command: an unknown request is whole within each of these. */
export const EVENTS_PER_COMMAND = 100;

export class Ledger {
  readonly eventRequests: EventRequest[] = [];
  readonly messages: SentMessage[] = [];
  /** Acknowledged since `drainAcknowledged` was last called. */
  #newEvents: string[] = [];
  #newMessages: { message_id: string; recipients: number }[] = [];
  #nextEvent = 0;
  acceptedEvents = 0;
  acceptedMessages = { http: 0, batch: 0, smtp: 0 };
  /** Answers 503 and 451: the server asked for patience. */
  pushedBack = 0;
  /** Requests repeated under their key although they had been answered, after a restart. */
  asked = 0;
  /** Those of them that were answered with other ids than the first time. */
  readonly changedAnswers: string[] = [];

  addEvents(types: string[]): EventRequest {
    const request: EventRequest = {
      first: this.#nextEvent,
      count: types.length,
      types,
      fate: 'open',
      ids: [],
      repeated: 0,
    };
    this.#nextEvent += types.length;
    this.eventRequests.push(request);
    return request;
  }

  addMessage(door: SentMessage['door'], recipientsOf: (n: number) => string[]): SentMessage {
    const n = this.messages.length;
    const recipients = recipientsOf(n);
    const message: SentMessage = { n, door, recipients, fate: 'open', message_id: null, repeated: 0 };
    this.messages.push(message);
    return message;
  }

  eventsAccepted(request: EventRequest, ids: string[]): void {
    if (ids.length !== request.count)
      throw new Error(`${request.count} events sent, ${ids.length} ids answered`);
    request.fate = 'accepted';
    request.ids = ids;
    this.acceptedEvents += ids.length;
    this.#newEvents.push(...ids);
  }

  messageAccepted(message: SentMessage, message_id: string): void {
    message.fate = 'accepted';
    message.message_id = message_id;
    this.acceptedMessages[message.door]++;
    this.#newMessages.push({ message_id, recipients: message.recipients.length });
  }

  /** What has been acknowledged since the last call. */
  drainAcknowledged(): { events: string[]; messages: { message_id: string; recipients: number }[] } {
    const drained = { events: this.#newEvents, messages: this.#newMessages };
    this.#newEvents = [];
    this.#newMessages = [];
    return drained;
  }

  get eventsSent(): number {
    return this.#nextEvent;
  }

  get messagesAccepted(): number {
    const { http, batch, smtp } = this.acceptedMessages;
    return http + batch + smtp;
  }

  /** Requests and messages with this fate. */
  count(fate: Fate): number {
    let count = 0;
    for (const request of this.eventRequests) if (request.fate === fate) count++;
    for (const message of this.messages) if (message.fate === fate) count++;
    return count;
  }

  /** Requests whose answer was lost and that were asked for again. */
  get repeated(): number {
    let count = 0;
    for (const request of this.eventRequests) if (request.repeated > 0) count++;
    for (const message of this.messages) if (message.repeated > 0) count++;
    return count;
  }
}
