/**
 * Postmark's webhooks.
 * Sources: https://postmarkapp.com/developer/webhooks/webhooks-overview and the pages of each webhook below it,
 * https://postmarkapp.com/developer/api/bounce-api#bounce-types.
 *
 * Not signed: basic authentication in the URL, or an `Authorization: Bearer` of one's own among the custom headers. Only
 * bounces and spam complaints have an id.
 */

import { verifyAuthorization } from './authorization.ts';
import { defineProvider, jsonItems } from './define-provider.ts';
import { address, fields, id, isoTime, metadata, tags, text, url, type Fields } from './json-fields.ts';
import type { Draft } from './normalize.ts';
import type { Mapping } from './provider.ts';
import { smtpReply } from './smtp-reply.ts';

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'Delivery', ours: 'delivered' },
  { theirs: 'Bounce', ours: 'soft_bounce', note: 'a type that is not documented' },
  { theirs: 'Bounce/HardBounce', ours: 'bounce', category: 'invalid_email' },
  { theirs: 'Bounce/Transient', ours: 'deferred', note: 'delayed; Postmark retries' },
  { theirs: 'Bounce/Unsubscribe', ours: 'unsubscribe' },
  { theirs: 'Bounce/Subscribe', ours: 'custom' },
  { theirs: 'Bounce/AutoResponder', ours: 'custom', note: 'an automatic answer, no failure' },
  { theirs: 'Bounce/AddressChange', ours: 'custom' },
  { theirs: 'Bounce/DnsError', ours: 'soft_bounce', category: 'network' },
  { theirs: 'Bounce/SpamNotification', ours: 'soft_bounce', category: 'spam' },
  { theirs: 'Bounce/OpenRelayTest', ours: 'custom' },
  { theirs: 'Bounce/Unknown', ours: 'soft_bounce' },
  { theirs: 'Bounce/SoftBounce', ours: 'soft_bounce' },
  { theirs: 'Bounce/VirusNotification', ours: 'bounce', category: 'content' },
  { theirs: 'Bounce/ChallengeVerification', ours: 'custom' },
  { theirs: 'Bounce/BadEmailAddress', ours: 'bounce', category: 'invalid_email' },
  { theirs: 'Bounce/SpamComplaint', ours: 'complaint' },
  { theirs: 'Bounce/ManuallyDeactivated', ours: 'dropped' },
  { theirs: 'Bounce/Unconfirmed', ours: 'dropped' },
  { theirs: 'Bounce/Blocked', ours: 'soft_bounce', category: 'blocked' },
  { theirs: 'Bounce/SMTPApiError', ours: 'dropped', note: 'not accepted from the sender' },
  { theirs: 'Bounce/InboundError', ours: 'custom' },
  { theirs: 'Bounce/DMARCPolicy', ours: 'bounce', category: 'auth_failure' },
  { theirs: 'Bounce/TemplateRenderingFailed', ours: 'dropped' },
  { theirs: 'SpamComplaint', ours: 'complaint' },
  { theirs: 'Open', ours: 'open' },
  { theirs: 'Click', ours: 'click' },
  { theirs: 'SubscriptionChange', ours: 'custom', note: 'subscribed again' },
  { theirs: 'SubscriptionChange/ManualSuppression', ours: 'unsubscribe' },
  { theirs: 'SubscriptionChange/HardBounce', ours: 'custom', note: 'follows a Bounce' },
  { theirs: 'SubscriptionChange/SpamComplaint', ours: 'custom', note: 'follows a SpamComplaint' },
  { theirs: 'Inbound', ours: 'received', note: 'has no RecordType' },
];

export const postmark = defineProvider({
  name: 'postmark',
  title: 'Postmark',
  documentation: 'https://postmarkapp.com/developer/webhooks/webhooks-overview',
  authentication: 'basic authentication: `username` and `password`; or `secret` as a bearer token',
  coverage: 'nothing',
  maxAge: null,
  mappings: MAPPINGS,
  verify: (request, credentials) => Promise.resolve(verifyAuthorization(request, credentials)),
  open: jsonItems,
  drafts: (event) => {
    const type = typeOf(event);
    return [
      {
        type,
        at:
          isoTime(event['DeliveredAt']) ??
          isoTime(event['BouncedAt']) ??
          isoTime(event['ReceivedAt']) ??
          isoTime(event['ChangedAt']),
        recipient:
          address(event['Recipient']) ?? address(event['Email']) ?? address(event['OriginalRecipient']),
        messageId: id(event['MessageID']),
        eventId: id(event['ID']),
        tags: tags(event['Tag']),
        metadata: metadata(event['Metadata']),
        reason: text(event['Description']) ?? text(event['SuppressionReason']),
        reply: event['Details'] === undefined ? null : smtpReply(event['Details']),
        url: url(event['OriginalLink']),
        userAgent: text(event['UserAgent']),
        ip: text(fields(event['Geo'])['IP']),
      },
    ];
  },
});

function typeOf(event: Fields): Draft['type'] {
  const type = text(event['RecordType']);
  if (type === null) return ['MailboxHash' in event ? 'Inbound' : null];
  if (type === 'Bounce') return [type, text(event['Type'])];
  return type === 'SubscriptionChange' && event['SuppressSending'] === true
    ? [type, text(event['SuppressionReason'])]
    : [type];
}
