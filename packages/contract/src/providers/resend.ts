/**
 * Resend's webhooks, signed by Svix.
 * Sources: https://resend.com/docs/webhooks/event-types, https://resend.com/docs/webhooks/verify-webhooks-requests,
 * (the types of inboxes and suppressions: resend-node, src/webhooks/interfaces/webhook-event.interface.ts),
 * https://docs.svix.com/receiving/verifying-payloads/how-manual. Bounce types are those of Amazon SES:
 * https://resend.com/docs/dashboard/emails/email-bounces.
 *
 * Svix is Standard Webhooks under other header names, and signs each attempt anew. `svix-id` is the same on retries.
 * Left open: which of several recipients an event is about. Then the recipient is null.
 */

import { TOLERANCE_SECONDS } from '../sign.ts';
import { readHeaders, verifyStandard } from '../verify.ts';
import { defineProvider, jsonItems } from './define-provider.ts';
import { address, fields, id, isoTime, list, messageIdHeader, metadata, text, url } from './json-fields.ts';
import {
  refused,
  VERIFIED,
  type Mapping,
  type ProviderCredentials,
  type ProviderEnv,
  type ProviderRequest,
  type Verification,
} from './provider.ts';
import { sesBounces } from './ses-bounces.ts';
import { smtpReply } from './smtp-reply.ts';

const custom = (theirs: string): Mapping => ({ theirs, ours: 'custom' });

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'email.scheduled', ours: 'accepted' },
  { theirs: 'email.sent', ours: 'accepted' },
  { theirs: 'email.delivered', ours: 'delivered' },
  { theirs: 'email.delivery_delayed', ours: 'deferred' },
  { theirs: 'email.bounced', ours: 'bounce', note: 'without a bounce type' },
  ...sesBounces('email.bounced'),
  { theirs: 'email.complained', ours: 'complaint' },
  { theirs: 'email.opened', ours: 'open' },
  { theirs: 'email.clicked', ours: 'click' },
  { theirs: 'email.failed', ours: 'dropped' },
  { theirs: 'email.suppressed', ours: 'dropped' },
  { theirs: 'email.received', ours: 'received' },
  ...['domain.created', 'domain.updated', 'domain.deleted'].map(custom),
  ...['contact.created', 'contact.updated', 'contact.deleted'].map(custom),
  ...['suppression.added', 'suppression.removed'].map(custom),
  ...['inbox.created', 'inbox.updated', 'inbox.deleted', 'inbox.email.received', 'inbox.email.sent'].map(
    custom,
  ),
  ...['inbox.thread.created', 'inbox.thread.folder.updated', 'inbox.thread.labels.updated'].map(custom),
  ...['inbox.thread.assigned', 'inbox.thread.unassigned'].map(custom),
  ...['inbox.draft.created', 'inbox.draft.updated', 'inbox.draft.sent', 'inbox.draft.deleted'].map(custom),
];

const SVIX = ['svix-id', 'svix-timestamp', 'svix-signature'];
const STANDARD = ['webhook-id', 'webhook-timestamp', 'webhook-signature'];

export const resend = defineProvider({
  name: 'resend',
  title: 'Resend',
  documentation: 'https://resend.com/docs/webhooks/event-types',
  authentication: 'Svix: HMAC-SHA256 over id, timestamp and body; `secret` is the signing secret, `whsec_…`',
  coverage: 'body',
  maxAge: TOLERANCE_SECONDS,
  mappings: MAPPINGS,
  verify,
  replayKey,
  open: jsonItems,
  drafts: (event, request) => {
    const data = fields(event['data']);
    const bounce = fields(data['bounce']);
    const action = fields(data['click'] ?? data['open']);
    const to = list(data['to']);
    const whole = {
      type: [text(event['type']), text(bounce['type']), text(bounce['subType'])],
      at: isoTime(action['timestamp']) ?? isoTime(event['created_at']),
      messageId: id(data['email_id']),
      messageIdHeader: messageIdHeader(data['message_id']),
      metadata: metadata(data['tags']),
      reason: text(fields(data['failed'])['reason']) ?? text(fields(data['suppressed'])['message']),
      reply: bounce['message'] === undefined ? null : smtpReply(bounce['message']),
      url: url(action['link']),
      userAgent: text(action['userAgent']),
      ip: text(action['ipAddress']),
    };
    const eventId = replayKey(request);
    const forAll = to.length > 1 && ['email.sent', 'email.scheduled'].includes(String(event['type']));
    if (!forAll) return [{ ...whole, eventId, recipient: to.length === 1 ? address(to[0]) : null }];
    return to.map((one, index) => ({
      ...whole,
      eventId: eventId === null ? null : `${eventId}/${index}`,
      recipient: address(one),
    }));
  },
});

function replayKey(request: ProviderRequest): string | null {
  const found = readHeaders(request.headers, ['svix-id']);
  return typeof found === 'string' ? null : id(found[0]);
}

async function verify(
  request: ProviderRequest,
  { secret = '' }: ProviderCredentials,
  { now }: ProviderEnv,
): Promise<Verification> {
  const values = readHeaders(request.headers, SVIX);
  if (typeof values === 'string') return refused(secret === '' ? 'bad_secret' : values);
  const verified = await verifyStandard({
    body: request.rawBody,
    headers: STANDARD.map((name, index) => [name, values[index] as string] as const),
    secrets: [secret],
    now,
  });
  return verified.ok ? VERIFIED : refused(verified.reason);
}
