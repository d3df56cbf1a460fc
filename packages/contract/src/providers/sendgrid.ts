/**
 * Twilio SendGrid's Event Webhook.
 * Sources: https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event,
 * https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/getting-started-event-webhook-security-features.
 *
 * Signed with ECDSA P-256 and SHA-256 over the timestamp's text and the body; the key is a SubjectPublicKeyInfo in base64,
 * the signature is DER. Left open: whether a retry has a new timestamp. Retries last 24 hours, so that is the age
 * allowed; `sg_event_id` tells duplicates.
 */

import type { BounceCategory } from '../events.ts';
import { decodeBase64 } from '../base64.ts';
import { signedBytes } from '../sign.ts';
import { readHeaders } from '../verify.ts';
import { defineProvider, jsonItems } from './define-provider.ts';
import {
  address,
  id,
  messageIdHeader,
  metadata,
  seconds,
  tags,
  text,
  url,
  type Fields,
} from './json-fields.ts';
import {
  refused,
  VERIFIED,
  type Mapping,
  type ProviderCredentials,
  type ProviderEnv,
  type ProviderRequest,
  type Verification,
} from './provider.ts';
import { decodePem, firstRefusal, P256, publicKey, signatureMatches, staleness } from './signatures.ts';
import { smtpReply } from './smtp-reply.ts';

const MAX_AGE = 86_400;
const SIGNATURE = 'x-twilio-email-event-webhook-signature';
const TIMESTAMP = 'x-twilio-email-event-webhook-timestamp';

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'processed', ours: 'accepted' },
  { theirs: 'delivered', ours: 'delivered' },
  { theirs: 'deferred', ours: 'deferred' },
  { theirs: 'bounce', ours: 'bounce' },
  { theirs: 'bounce/bounce', ours: 'bounce' },
  {
    theirs: 'bounce/blocked',
    ours: 'soft_bounce',
    category: 'blocked',
    note: 'this message was refused; SendGrid does not suppress the address',
  },
  { theirs: 'dropped', ours: 'dropped' },
  { theirs: 'open', ours: 'open', note: 'machine: `sg_machine_open`' },
  { theirs: 'click', ours: 'click' },
  { theirs: 'spamreport', ours: 'complaint' },
  { theirs: 'unsubscribe', ours: 'unsubscribe' },
  { theirs: 'group_unsubscribe', ours: 'unsubscribe', note: 'from one group' },
  { theirs: 'group_resubscribe', ours: 'custom' },
  { theirs: 'account_status_change', ours: 'custom', note: 'about the account, not a message' },
];

/** `bounce_classification`. `Mailbox Unavailable` may be full or closed: the reply tells better. */
const CLASSIFICATIONS: ReadonlyMap<string, BounceCategory> = new Map([
  ['Invalid Address', 'invalid_email'],
  ['Technical Failure', 'network'],
  ['Content', 'content'],
  ['Reputation', 'blocked'],
  ['Frequency or Volume Too High', 'rate_limited'],
]);

/** Members that are SendGrid's; others are the sender's own unique arguments. */
const OWN = new Set(
  (
    'email timestamp event smtp-id sg_event_id sg_message_id sg_template_id sg_template_name sg_machine_open ' +
    'sg_content_type useragent ip url url_offset reason status response attempt type category bounce_classification ' +
    'asm_group_id tls cert_err pool newsletter marketing_campaign_id marketing_campaign_name ' +
    'marketing_campaign_version marketing_campaign_split_id singlesend_id singlesend_name phase_id template_id ' +
    'template_hash template_version_id send_at mc_auto_id mc_auto_name mc_pod_id mc_stats'
  ).split(' '),
);

export const sendgrid = defineProvider({
  name: 'sendgrid',
  title: 'Twilio SendGrid',
  documentation: 'https://www.twilio.com/docs/sendgrid/for-developers/tracking-events/event',
  authentication:
    'ECDSA P-256 over timestamp and body; `secret` is the verification key of the signed event webhook',
  coverage: 'body',
  maxAge: MAX_AGE,
  mappings: MAPPINGS,
  verify,
  open: jsonItems,
  drafts: (event) => {
    const reply = event['response'] ?? event['reason'];
    const bounce = text(event['event']) === 'bounce';
    return [
      {
        type: [text(event['event']), bounce ? text(event['type']) : null],
        at: seconds(event['timestamp']),
        recipient: address(event['email']),
        // What the sender was given as `X-Message-Id`; after the dot comes where it was processed.
        messageId: id(event['sg_message_id'])?.split('.', 1)[0] ?? null,
        eventId: id(event['sg_event_id']),
        messageIdHeader: messageIdHeader(event['smtp-id']),
        tags: tags(event['category']),
        metadata: metadata(Object.fromEntries(Object.entries(event).filter(([name]) => !OWN.has(name)))),
        reason: text(event['reason']),
        reply: reply === undefined ? null : smtpReply(reply, null, event['status']),
        category: CLASSIFICATIONS.get(text(event['bounce_classification']) ?? '') ?? null,
        url: url(event['url']),
        userAgent: text(event['useragent']),
        ip: text(event['ip']),
        machine: machineOf(event),
      },
    ];
  },
});

function machineOf(event: Fields): boolean | null {
  const flag = event['sg_machine_open'];
  return typeof flag === 'boolean' ? flag : null;
}

async function verify(
  request: ProviderRequest,
  { secret = '' }: ProviderCredentials,
  { now }: ProviderEnv,
): Promise<Verification> {
  const spki = decodePem(secret, 'PUBLIC KEY');
  const key = spki === null ? null : await publicKey(spki, P256);
  if (key === null) return refused('bad_secret');
  const headers = readHeaders(request.headers, [SIGNATURE, TIMESTAMP]);
  if (typeof headers === 'string') return refused(headers);
  const [signature, stamp] = headers as [string, string];
  const bytes = decodeBase64(signature);
  if (bytes === null || !/^[0-9]{1,12}$/.test(stamp)) return refused('malformed_header');
  const stale = firstRefusal(staleness(Number(stamp) * 1000, now, MAX_AGE));
  if (stale !== null) return stale;
  const message = signedBytes(stamp, request.rawBody);
  return (await signatureMatches(key, P256, bytes, message)) ? VERIFIED : refused('no_match');
}
