/** The filters that event lists and the live stream share. */

import { canonicalRecipientOrNull } from './canonical-recipient.ts';
import { listParameter, textParameter, timeParameter, type Values } from './query-string.ts';
import type { EventQuery } from './query-service.ts';

const EVENT_TYPE = /^[a-z][a-z0-9_.-]{0,99}(?:\.\*)?$/;

export const TIME_RANGE = {
  after: timeParameter('Not older than this (ISO-8601).'),
  before: timeParameter('Older than this (ISO-8601).'),
};

export const EVENT_PARAMETERS = {
  event_type: listParameter(
    EVENT_TYPE,
    50,
    'One or several event types or prefixes such as `custom.*`, separated by commas.',
  ),
  message_id: textParameter('Of this message.'),
  recipient: textParameter('Of this recipient.'),
  campaign_id: textParameter('Of this campaign.'),
  tag: textParameter('With this tag.'),
  ...TIME_RANGE,
};

export function eventQuery(values: Values<typeof EVENT_PARAMETERS>): EventQuery {
  return {
    event_type: values.event_type,
    message_id: values.message_id,
    recipient: canonicalRecipientOrNull(values.recipient),
    campaign_id: values.campaign_id,
    tag: values.tag,
    after: values.after,
    before: values.before,
  };
}
