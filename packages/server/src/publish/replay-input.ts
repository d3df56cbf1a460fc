/** A replay as it is asked for and as it is shown. */

import type { ReplayCreateBody, ReplayObject } from '@postrider/contract/schemas/replay';
import type { FieldError } from '@postrider/contract/errors';
import { canMatchEventType } from '../domain/endpoint.ts';
import { invalid } from '../domain/errors.ts';
import type { Replay, ReplayQuery } from '../store/ports.ts';

/**
 * `body` fits its schema; `recipient` is spelt as events spell it. Throws `validation_failed` for what can match
 * nothing: a misspelling that would look like a finished replay.
 */
export function replayQuery(body: ReplayCreateBody): ReplayQuery {
  const query: ReplayQuery = {
    status: body.status ?? 'all',
    event_types: body.event_types ?? null,
    after: timeOrNull(body.after),
    before: timeOrNull(body.before),
    recipient: body.recipient ?? null,
    message_id: body.message_id ?? null,
    campaign_id: body.campaign_id ?? null,
    rate: body.rate ?? null,
  };
  const errors = [...eventTypeErrors(query.event_types, ''), ...rangeErrors(query, '')];
  if (errors.length > 0) throw invalid(errors);
  return query;
}

export function timeOrNull(text: string | undefined): number | null {
  return text === undefined ? null : Date.parse(text);
}

/** `at`: JSON Pointer of the object that holds the member. */
export function eventTypeErrors(patterns: readonly string[] | null, at: string): FieldError[] {
  const message = 'matches no event type; use one such as `delivered`, a prefix such as `custom.*`, or `*`';
  return (patterns ?? []).flatMap((pattern, index) =>
    canMatchEventType(pattern) ? [] : [{ path: `${at}/event_types/${index}`, message }],
  );
}

export function rangeErrors(
  { after, before }: { after: number | null; before: number | null },
  at: string,
): FieldError[] {
  if (after === null || before === null || after < before) return [];
  return [{ path: `${at}/before`, message: 'must be later than `after`; nothing is in between' }];
}

export function replayObject(replay: Replay): ReplayObject {
  const { query } = replay;
  return {
    replay_id: replay.replay_id,
    endpoint_id: replay.endpoint_id,
    status: replay.status,
    matched: replay.matched,
    queued: replay.queued,
    skipped: replay.skipped,
    delivered: replay.delivered,
    failed: replay.failed,
    discarded: replay.discarded,
    query: { ...query, after: isoOrNull(query.after), before: isoOrNull(query.before) },
    error: replay.error,
    created_at: new Date(replay.created_at).toISOString(),
    updated_at: new Date(replay.updated_at).toISOString(),
    finished_at: isoOrNull(replay.finished_at),
  };
}

function isoOrNull(at: number | null): string | null {
  return at === null ? null : new Date(at).toISOString();
}
