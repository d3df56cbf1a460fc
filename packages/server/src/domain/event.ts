/** An event on its way to the store, and the exact bytes of its envelope once it is there. */

import type { EnvironmentName, StateSnapshot } from '@postrider/contract/events';

/** What a stage hands to the store. The decision (`decide.ts`) adds state and deliveries inside the transaction. */
export interface NewEvent {
  event_id: string;
  event_type: string;
  /** Milliseconds since the epoch, on the environment's clock. */
  at: number;
  message_id: string | null;
  recipient: string | null;
  /** JSON text of `data`. Text, because it crosses a thread and is stored as it is. */
  data: string;
  /**
   * JSON text of `tags`, `metadata` and `campaign_id`, made by `labelsJson`.
   * Null means: take the message's own.
   */
  labels: string | null;
  campaign_id: string | null;
  /** The endpoint an operational event is about; it is not sent there. */
  about_endpoint_id?: string;
}

/** The three label members of the envelope as JSON text, in the order of the contract, without braces. */
export function labelsJson(
  tags: readonly string[],
  metadata: Readonly<Record<string, string>>,
  campaignId: string | null,
): string {
  return `"tags":${JSON.stringify(tags)},"metadata":${JSON.stringify(metadata)},"campaign_id":${JSON.stringify(campaignId)}`;
}

export const NO_LABELS = labelsJson([], {}, null);

/**
 * The envelope of DESIGN section 4 as JSON text. Built by concatenation: `data` and the labels are JSON
 * already, ids and types are of a known alphabet, and this runs once per event in the commit path.
 */
export function envelopeJson(
  event: NewEvent,
  environment: EnvironmentName,
  labels: string,
  state: StateSnapshot | null,
): string {
  const message = event.message_id === null ? 'null' : `"${event.message_id}"`;
  const recipient = event.recipient === null ? 'null' : JSON.stringify(event.recipient);
  const stateText =
    state === null
      ? 'null'
      : `{"status":"${state.status}","previous":${state.previous === null ? 'null' : `"${state.previous}"`},"terminal":${state.terminal}}`;
  return `{"event_id":"${event.event_id}","event_type":"${event.event_type}","timestamp":"${new Date(event.at).toISOString()}","message_id":${message},"recipient":${recipient},"data":${event.data},"environment":"${environment}",${labels},"state":${stateText}}`;
}
