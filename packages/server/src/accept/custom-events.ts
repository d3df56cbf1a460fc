/** An application's own events (`custom.…`): checked, given their ids, and stored like every other event. */

import { isId } from '@postrider/contract/ids';
import {
  CUSTOM_EVENT_TYPE,
  customEventBatchBodySchema,
  customEventBodySchema,
} from '@postrider/contract/schemas/event';
import { MAX_EVENT_TYPE } from '@postrider/contract/schemas/limits';
import { newId } from '../base/ids.ts';
import { notFound } from '../domain/errors.ts';
import { labelsJson, NO_LABELS, type NewEvent } from '../domain/event.ts';
import type { Environment } from '../domain/tenancy.ts';
import type { Idempotency, Idempotent } from '../store/ports.ts';
import { parseAddrSpec } from './address.ts';
import { Faults, fieldsOf, refuseUnknown } from './faults.ts';
import { freeJson } from './free-json.ts';
import { readLabels } from './labels.ts';
import type { AcceptLimits } from './limits.ts';
import { isObject } from './text-rules.ts';

export interface CustomEventStore {
  /** Those of `message_ids` that are not of this environment. */
  unknownMessages(env: number, message_ids: readonly string[]): Promise<string[]>;
  recordEvents(
    env: number,
    events: NewEvent[],
    idempotency: Idempotency | null,
  ): Promise<Idempotent<{ event_ids: string[] }>>;
}

export interface CustomEventSettings {
  store: CustomEventStore;
  clocks: { now(env: number): number };
  limits: AcceptLimits;
}

const EVENT_FIELDS = fieldsOf(customEventBodySchema);
const BATCH_FIELDS = fieldsOf(customEventBatchBodySchema);
const EVENT_TYPE = new RegExp(CUSTOM_EVENT_TYPE);
/** Events that go to the store as one command: large enough to be cheap, small enough to share a commit. */
const CHUNK = 100;

export class CustomEvents {
  readonly #settings: CustomEventSettings;

  constructor(settings: CustomEventSettings) {
    this.#settings = settings;
  }

  /**
   * One event, or `{events: […]}`. Nothing is stored when any of them does not fit. More than 100 are stored in
   * parts, each whole: should one part fail, the same request with its Idempotency-Key stores the rest.
   */
  async record(
    environment: Environment,
    body: unknown,
    idempotency: Idempotency | null,
  ): Promise<Idempotent<{ event_ids: string[] }>> {
    const events = readEvents(body, this.#settings.clocks.now(environment.env), this.#settings.limits);
    if (events.length > CHUNK) await this.#refuseUnknownMessages(environment.env, events);
    // The first part goes alone, under the key itself: a key of another request is refused before anything is stored.
    const first = await this.#settings.store.recordEvents(
      environment.env,
      events.slice(0, CHUNK),
      idempotency,
    );
    const parts: Promise<Idempotent<{ event_ids: string[] }>>[] = [];
    for (let at = CHUNK; at < events.length; at += CHUNK) {
      const key = idempotency && { ...idempotency, key: `${idempotency.key}#${at / CHUNK}` };
      parts.push(this.#settings.store.recordEvents(environment.env, events.slice(at, at + CHUNK), key));
    }
    // All parts are waited for, so that an answer means that nothing of the request is still under way.
    const settled = await Promise.allSettled(parts);
    const event_ids = [...first.event_ids];
    let { replayed } = first;
    for (const part of settled) {
      if (part.status === 'rejected') throw part.reason;
      event_ids.push(...part.value.event_ids);
      replayed &&= part.value.replayed;
    }
    return { event_ids, replayed };
  }

  /** One part is whole by itself; of several none may be stored when a later one is going to be refused. */
  async #refuseUnknownMessages(env: number, events: readonly NewEvent[]): Promise<void> {
    const named = new Set(events.flatMap((event) => event.message_id ?? []));
    if (named.size === 0) return;
    const [unknown] = await this.#settings.store.unknownMessages(env, [...named]);
    if (unknown !== undefined) throw notFound('message', unknown);
  }
}

/** Throws `validation_failed` with everything that is wrong. */
export function readEvents(body: unknown, now: number, limits: AcceptLimits): NewEvent[] {
  const faults = new Faults();
  const events: NewEvent[] = [];
  if (!isObject(body)) faults.add('', 'must be an event, or an object with `events`');
  else if (!('events' in body)) readEvent(body, '', now, limits, faults, events);
  else {
    refuseUnknown(body, BATCH_FIELDS, '', faults);
    const list = body.events;
    if (!Array.isArray(list) || list.length === 0 || list.length > limits.batch)
      faults.add('/events', `must be a list of 1 to ${limits.batch} events (limits.batch)`);
    else
      for (let at = 0; at < list.length && !faults.full; at++)
        readEvent(list[at], `/events/${at}`, now, limits, faults, events);
  }
  faults.throwIfAny();
  return events;
}

/** Paths are only put together when something is wrong: this runs for every event of every batch. */
function readEvent(
  item: unknown,
  at: string,
  now: number,
  limits: AcceptLimits,
  faults: Faults,
  events: NewEvent[],
): void {
  if (!isObject(item)) {
    faults.add(at, 'must be an object');
    return;
  }
  refuseUnknown(item, EVENT_FIELDS, at, faults);
  const type = item.event_type;
  if (typeof type !== 'string' || type.length > MAX_EVENT_TYPE || !EVENT_TYPE.test(type))
    faults.add(
      `${at}/event_type`,
      `must be custom. and segments of a-z, 0-9, _ and -, at most ${MAX_EVENT_TYPE} characters`,
    );
  const data = readData(item.data, at, limits, faults);
  const recipient = readRecipient(item.recipient, at, faults);
  const message_id = item.message_id ?? null;
  if (message_id !== null && !isId('msg', message_id))
    faults.add(`${at}/message_id`, 'is no message id; it starts with msg_');
  const { labels, campaign_id } = readEventLabels(item, at, message_id !== null, limits, faults);
  events.push({
    event_id: newId('evt'),
    event_type: type as string,
    at: now,
    message_id: message_id as string | null,
    recipient,
    data,
    labels,
    campaign_id,
  });
}

function readData(value: unknown, at: string, limits: AcceptLimits, faults: Faults): string {
  if (value === undefined) return '{}';
  if (!isObject(value)) {
    faults.add(`${at}/data`, 'must be an object');
    return '{}';
  }
  const data = freeJson(value, limits);
  if (data.ok) return data.json;
  faults.add(`${at}/data${data.path}`, data.message);
  return '{}';
}

function readRecipient(value: unknown, at: string, faults: Faults): string | null {
  if (value === undefined || value === null) return null;
  const address =
    typeof value === 'string' ? parseAddrSpec(value) : { ok: false as const, reason: 'must be a string' };
  if (address.ok) return address.address;
  faults.add(`${at}/recipient`, `the address ${address.reason}`);
  return null;
}

/** An event about a message that says nothing of its own carries the message's labels. */
function readEventLabels(
  item: Record<string, unknown>,
  at: string,
  aboutMessage: boolean,
  limits: AcceptLimits,
  faults: Faults,
): { labels: string | null; campaign_id: string | null } {
  if (item.tags === undefined && item.metadata === undefined && (item.campaign_id ?? null) === null)
    return { labels: aboutMessage ? null : NO_LABELS, campaign_id: null };
  const { tags, metadata, campaign_id } = readLabels(item, at, limits, faults);
  return { labels: labelsJson(tags, metadata, campaign_id), campaign_id };
}
