/**
 * Brevo's transactional webhooks (once Sendinblue).
 * Sources: https://developers.brevo.com/docs/transactional-webhooks, https://developers.brevo.com/docs/secured-webhooks,
 * https://developers.brevo.com/docs/batched-webhooks.
 *
 * Not signed: a user and password in the URL, or a bearer token. No event has an id: `id` is the webhook's. Of the times,
 * `ts_epoch` is UTC in milliseconds, `ts_event` in seconds; `date` and `ts` are in the account's zone, and not read.
 */

import { verifyAuthorization } from './authorization.ts';
import { defineProvider, jsonItems } from './define-provider.ts';
import {
  address,
  id,
  messageIdHeader,
  metadata,
  milliseconds,
  parseJson,
  seconds,
  tags,
  text,
  url,
  MAX_JSON,
  type Fields,
} from './json-fields.ts';
import type { Mapping } from './provider.ts';
import { smtpReply } from './smtp-reply.ts';

const MAPPINGS: readonly Mapping[] = [
  { theirs: 'request', ours: 'accepted' },
  { theirs: 'delivered', ours: 'delivered' },
  { theirs: 'deferred', ours: 'deferred' },
  { theirs: 'soft_bounce', ours: 'soft_bounce' },
  { theirs: 'hard_bounce', ours: 'bounce' },
  { theirs: 'invalid_email', ours: 'bounce', category: 'invalid_email' },
  { theirs: 'blocked', ours: 'dropped', note: 'Brevo did not send: the address is on its blocklist' },
  { theirs: 'error', ours: 'dropped' },
  { theirs: 'spam', ours: 'complaint' },
  { theirs: 'unsubscribed', ours: 'unsubscribe' },
  { theirs: 'opened', ours: 'open' },
  { theirs: 'unique_opened', ours: 'open', note: 'the first; `opened` may come too' },
  { theirs: 'proxy_open', ours: 'open', machine: true },
  { theirs: 'unique_proxy_open', ours: 'open', machine: true },
  { theirs: 'click', ours: 'click' },
];

export const brevo = defineProvider({
  name: 'brevo',
  title: 'Brevo',
  documentation: 'https://developers.brevo.com/docs/transactional-webhooks',
  authentication: 'basic authentication: `username` and `password`; or `secret` as a bearer token',
  coverage: 'nothing',
  maxAge: null,
  mappings: MAPPINGS,
  verify: (request, credentials) => Promise.resolve(verifyAuthorization(request, credentials)),
  open: jsonItems,
  drafts: (event) => [
    {
      type: [text(event['event'])],
      at: milliseconds(event['ts_epoch']) ?? seconds(event['ts_event']),
      recipient: address(event['email']),
      messageId: id(event['message-id']),
      messageIdHeader: messageIdHeader(event['message-id']),
      tags: tagsOf(event),
      metadata: metadata(parseJson(text(event['X-Mailin-custom'], MAX_JSON))),
      reason: text(event['reason']),
      reply: event['reason'] === undefined ? null : smtpReply(event['reason']),
      url: url(event['link']),
      userAgent: text(event['user_agent']),
      ip: text(event['ip']),
    },
  ],
});

/** `tags` is a list; older mail has `tag`, one text, or a list written as JSON. */
function tagsOf(event: Fields): string[] {
  if (event['tags'] !== undefined) return tags(event['tags']);
  const written = parseJson(text(event['tag'], MAX_JSON));
  return tags(Array.isArray(written) ? written : event['tag']);
}
