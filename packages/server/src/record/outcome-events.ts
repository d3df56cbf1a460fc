/** One outcome of a transport, as the events and the next step it amounts to. Pure. */

import type {
  BounceData,
  DeferredData,
  DeliveredData,
  DroppedData,
  SoftBounceData,
} from '@postrider/contract/events';
import type { NewEvent } from '../domain/event.ts';
import type { OutgoingRecipient } from '../domain/message.ts';
import type { Bounced, Deferred, Delivered, Outcome, SoftBounced } from '../domain/outcome.ts';
import type { OutcomeRecord } from '../store/ports.ts';

export interface OutcomeContext {
  /** Environment's time. */
  now: number;
  /** Seconds to wait after each temporary failure: n delays, n + 1 attempts. */
  schedule: readonly number[];
  newEventId: () => string;
}

/** What is stored for `outcome` of the `attempt`-th try (1 for the first) to hand over `item`. */
export function outcomeRecord(
  item: OutgoingRecipient,
  attempt: number,
  outcome: Outcome,
  context: OutcomeContext,
): OutcomeRecord {
  // A wall clock that was set back must not put an outcome before what caused it.
  const at = Math.max(context.now, item.accepted_at, item.next_at);
  const step = nextStep(item, attempt, outcome, at, context.schedule);
  const facts = factsOf(item, attempt, outcome, at, step);
  return {
    env: item.env,
    outgoing: item.outgoing,
    events: facts.map(({ event_type, data }) => ({
      event_id: context.newEventId(),
      event_type,
      at,
      message_id: item.message_id,
      recipient: item.recipient,
      data: JSON.stringify(data),
      labels: null,
      campaign_id: null,
    })) satisfies NewEvent[],
    next_at: step.next_at,
    attempted: outcome.kind === 'later' ? outcome.counts : outcome.kind !== 'dropped',
  };
}

interface Step {
  next_at: number | null;
  /** What `next_at` is, as told to the customer: null when the message expires before another attempt. */
  announced: number | null;
}
const DONE: Step = { next_at: null, announced: null };

function nextStep(
  item: OutgoingRecipient,
  attempt: number,
  outcome: Outcome,
  at: number,
  schedule: readonly number[],
): Step {
  if (outcome.kind === 'later') return clamped(item, at + outcome.after_ms);
  if (outcome.kind !== 'deferred') return DONE;
  const seconds = schedule[attempt - 1];
  const wait = outcome.retry_after_ms ?? (seconds === undefined ? null : seconds * 1000);
  return wait === null ? DONE : clamped(item, at + wait);
}

/** A recipient that expires before its next attempt comes back at that moment, to be dropped. */
function clamped(item: OutgoingRecipient, at: number): Step {
  return item.expires_at !== null && at >= item.expires_at
    ? { next_at: item.expires_at, announced: null }
    : { next_at: at, announced: at };
}

interface Fact {
  event_type: string;
  data: object;
}

function factsOf(
  item: OutgoingRecipient,
  attempt: number,
  outcome: Outcome,
  at: number,
  step: Step,
): readonly Fact[] {
  if (outcome.kind === 'later') return [];
  if (outcome.kind === 'delivered') {
    return [
      { event_type: 'delivered', data: deliveredData(item, outcome, at) },
      ...(outcome.follow_ups ?? []),
    ];
  }
  if (outcome.kind === 'dropped') {
    const data: DroppedData = { reason: outcome.reason, suppression: null };
    return [{ event_type: 'dropped', data }];
  }
  if (outcome.kind === 'bounce') return [{ event_type: 'bounce', data: bounceData(outcome) }];
  if (outcome.kind === 'soft_bounce') return [softBounce(outcome, outcome.bounce_category)];
  return step.next_at === null
    ? [softBounce(outcome, outcome.bounce_category ?? 'other')]
    : [{ event_type: 'deferred', data: deferredData(outcome, attempt, step) }];
}

function deliveredData(item: OutgoingRecipient, outcome: Delivered, at: number): DeliveredData {
  return {
    smtp_response: outcome.smtp_response,
    server: outcome.server,
    delivery_latency_ms: at - item.accepted_at,
  };
}

function deferredData(outcome: Deferred, attempt: number, step: Step): DeferredData {
  const data: DeferredData = {
    smtp_code: outcome.smtp_code,
    enhanced_code: outcome.enhanced_code,
    smtp_message: outcome.smtp_message,
    attempt,
    next_attempt_at: step.announced === null ? null : new Date(step.announced).toISOString(),
  };
  if (outcome.unknown === true) data.outcome = 'unknown';
  return data;
}

function softBounce(outcome: Deferred | SoftBounced, category: SoftBounceData['bounce_category']): Fact {
  const data: SoftBounceData = {
    bounce_type: 'soft',
    bounce_category: category,
    smtp_code: outcome.smtp_code,
    enhanced_code: outcome.enhanced_code,
    smtp_message: outcome.smtp_message,
    was_automatic: true,
  };
  return { event_type: 'soft_bounce', data };
}

/** `suppressed: true` is what makes the store's decision add the suppression. */
function bounceData(outcome: Bounced): BounceData {
  return {
    bounce_type: 'hard',
    bounce_category: outcome.bounce_category,
    smtp_code: outcome.smtp_code,
    enhanced_code: outcome.enhanced_code,
    smtp_message: outcome.smtp_message,
    was_automatic: true,
    rule: outcome.rule,
    suppressed: outcome.suppress,
  };
}
