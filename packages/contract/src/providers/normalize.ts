/** From what a provider's file found in an event to the event in our words, by the provider's table of mappings. */

import type { BounceCategory, CustomEventType, MailEventType } from '../events.ts';
import { bounded, fields, type Fields } from './json-fields.ts';
import type { Mapping, NormalizedData, NormalizedEvent, ProviderName, Reading } from './provider.ts';
import { categoryOfReply, type SmtpReply } from './smtp-reply.ts';

/** More than any provider batches; a larger request is refused whole, because half a batch would hide the rest. */
export const MAX_EVENTS = 10_000;

/** What a provider's file found; null and absent are the same. */
export interface Draft {
  /** Their type, then what refines it, from general to special. */
  type: readonly (string | null)[];
  at?: number | null;
  recipient?: string | null;
  messageId?: string | null;
  eventId?: string | null;
  messageIdHeader?: string | null;
  tags?: string[];
  metadata?: Record<string, string>;
  reason?: string | null;
  reply?: SmtpReply | null;
  category?: BounceCategory | null;
  url?: string | null;
  userAgent?: string | null;
  ip?: string | null;
  machine?: boolean | null;
  /** What a `custom.*` event carries, when that is not the whole item. */
  payload?: unknown;
}

export interface MappingTable {
  provider: ProviderName;
  byName: ReadonlyMap<string, Mapping>;
}

export function mappingTable(provider: ProviderName, mappings: readonly Mapping[]): MappingTable {
  return { provider, byName: new Map(mappings.map((mapping) => [mapping.theirs, mapping])) };
}

/** The events of a batch; `drafts` may find several in one item. */
export function readBatch(
  table: MappingTable,
  items: readonly unknown[],
  drafts: (item: Fields) => readonly Draft[],
): Reading {
  const events: NormalizedEvent[] = [];
  for (const item of items) {
    const found = drafts(fields(item));
    if (events.length + found.length > MAX_EVENTS) return { kind: 'unusable', reason: 'too_many_events' };
    for (const draft of found) events.push(normalize(table, draft, item));
  }
  return { kind: 'events', events };
}

function normalize(table: MappingTable, draft: Draft, item: unknown): NormalizedEvent {
  const mapping = mappingOf(table, draft.type);
  const theirs = mapping?.theirs ?? draft.type[0] ?? 'unknown';
  const ours = mapping?.ours ?? 'custom';
  const event: NormalizedEvent = {
    event_type: ours === 'custom' ? customType(table.provider, theirs) : ours,
    at: draft.at ?? null,
    recipient: draft.recipient ?? null,
    provider_message_id: draft.messageId ?? null,
    provider_event_id: draft.eventId ?? null,
    tags: draft.tags ?? [],
    metadata: draft.metadata ?? {},
    data: dataOf(table.provider, theirs, ours, draft, mapping),
  };
  if (draft.messageIdHeader != null) event.message_id_header = draft.messageIdHeader;
  if (ours === 'custom') event.data.payload = bounded(draft.payload ?? item);
  return event;
}

/** The mapping of the longest run of refinements that the table has. */
function mappingOf(table: MappingTable, type: Draft['type']): Mapping | undefined {
  const gap = type.indexOf(null);
  const known = gap < 0 ? type : type.slice(0, gap);
  for (let length = known.length; length > 0; length--) {
    const mapping = table.byName.get(known.slice(0, length).join('/'));
    if (mapping !== undefined) return mapping;
  }
  return undefined;
}

/** A name that `POST /v1/events` would take too: parts of `a-z0-9_-` between dots. */
export function customType(provider: ProviderName, theirs: string): CustomEventType {
  const parts = theirs.slice(0, 64).toLowerCase().split(/[./]/);
  const names = parts.map((part) => part.replace(/[^a-z0-9_-]+/g, '_')).filter((part) => part !== '');
  return `custom.${provider}.${names.length === 0 ? 'unknown' : names.join('.')}`;
}

const BOUNCES: Readonly<Partial<Record<MailEventType | 'custom', 'hard' | 'soft'>>> = {
  bounce: 'hard',
  soft_bounce: 'soft',
};

function dataOf(
  provider: ProviderName,
  theirs: string,
  ours: Mapping['ours'],
  draft: Draft,
  mapping: Mapping | undefined,
): NormalizedData {
  const bounce = BOUNCES[ours];
  const category = draft.category ?? mapping?.category ?? categoryOfReply(draft.reply) ?? 'other';
  const known = {
    reason: draft.reason,
    smtp_code: draft.reply?.code,
    enhanced_code: draft.reply?.enhanced,
    smtp_message: draft.reply?.message,
    bounce_type: bounce,
    bounce_category: bounce === undefined ? null : category,
    url: draft.url,
    user_agent: draft.userAgent,
    ip: draft.ip,
    machine: draft.machine ?? mapping?.machine,
  };
  return {
    provider,
    provider_event: theirs,
    provider_message_id: draft.messageId ?? null,
    provider_event_id: draft.eventId ?? null,
    ...(Object.fromEntries(
      Object.entries(known).filter(([, value]) => value != null),
    ) as Partial<NormalizedData>),
  };
}
