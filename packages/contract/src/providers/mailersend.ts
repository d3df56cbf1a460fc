/**
 * MailerSend's webhooks, payload versions 2 and 1 (the nested one, until December 2026).
 * Source: https://developers.mailersend.com/api/v1/account/webhooks.html.
 *
 * Hexadecimal HMAC-SHA256 of the body in `Signature`; no time is signed. The ping at setup, `webhook.test`, is signed with a
 * public key of MailerSend's, and wants 2xx. Left open there: the members of `meta`; what is read of it is what the
 * examples and the version 1 page have.
 */

import { defineProvider, jsonItems } from './define-provider.ts';
import {
  address,
  fields,
  id,
  isoTime,
  parseJson,
  tags,
  text,
  url,
  utf8,
  type Fields,
} from './json-fields.ts';
import type { Mapping } from './provider.ts';
import { verifyHexHeader } from './signatures.ts';
import { smtpReply } from './smtp-reply.ts';

const custom = (theirs: string): Mapping => ({ theirs, ours: 'custom' });

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'activity.sent', ours: 'accepted', note: 'sent on, no answer yet' },
  { theirs: 'activity.delivered', ours: 'delivered' },
  { theirs: 'activity.deferred', ours: 'deferred' },
  { theirs: 'activity.soft_bounced', ours: 'soft_bounce' },
  { theirs: 'activity.hard_bounced', ours: 'bounce' },
  { theirs: 'activity.opened', ours: 'open' },
  { theirs: 'activity.opened_unique', ours: 'open', note: 'the first; `activity.opened` may come too' },
  { theirs: 'activity.clicked', ours: 'click' },
  { theirs: 'activity.clicked_unique', ours: 'click', note: 'the first; `activity.clicked` may come too' },
  { theirs: 'activity.unsubscribed', ours: 'unsubscribe' },
  { theirs: 'activity.spam_complaint', ours: 'complaint' },
  ...['activity.survey_opened', 'activity.survey_submitted'].map(custom),
  ...['recipient.on_hold_added', 'recipient.on_hold_removed'].map(custom),
  ...['sender_identity.verified', 'maintenance.start', 'maintenance.end'].map(custom),
  ...['inbound_forward.failed', 'inbound_message.rejected', 'bulk_email.completed'].map(custom),
  ...['email_single.verified', 'email_list.verified', 'webhook.test'].map(custom),
  { theirs: 'inbound.message', ours: 'received', note: 'inbound routing' },
];

export const mailersend = defineProvider({
  name: 'mailersend',
  title: 'MailerSend',
  documentation: 'https://developers.mailersend.com/api/v1/account/webhooks.html',
  authentication: 'HMAC-SHA256 of the body; `secret` is the signing secret of the webhook',
  coverage: 'body',
  maxAge: null,
  mappings: MAPPINGS,
  verify: (request, { secret }) => verifyHexHeader(request, secret, 'signature'),
  isProbe: (request) => {
    const body = fields(parseJson(utf8(request.rawBody)));
    return request.method === 'POST' && body['type'] === 'webhook.test' && body['data'] === undefined;
  },
  open: jsonItems,
  drafts: (event) => {
    const data = fields(event['data']);
    // Version 1 has the mail in `email`, and in `morph` what version 2 has in `meta`.
    const mail = fields(data['email']);
    const meta = { ...fields(data['morph']), ...fields(data['meta']) };
    return [
      {
        type: [text(event['type'])],
        at: isoTime(data['created_at']) ?? isoTime(event['created_at']),
        recipient:
          address(data['recipient']) ?? address(data['email']) ?? address(fields(mail['recipient'])['email']),
        messageId: id(data['message_id']) ?? id(fields(mail['message'])['id']),
        eventId: id(data['id']),
        tags: tags(data['tags'] ?? mail['tags']),
        reason: reasonOf(meta),
        reply: replyOf(meta),
        url: url(meta['url']),
        userAgent: text(meta['user_agent']),
        ip: text(meta['ip']),
      },
    ];
  },
});

const REASONS = [
  'bounce_reason',
  'reject_reason',
  'suppression_reason',
  'unsubscribe_reason',
  'readable_reason',
  'reason',
];

function reasonOf(meta: Fields): string | null {
  for (const name of REASONS) {
    const reason = text(meta[name]);
    if (reason !== null) return reason;
  }
  return null;
}

function replyOf(meta: Fields): ReturnType<typeof smtpReply> | null {
  const message = meta['bounce_reason'] ?? meta['reason'];
  return message === undefined ? null : smtpReply(message, meta['bounce_code']);
}
