/** The end of a soak, seen through the public API alone: what was accepted is there, once, and came to its end. */

import type { EventEnvelope } from '@postrider/contract/events';
import type { DeliveryObject } from '@postrider/contract/schemas/delivery';
import type { MessageObject } from '@postrider/contract/schemas/message';
import type { Api } from '../kit/api.ts';
import { EVENTS_PER_COMMAND, type EventRequest, type Ledger, type SentMessage } from './ledger.ts';
import type { ReceivingEndpoint } from './receivers.ts';
import { isMail } from './endpoints-plan.ts';
import { storyOf } from './stories.ts';

/** What is kept of an event: enough to compare, little enough to hold a hundred thousand of them. */
export interface SeenEvent {
  event_id: string;
  event_type: string;
}

export interface ApiFacts {
  events: SeenEvent[];
  messages: number;
  /** Requests and messages whose answer was lost for good, by what became of them. */
  unknownThere: number;
  unknownAbsent: number;
  faults: string[];
}

/** Everything but what arrived at the endpoints. */
export async function tallyApi(api: Api, ledger: Ledger): Promise<ApiFacts> {
  const facts: ApiFacts = { events: [], messages: 0, unknownThere: 0, unknownAbsent: 0, faults: [] };
  const custom = new Map<number, string[]>();
  const stories = new Map<string, string[]>();
  for await (const event of pages<EventEnvelope>(api, '/v1/events')) {
    facts.events.push({ event_id: event.event_id, event_type: event.event_type });
    if (event.event_type.startsWith('custom.')) {
      collect(custom, (event.data as unknown as { n: number }).n, event.event_id);
    } else if (isMail(event.event_type)) {
      collect(stories, `${event.message_id} ${event.recipient}`, event.event_type);
    }
  }
  tallyEvents(ledger, custom, facts);
  const messages = new Map<number, MessageObject[]>();
  for await (const message of pages<MessageObject>(api, '/v1/messages')) {
    facts.messages++;
    collect(messages, Number(message.metadata['n']), message);
  }
  tallyMessages(ledger, messages, stories, facts);
  return facts;
}

function tallyEvents(ledger: Ledger, seen: ReadonlyMap<number, string[]>, facts: ApiFacts): void {
  let expected = 0;
  for (const request of ledger.eventRequests) {
    const found = Array.from({ length: request.count }, (_, i) => seen.get(request.first + i) ?? []);
    expected += found.flat().length;
    if (request.fate === 'accepted') tallyAccepted(request, found, facts);
    else tallyUnknown(request, found, facts);
  }
  const all = [...seen.values()].flat().length;
  if (all !== expected) facts.faults.push(`${all - expected} custom events are there that nobody sent`);
}

function tallyAccepted(request: EventRequest, found: readonly string[][], facts: ApiFacts): void {
  for (const [i, ids] of found.entries()) {
    const about = `event ${request.first + i} (${request.ids[i]})`;
    if (ids.length === 0) facts.faults.push(`LOST: accepted ${about}`);
    else if (ids.length > 1) facts.faults.push(`stored ${ids.length} times: ${about}`);
    else if (ids[0] !== request.ids[i]) facts.faults.push(`${about} has another id: ${ids[0]}`);
  }
}

/** May be there or not, but once at most, and never a part of what the server stores as one command. */
function tallyUnknown(request: EventRequest, found: readonly string[][], facts: ApiFacts): void {
  for (let at = 0; at < found.length; at += EVENTS_PER_COMMAND) {
    const counts = new Set(found.slice(at, at + EVENTS_PER_COMMAND).map((ids) => ids.length));
    const isWhole = counts.size === 1 && (counts.has(0) || counts.has(1));
    if (!isWhole) facts.faults.push(`unknown events from ${request.first + at}: half written or doubled`);
  }
  if (found.some((ids) => ids.length > 0)) facts.unknownThere++;
  else facts.unknownAbsent++;
}

function tallyMessages(
  ledger: Ledger,
  seen: ReadonlyMap<number, MessageObject[]>,
  stories: ReadonlyMap<string, string[]>,
  facts: ApiFacts,
): void {
  for (const sent of ledger.messages) {
    const found = seen.get(sent.n) ?? [];
    const about = `message ${sent.n} by ${sent.door} (${sent.message_id ?? sent.fate})`;
    if (found.length > 1) facts.faults.push(`stored ${found.length} times: ${about}`);
    if (sent.fate === 'accepted') {
      if (found.length === 0) facts.faults.push(`LOST: accepted ${about}`);
      else if (found[0]?.message_id !== sent.message_id) facts.faults.push(`another id: ${about}`);
    } else if (sent.fate === 'unknown') {
      if (found.length > 0) facts.unknownThere++;
      else facts.unknownAbsent++;
    } else if (found.length > 0) {
      facts.faults.push(`refused, and there all the same: ${about}`);
    }
    // Whole and at its end, also when nobody was told that it is there.
    for (const message of found) tallyRecipients(sent, message, stories, facts);
  }
  for (const n of seen.keys())
    if (ledger.messages[n] === undefined) facts.faults.push(`message ${n} is there that nobody sent`);
}

function tallyRecipients(
  sent: SentMessage,
  message: MessageObject,
  stories: ReadonlyMap<string, string[]>,
  facts: ApiFacts,
): void {
  const got = message.recipients.map(({ address }) => address).sort();
  if (got.join() !== sent.recipients.toSorted().join())
    facts.faults.push(`message ${sent.n} has the recipients ${got.join()}`);
  for (const { address, status } of message.recipients) {
    const story = storyOf(address);
    if (status !== story.ends) facts.faults.push(`${address} is ${status}, not ${story.ends}`);
    const events = (stories.get(`${message.message_id} ${address}`) ?? []).toSorted().join();
    const expected = ['accepted', ...story.events].sort().join();
    if (events !== expected) facts.faults.push(`${address} has the events ${events}, not ${expected}`);
  }
}

/** The deliveries of these events, as the API lists them: one for each endpoint that wants the event, no other. */
export async function tallyDeliveries(
  api: Api,
  events: readonly SeenEvent[],
  endpoints: readonly ReceivingEndpoint[],
  endpointIds: ReadonlyMap<string, string>,
): Promise<string[]> {
  const faults: string[] = [];
  for (const { event_id, event_type } of events) {
    const deliveries = await api.all<DeliveryObject>(`/v1/deliveries?event_id=${event_id}`);
    const got = deliveries.map(({ endpoint_id }) => endpointIds.get(endpoint_id) ?? endpoint_id).sort();
    const wanted = endpoints
      .filter(({ plan }) => plan.wants(event_type))
      .map(({ plan }) => plan.name)
      .sort();
    if (got.join() !== wanted.join())
      faults.push(
        `NO DELIVERY: ${event_type} ${event_id} has deliveries for ${got.join()}, not ${wanted.join()}`,
      );
    for (const delivery of deliveries) {
      const name = endpointIds.get(delivery.endpoint_id);
      const drains = endpoints.some(({ plan }) => plan.name === name && plan.drains);
      if (drains && delivery.status !== 'delivered')
        faults.push(`${event_type} ${event_id} for ${name} is ${delivery.status}`);
    }
  }
  return faults;
}

async function* pages<T>(api: Api, path: string): AsyncGenerator<T> {
  let cursor: string | null = null;
  do {
    const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
    const page: { data: T[]; next_cursor: string | null } = await api.get(`${path}?limit=100${query}`);
    yield* page.data;
    cursor = page.next_cursor;
  } while (cursor !== null);
}

function collect<K, V>(map: Map<K, V[]>, key: K, value: V): void {
  const list = map.get(key);
  if (list === undefined) map.set(key, [value]);
  else list.push(value);
}
