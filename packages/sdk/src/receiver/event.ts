/** What handlers get: the native envelope, whichever dialect or provider it came from. */

import type {
  AcceptedData,
  BounceData,
  ClickData,
  ComplaintData,
  DeferredData,
  DeliveredData,
  DroppedData,
  EventEnvelope,
  OpenData,
  SoftBounceData,
  UnsubscribeData,
} from '@postrider/contract/events';

export interface ReceivedEvent<Data = Record<string, unknown>> extends EventEnvelope<Data> {
  /** Place in the endpoint's lane; null in dialects that have none. */
  seq: number | null;
  /** Only on samples of the endpoint test call. */
  test?: true;
}

/** What Postrider's own events carry. Events of other providers carry what is known of it; see `/v1/sources`. */
export interface EventData {
  accepted: AcceptedData;
  delivered: DeliveredData;
  deferred: DeferredData;
  soft_bounce: SoftBounceData;
  bounce: BounceData;
  dropped: DroppedData;
  complaint: ComplaintData;
  unsubscribe: UnsubscribeData;
  open: OpenData;
  click: ClickData;
}
