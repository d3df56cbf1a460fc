/**
 * The dialect of SentinMail: `{id, type, recipient, sent_email_id, campaign_id, metadata, timestamp}`, five types and
 * no others. `metadata` is the data of our event. SentinMail documents no signature; ours stands in the headers.
 */

import type { Dialect } from './dialect.ts';
import { campaignOf, readEnvelopeText } from './envelope-text.ts';
import { standardSigning } from './standard-signing.ts';

const NAMES: ReadonlyMap<string, string> = new Map([
  ['delivered', 'delivered'],
  ['open', 'opened'],
  ['click', 'clicked'],
  ['soft_bounce', 'bounced'],
  ['bounce', 'bounced'],
  ['unsubscribe', 'unsubscribed'],
]);

export const sentinmail: Dialect = {
  ...standardSigning,
  types: new Set(NAMES.keys()),
  open: false,
  contentType: 'application/json',
  batchContentType: null,
  body(envelope, _seq, test = false) {
    const parts = readEnvelopeText(envelope);
    const type = NAMES.get(parts.event_type) ?? parts.event_type;
    return (
      `{"id":${parts.event_id},"type":"${type}","recipient":${parts.recipient},"sent_email_id":${parts.message_id},` +
      `"campaign_id":${campaignOf(envelope)},"metadata":${envelope.slice(parts.dataStart, parts.dataEnd)},` +
      `"timestamp":"${parts.timestamp}"${test ? ',"test":true' : ''}}`
    );
  },
};
