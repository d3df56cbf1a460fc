/**
 * Mailtrap's webhooks, in JSON or JSON Lines.
 * Sources: https://docs.mailtrap.io/email-api-smtp/advanced/webhooks,
 * https://docs.mailtrap.io/email-api-smtp/analytics/statuses-and-events.
 *
 * Hexadecimal HMAC-SHA256 of the body in `Mailtrap-Signature`; no time is signed. Basic authentication in the URL is
 * offered instead. Left open: the values of `bounce_category`, which goes to the reason, and whether the soft bounce has a blank
 * in its name (the examples) or an underscore.
 */

import { hasPassword, verifyAuthorization } from './authorization.ts';
import { defineProvider, itemsOf, MALFORMED } from './define-provider.ts';
import {
  address,
  fields,
  id,
  isObject,
  metadata,
  parseJson,
  seconds,
  tags,
  text,
  url,
  utf8,
} from './json-fields.ts';
import { MAX_EVENTS } from './normalize.ts';
import type { Mapping, Reading } from './provider.ts';
import { verifyHexHeader } from './signatures.ts';
import { smtpReply } from './smtp-reply.ts';

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'delivery', ours: 'delivered' },
  { theirs: 'soft bounce', ours: 'deferred', note: 'Mailtrap retries' },
  { theirs: 'suspension', ours: 'deferred', note: 'the sending domain is not verified; Mailtrap retries' },
  { theirs: 'bounce', ours: 'bounce' },
  { theirs: 'reject', ours: 'dropped' },
  { theirs: 'spam', ours: 'complaint' },
  { theirs: 'unsubscribe', ours: 'unsubscribe' },
  { theirs: 'open', ours: 'open' },
  { theirs: 'click', ours: 'click' },
  { theirs: 'inbound.message_received', ours: 'received' },
];

export const mailtrap = defineProvider({
  name: 'mailtrap',
  title: 'Mailtrap',
  documentation: 'https://docs.mailtrap.io/email-api-smtp/advanced/webhooks',
  authentication:
    'HMAC-SHA256 of the body; `secret` is the signature key of the webhook. Without it, basic authentication',
  coverage: 'body',
  maxAge: null,
  mappings: MAPPINGS,
  verify: (request, { secret = '', ...credentials }) =>
    secret === '' && hasPassword(credentials)
      ? Promise.resolve(verifyAuthorization(request, credentials))
      : verifyHexHeader(request, secret, 'mailtrap-signature'),
  open: (request) => {
    const body = utf8(request.rawBody);
    const whole = parseJson(body);
    if (isObject(whole) && Array.isArray(whole['events'])) return whole['events'] as unknown[];
    return whole === undefined ? jsonLines(body ?? '') : itemsOf(whole);
  },
  drafts: (event) => {
    const reply = event['response'] ?? event['reason'];
    return [
      {
        type: [event['event'] === 'soft_bounce' ? 'soft bounce' : text(event['event'])],
        at: seconds(event['timestamp']),
        recipient: address(event['email']),
        messageId: id(event['message_id']),
        eventId: id(event['event_id']),
        tags: tags(event['category']),
        metadata: metadata(fields(event['custom_variables'])),
        reason: text(event['reason']) ?? text(event['bounce_category']),
        reply: reply === undefined ? null : smtpReply(reply, event['response_code']),
        url: url(event['url']),
        userAgent: text(event['user_agent']),
        ip: text(event['ip']),
      },
    ];
  },
});

/** One JSON value a line; all of them or none. */
function jsonLines(body: string): readonly unknown[] | Reading {
  const lines = body.split('\n', MAX_EVENTS + 2).filter((line) => line.trim() !== '');
  const values = lines.map(parseJson);
  return values.length === 0 || values.includes(undefined) ? MALFORMED : values;
}
